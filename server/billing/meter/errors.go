package meter

import "errors"

// The errors of this package.
var (
	// ErrInvalid is a request with a number, time or name out of range.
	ErrInvalid = errors.New("invalid billing request")
	// ErrInsufficient is a hold for more than the account can spend.
	ErrInsufficient = errors.New("insufficient ai time")
	// ErrHoldNotFound is a hold that is not in the state.
	ErrHoldNotFound = errors.New("hold not found")
	// ErrHoldSettled is a hold that has had its terminal event.
	ErrHoldSettled = errors.New("hold is settled")
	// ErrCorrupt is a state that contradicts itself. Nothing is decided on it.
	ErrCorrupt = errors.New("account state is inconsistent")
)
