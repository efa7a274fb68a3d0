package embedded

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// Options say where and how to run. The zero value is what a fresh machine needs.
type Options struct {
	// DataDir is the folder that everything is kept in. It and its missing
	// parents are made with mode 0700. Empty means [DefaultDataDir].
	DataDir string
	// PostgresBin is the folder of initdb and postgres. When it is set no other
	// is looked at and nothing is fetched.
	PostgresBin string
	// Logger is told of the few things worth knowing. Nil discards them.
	Logger *slog.Logger
}

// Embedded is a running Postgres and Redis. Its methods are safe for concurrent use.
type Embedded struct {
	dir      *dataDir
	out      *output
	postgres *postgres
	redis    *redisServer

	closing  sync.Once
	closeErr error
}

// Start runs Postgres and Redis on the data folder and returns once both accept
// connections: in about a second when the folder is new, in a tenth of that
// later. What an earlier Sheen left when it was killed is cleared away first.
//
// ctx bounds the start only; the servers run until Close. A Start that fails has
// stopped and removed all that it made. Its errors that a person can act on are
// [*DataDirError], [*LockedError], [*BinariesError], [*PostgresError] and
// [ErrNoAccount]; it returns the cause of ctx when that has ended.
func Start(ctx context.Context, opts Options) (*Embedded, error) {
	if opts.Logger == nil {
		opts.Logger = slog.New(slog.DiscardHandler)
	}
	if opts.DataDir == "" {
		path, err := DefaultDataDir()
		if err != nil {
			return nil, err
		}
		opts.DataDir = path
	}
	dir, err := openDataDir(opts.DataDir)
	if err != nil {
		return nil, err
	}
	e, err := startIn(ctx, dir, opts)
	if err != nil {
		return nil, errors.Join(err, dir.takeBack())
	}
	return e, nil
}

// startIn starts both servers in a locked data folder. When it fails nothing of
// them is left, except for a cluster that was there before.
func startIn(ctx context.Context, dir *dataDir, opts Options) (_ *Embedded, err error) {
	began := time.Now()
	home := filepath.Join(dir.path, "postgres")
	major, err := clusterMajor(filepath.Join(home, "data"))
	if err != nil {
		return nil, &DataDirError{Dir: dir.path, Err: err}
	}
	if major == 0 {
		defer func() {
			if err != nil {
				err = errors.Join(err, os.RemoveAll(home))
			}
		}()
	}
	if err := os.MkdirAll(home, 0o700); err != nil {
		return nil, &DataDirError{Dir: dir.path, Err: err}
	}
	out, err := openOutput(filepath.Join(home, "log"))
	if err != nil {
		return nil, &DataDirError{Dir: dir.path, Err: err}
	}
	pg, err := startPostgres(ctx, out, major, opts)
	if err != nil {
		return nil, errors.Join(err, out.close())
	}
	redis, err := startRedis()
	if err != nil {
		pg.stop(context.WithoutCancel(ctx))
		return nil, errors.Join(err, out.close())
	}
	opts.Logger.InfoContext(ctx, "embedded postgres and redis are ready", "data_dir", dir.path, "took", time.Since(began))
	return &Embedded{dir: dir, out: out, postgres: pg, redis: redis}, nil
}

func startPostgres(ctx context.Context, out *output, major int, opts Options) (*postgres, error) {
	data := filepath.Join(filepath.Dir(out.path), "data")
	account, err := accountFor(data)
	if err != nil {
		return nil, err
	}
	programs, err := newFinder(opts).find(ctx, major)
	if err != nil {
		return nil, err
	}
	c := &cluster{data: data, programs: programs, account: account, out: out}
	if major > 0 {
		c.log = out.path
	} else {
		opts.Logger.InfoContext(ctx, "making a database", "postgres", programs.major, "from", programs.dir)
		if err := c.create(ctx); err != nil {
			return nil, fmt.Errorf("make a database: %w", err)
		}
	}
	pg, err := c.start(ctx, opts.Logger)
	if err != nil {
		return nil, fmt.Errorf("start embedded postgres: %w", err)
	}
	return pg, nil
}

// DatabaseURL returns the address of Postgres for pgx and everything that reads
// libpq's URLs: a superuser on an empty database, over a Unix socket.
func (e *Embedded) DatabaseURL() string { return e.postgres.url }

// RedisURL returns the address of Redis, with its password, for go-redis.
func (e *Embedded) RedisURL() string { return e.redis.url }

// Close stops both servers and lets the data folder go. When ctx ends it hurries:
// Postgres then recovers at its next start, and still loses nothing. Close
// returns when both are gone; later calls return what the first did.
func (e *Embedded) Close(ctx context.Context) error {
	e.closing.Do(func() {
		e.redis.stop()
		e.postgres.stop(ctx)
		e.closeErr = errors.Join(e.out.close(), e.dir.close())
	})
	return e.closeErr
}
