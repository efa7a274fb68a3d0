package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// What went wrong, for callers to tell apart with [errors.Is]. The driver's own
// error stays in the chain for the log.
var (
	// ErrNotFound says that no row matched.
	ErrNotFound = errors.New("not found")
	// ErrUnavailable says that Postgres could not be reached, went away or was
	// too busy. The statement may or may not have had its effect.
	ErrUnavailable = errors.New("store is unavailable")
	// ErrText says that a text holds a character that Postgres cannot store: NUL,
	// or bytes that are not UTF-8.
	ErrText = errors.New("text cannot be stored")
	// errRetry says that the transaction lost a race and may be repeated whole.
	errRetry = errors.New("transaction must be repeated")
)

// ConflictError says that a row with the same key exists.
type ConflictError struct {
	// Constraint is the name of the unique constraint.
	Constraint string
	Err        error
}

// Error names the constraint.
func (e *ConflictError) Error() string { return "conflict on " + e.Constraint }

// Unwrap returns the driver's error.
func (e *ConflictError) Unwrap() error { return e.Err }

// SQLSTATE codes and classes of https://www.postgresql.org/docs/current/errcodes-appendix.html.
const (
	codeUniqueViolation      = "23505"
	codeSerializationFailure = "40001"
	codeDeadlockDetected     = "40P01"
	codeLockNotAvailable     = "55P03"
	codeBadText              = "22021"
	codeBadJSONText          = "22P05"
	classConnection          = "08"
	classResources           = "53"
	classIntervention        = "57P"
)

// translate gives an error of the driver its meaning here. Others pass through.
func translate(err error) error {
	if err == nil || errors.Is(err, ErrUnavailable) || errors.Is(err, ErrNotFound) {
		return err
	}
	if errors.Is(err, pgx.ErrNoRows) {
		return ErrNotFound
	}
	if pgErr, ok := errors.AsType[*pgconn.PgError](err); ok {
		return translateCode(pgErr)
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	if lostConnection(err) {
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return err
}

func translateCode(err *pgconn.PgError) error {
	switch {
	case err.Code == codeUniqueViolation:
		return &ConflictError{Constraint: err.ConstraintName, Err: err}
	case err.Code == codeSerializationFailure, err.Code == codeDeadlockDetected:
		return fmt.Errorf("%w: %w", errRetry, err)
	case err.Code == codeLockNotAvailable:
		return fmt.Errorf("%w: %w", ErrLocked, err)
	case err.Code == codeBadText, err.Code == codeBadJSONText:
		return fmt.Errorf("%w: %w", ErrText, err)
	case strings.HasPrefix(err.Code, classConnection),
		strings.HasPrefix(err.Code, classResources),
		strings.HasPrefix(err.Code, classIntervention):
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return err
}

func lostConnection(err error) bool {
	if _, ok := errors.AsType[*pgconn.ConnectError](err); ok {
		return true
	}
	if _, ok := errors.AsType[*net.OpError](err); ok {
		return true
	}
	return errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) ||
		errors.Is(err, net.ErrClosed) || pgconn.SafeToRetry(err) ||
		strings.Contains(err.Error(), "conn closed")
}
