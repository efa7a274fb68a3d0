package event

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	eventv1 "github.com/sheenapps/sheen/gen/sheen/event/v1"
	"github.com/sheenapps/sheen/store"
)

// appending is a running appender and what it published.
type appending struct {
	*Appender

	mu    sync.Mutex
	calls [][]Batch
}

func (b *bundle) appender(t testing.TB, opts ...AppenderOption) *appending {
	t.Helper()
	return startAppender(t, b.log, opts...)
}

func startAppender(t testing.TB, log *Log, opts ...AppenderOption) *appending {
	t.Helper()
	a := &appending{}
	a.Appender = NewAppender(log, func(batches ...Batch) {
		a.mu.Lock()
		defer a.mu.Unlock()
		a.calls = append(a.calls, slices.Clone(batches))
	}, opts...)
	run(t, a.Appender)
	return a
}

// published are a build's records in the order in which they were published.
func (a *appending) published(id uuid.UUID) (records []Record) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, call := range a.calls {
		for _, batch := range call {
			if batch.BuildID == id {
				records = append(records, batch.Records...)
			}
		}
	}
	return records
}

// must appends and fails the test if that does not work.
func (a *appending) must(t testing.TB, p Producer, expected int64, events ...*eventv1.BuildEvent) Batch {
	t.Helper()
	batch, err := a.Append(t.Context(), p, expected, events...)
	if err != nil {
		t.Fatal(err)
	}
	return batch
}

// later appends in the background.
func (a *appending) later(ctx context.Context, p Producer, expected int64, events ...*eventv1.BuildEvent) <-chan error {
	done := make(chan error, 1)
	go func() {
		_, err := a.Append(ctx, p, expected, events...)
		done <- err
	}()
	return done
}

// lease takes a build's lease.
func (b *bundle) lease(t testing.TB, p Producer) Producer {
	t.Helper()
	row, err := b.queries.BuildLeaseTake(t.Context(), b.db, &store.BuildLeaseTakeParams{ID: p.BuildID, TtlMs: 1})
	if err != nil {
		t.Fatal(err)
	}
	return Producer{p.BuildID, row.LeaseToken}
}

// hold locks a build's row in a transaction of its own until the release.
func (b *bundle) hold(t testing.TB, id uuid.UUID) (release func()) {
	t.Helper()
	tx, err := b.db.Pool().Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.queries.EventLock(t.Context(), tx, &store.EventLockParams{BuildID: id}); err != nil {
		t.Fatal(err)
	}
	var once sync.Once
	release = func() { once.Do(func() { _ = tx.Rollback(context.Background()) }) }
	t.Cleanup(release)
	return release
}

// eventually waits until something is so.
func eventually(t testing.TB, what string, so func() bool) {
	t.Helper()
	for deadline := time.Now().Add(15 * time.Second); !so(); time.Sleep(time.Millisecond) { //nolint:forbidigo // polls, bounded
		if time.Now().After(deadline) {
			t.Fatalf("never so: %s", what)
		}
	}
}

// texts are the texts of a build's log.
func (b *bundle) texts(t testing.TB, id uuid.UUID) (all []string) {
	t.Helper()
	for _, e := range decodeAll(b.page(t, id)) {
		all = append(all, e.GetAssistantText().GetDelta())
	}
	return all
}

// wire is a way to Postgres that can lose an answer: the statement is done, and
// the connection is gone before anyone hears of it.
type wire struct {
	to string
	// lose is what the next answers to be lost hold, armed how many, lost how many
	// were.
	lose        []byte
	armed, lost atomic.Int32
}

// throughWire opens the bundle's database behind a wire.
func (b *bundle) throughWire(t testing.TB, lose string) (*wire, *Log) {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "sheenwire") //nolint:usetesting // a socket's path may have 107 bytes at most
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	listener, err := new(net.ListenConfig).Listen(t.Context(), "unix", filepath.Join(dir, ".s.PGSQL.5432"))
	if err != nil {
		t.Fatal(err)
	}
	address, err := url.Parse(b.db.Pool().Config().ConnString())
	if err != nil {
		t.Fatal(err)
	}
	query := address.Query()
	w := &wire{to: filepath.Join(query.Get("host"), ".s.PGSQL.5432"), lose: []byte(lose)}
	query.Set("host", dir)
	address.RawQuery = query.Encode()
	var group sync.WaitGroup
	group.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			group.Go(func() { w.serve(conn) })
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		group.Wait()
	})
	db, err := store.Open(t.Context(), address.String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	return w, NewLog(db)
}

func (w *wire) serve(client net.Conn) {
	server, err := net.Dial("unix", w.to)
	if err != nil {
		_ = client.Close()
		return
	}
	var group sync.WaitGroup
	group.Go(func() {
		_, _ = io.Copy(server, client)
		_ = server.Close()
	})
	buf := make([]byte, 64<<10)
	for {
		n, err := server.Read(buf)
		if err != nil {
			break
		}
		if w.armed.Load() > 0 && bytes.Contains(buf[:n], w.lose) {
			w.armed.Add(-1)
			w.lost.Add(1)
			break
		}
		if _, err := client.Write(buf[:n]); err != nil {
			break
		}
	}
	_ = client.Close()
	_ = server.Close()
	group.Wait()
}
