// Package storetest gives every test a database of its own on one real
// Postgres per test process.
//
// The first use starts a Postgres in a temporary folder, makes a template with
// the whole schema, and leaves a watchdog that stops the server and removes the
// folder when the test process ends, however it ends. A missing Postgres fails
// the test; nothing is skipped. Sessions run in an odd time zone, so that a
// test fails that depends on it.
package storetest

import (
	"context"
	"fmt"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/sheenapps/sheen/store"
)

// timeZone is 14 hours ahead of UTC: the farthest from it there is.
const timeZone = "Pacific/Kiritimati"

const template = "sheen_template"

var (
	started  = sync.OnceValues(start)
	database atomic.Int64
)

// URL makes a fresh database with the whole schema and returns its URL. It is
// dropped when the test ends.
func URL(t testing.TB) string {
	t.Helper()
	c, err := started()
	if err != nil {
		t.Fatalf("storetest: %v", err)
	}
	name := fmt.Sprintf("test_%d", database.Add(1))
	if err := c.admin(t.Context(), fmt.Sprintf("CREATE DATABASE %s TEMPLATE %s", name, template)); err != nil {
		t.Fatalf("storetest: %v", err)
	}
	t.Cleanup(func() {
		if err := c.admin(context.WithoutCancel(t.Context()), "DROP DATABASE "+name+" WITH (FORCE)"); err != nil {
			t.Errorf("storetest: %v", err)
		}
	})
	return c.url(name)
}

// New opens a fresh database with the whole schema. It is closed and dropped
// when the test ends.
func New(t testing.TB, opts ...store.Option) *store.DB {
	t.Helper()
	db, err := store.Open(t.Context(), URL(t), append([]store.Option{store.WithTimeZone(timeZone)}, opts...)...)
	if err != nil {
		t.Fatalf("storetest: %v", err)
	}
	t.Cleanup(db.Close)
	return db
}

func (c *cluster) url(name string) string {
	q := url.Values{"host": {c.dir}, "user": {"sheen"}, "port": {"5432"}}
	return "postgres:///" + name + "?" + q.Encode()
}

// admin runs one statement outside any test's database. Postgres copies a
// template only while nobody else does, so they take turns.
func (c *cluster) admin(ctx context.Context, sql string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	conn, err := pgx.Connect(ctx, c.url("postgres"))
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	_, err = conn.Exec(ctx, sql)
	if closeErr := conn.Close(ctx); err == nil {
		err = closeErr
	}
	return err
}

func (c *cluster) makeTemplate(ctx context.Context) error {
	if err := c.admin(ctx, "CREATE DATABASE "+template); err != nil {
		return err
	}
	db, err := store.Open(ctx, c.url(template))
	if err != nil {
		return err
	}
	defer db.Close()
	return store.Migrate(ctx, db)
}
