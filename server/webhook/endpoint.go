package webhook

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/sheenapps/sheen/store"
)

const (
	// secretShown is how long a repeat of a creation shows the secret again: its
	// answer may have been lost.
	secretShown = time.Hour
	// secretOverlap is how long a secret signs after a rotation.
	secretOverlap = 24 * time.Hour
	// maxSecrets of an endpoint are kept and sign; of more, the newest.
	maxSecrets = 5
)

// wish is an endpoint that somebody wants to have.
type wish struct {
	userID uuid.UUID
	key    string
	// hash tells a repeat from another request with the same key.
	hash  []byte
	url   string
	kinds []int16
}

// create makes an endpoint and its secret, or finds what an earlier request with
// the same key made. The secret is empty if it is not shown any more.
func (s *Service) create(ctx context.Context, w *wish) (made *store.WebhookEndpoint, secret string, err error) {
	now, err := s.clock(ctx)
	if err != nil {
		return nil, "", err
	}
	err = store.InTx(ctx, s.db, func(tx pgx.Tx) (err error) {
		if err := s.queries.WebhookUserLock(ctx, tx, &store.WebhookUserLockParams{UserID: w.userID.String()}); err != nil {
			return err
		}
		made, err = s.queries.WebhookEndpointByKey(ctx, tx, &store.WebhookEndpointByKeyParams{UserID: w.userID, IdempotencyKey: w.key})
		switch {
		case errors.Is(err, store.ErrNotFound):
			made, secret, err = s.insert(ctx, tx, w)
			return err
		case err != nil:
			return err
		case !bytes.Equal(made.RequestHash, w.hash):
			return keyReused()
		}
		secret, err = s.shown(ctx, tx, made, now)
		return err
	})
	return made, secret, err
}

func (s *Service) insert(ctx context.Context, tx pgx.Tx, w *wish) (*store.WebhookEndpoint, string, error) {
	n, err := s.queries.WebhookEndpointCount(ctx, tx, &store.WebhookEndpointCountParams{UserID: w.userID})
	if err != nil {
		return nil, "", err
	}
	if n >= maxEndpoints {
		return nil, "", tooMany()
	}
	id, err := uuid.NewV7()
	if err != nil {
		return nil, "", fmt.Errorf("make an endpoint's id: %w", err)
	}
	made, err := s.queries.WebhookEndpointInsert(ctx, tx, &store.WebhookEndpointInsertParams{
		ID: id, UserID: w.userID, IdempotencyKey: w.key, RequestHash: w.hash, URL: w.url, Kinds: w.kinds,
	})
	if err != nil {
		return nil, "", err
	}
	secret, err := s.addSecret(ctx, tx, id)
	if err != nil {
		return nil, "", err
	}
	return made, secret, s.queries.WebhookBuildMark(ctx, tx, &store.WebhookBuildMarkParams{UserID: w.userID})
}

// enable lets a user's endpoint have what happens from now on.
func (s *Service) enable(ctx context.Context, userID, endpointID uuid.UUID) (enabled *store.WebhookEndpoint, err error) {
	err = store.InTx(ctx, s.db, func(tx pgx.Tx) (err error) {
		enabled, err = s.queries.WebhookEndpointEnable(ctx, tx, &store.WebhookEndpointEnableParams{ID: endpointID, UserID: userID})
		if err != nil {
			return err
		}
		return s.queries.WebhookBuildMark(ctx, tx, &store.WebhookBuildMarkParams{UserID: userID})
	})
	return enabled, err
}

// addSecret stores a new secret.
func (s *Service) addSecret(ctx context.Context, tx pgx.Tx, endpointID uuid.UUID) (string, error) {
	secret, err := newSecret()
	if err != nil {
		return "", err
	}
	err = s.queries.WebhookSecretInsert(ctx, tx, &store.WebhookSecretInsertParams{EndpointID: endpointID, Secret: secret})
	return secretText(secret), err
}

// shown is the secret of an endpoint that was made before, if it may be shown.
func (s *Service) shown(ctx context.Context, tx pgx.Tx, e *store.WebhookEndpoint, now time.Time) (string, error) {
	secrets, err := s.queries.WebhookSecretList(ctx, tx, &store.WebhookSecretListParams{EndpointID: e.ID, Now: &now, AtMost: maxSecrets})
	if err != nil || len(secrets) != 1 || now.Sub(secrets[0].CreateTime) > secretShown {
		return "", err
	}
	return secretText(secrets[0].Secret), nil
}

// rotate gives a user's endpoint a new secret, and returns when those before it
// stop signing.
func (s *Service) rotate(ctx context.Context, userID, endpointID uuid.UUID) (secret string, expire time.Time, err error) {
	now, err := s.clock(ctx)
	if err != nil {
		return "", time.Time{}, err
	}
	expire = now.Add(secretOverlap)
	err = store.InTx(ctx, s.db, func(tx pgx.Tx) error {
		_, err := s.queries.WebhookEndpointByIDForUpdate(ctx, tx, &store.WebhookEndpointByIDForUpdateParams{ID: endpointID, UserID: userID})
		if err != nil {
			return err
		}
		err = s.queries.WebhookSecretExpire(ctx, tx, &store.WebhookSecretExpireParams{EndpointID: endpointID, ExpireTime: &expire})
		if err != nil {
			return err
		}
		if secret, err = s.addSecret(ctx, tx, endpointID); err != nil {
			return err
		}
		return s.queries.WebhookSecretDrop(ctx, tx, &store.WebhookSecretDropParams{EndpointID: endpointID, Now: &now, Keep: maxSecrets})
	})
	return secret, expire, err
}

// parseID reads an id that the schema has checked; what it has not finds nothing.
func parseID(text string) uuid.UUID {
	id, err := uuid.Parse(text)
	if err != nil {
		return uuid.Nil
	}
	return id
}
