package server

import (
	"context"
	"crypto/rand"
	"fmt"
	"time"

	"github.com/sheenapps/sheen/server/token"
	"github.com/sheenapps/sheen/store"
)

const (
	// A node reads the token keys every keyReload. A new one signs only after
	// keySettle, when all nodes have read it: no node meets a token that it cannot
	// open.
	keyReload = time.Minute
	keySettle = 3 * keyReload
	// keyAge is how long a key signs. keyMemory is how long it verifies beyond
	// that at least: longer than a log is kept by default.
	keyAge    = 30 * 24 * time.Hour
	keyMemory = 90 * 24 * time.Hour
)

// loadTokens reads the keys that all nodes share, and makes the first one.
func loadTokens(ctx context.Context, db *store.DB) (*token.Codec, error) {
	secret, err := newTokenSecret()
	if err != nil {
		return nil, err
	}
	if err := store.New().TokenKeyInsertFirst(ctx, db, &store.TokenKeyInsertFirstParams{Secret: secret}); err != nil {
		return nil, fmt.Errorf("store the token key: %w", err)
	}
	keys, err := tokenKeys(ctx, db)
	if err != nil {
		return nil, err
	}
	return token.NewCodec(keys)
}

func newTokenSecret() ([]byte, error) {
	secret := make([]byte, 32)
	if _, err := rand.Read(secret); err != nil {
		return nil, fmt.Errorf("make a token key: %w", err)
	}
	return secret, nil
}

// tokenKeys are all keys, first the one that signs.
func tokenKeys(ctx context.Context, db *store.DB) ([]token.Key, error) {
	rows, err := store.New().TokenKeyList(ctx, db, &store.TokenKeyListParams{SettleSeconds: int64(keySettle.Seconds())})
	if err != nil {
		return nil, fmt.Errorf("read the token keys: %w", err)
	}
	keys := make([]token.Key, len(rows))
	for i, row := range rows {
		keys[i] = token.Key{ID: byte(row.ID), Secret: row.Secret} //nolint:gosec // 1 to 255 by its CHECK
	}
	return keys, nil
}

// renewTokens follows the keys of all nodes, and makes a new one and drops old
// ones when it is time, until ctx ends.
func (s *Server) renewTokens(ctx context.Context, p *parts) {
	ticker := time.NewTicker(keyReload)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		if err := rotateTokens(ctx, p.db, p.tokens); err != nil && ctx.Err() == nil {
			s.log.WarnContext(ctx, "token keys could not be renewed; those known go on", "cause", err)
		}
	}
}

func rotateTokens(ctx context.Context, db *store.DB, codec *token.Codec) error {
	secret, err := newTokenSecret()
	if err != nil {
		return err
	}
	queries := store.New()
	if _, err := queries.TokenKeyRotate(ctx, db, &store.TokenKeyRotateParams{Secret: secret, AgeSeconds: int64(keyAge.Seconds())}); err != nil {
		return fmt.Errorf("make the next token key: %w", err)
	}
	if _, err := queries.TokenKeyDrop(ctx, db, &store.TokenKeyDropParams{AgeSeconds: int64((keyAge + keyMemory).Seconds())}); err != nil {
		return fmt.Errorf("drop old token keys: %w", err)
	}
	keys, err := tokenKeys(ctx, db)
	if err != nil {
		return err
	}
	return codec.Replace(keys)
}
