package meter

import (
	"fmt"
	"time"
)

// GrantRequest gives seconds to the account.
type GrantRequest struct {
	GrantID     ID
	Kind        Kind
	Source      Source
	Seconds     int64     // 1 to MaxSeconds
	ExpireTime  time.Time // zero for never, else after the book's now
	Reason      string
	Key         string // empty for none
	Fingerprint Hash
}

// Grant gives seconds and returns the grant. A grant of kind welcome or daily
// is in addition to the gifts. It returns [ErrInvalid] for a request out of
// range.
func (b *Book) Grant(r GrantRequest) (Grant, error) {
	expire := r.ExpireTime.UTC().Truncate(time.Microsecond)
	switch {
	case r.GrantID == ID{} || !r.Kind.Valid() || r.Source == "":
		return Grant{}, fmt.Errorf("grant of kind %q from %q: %w", r.Kind, r.Source, ErrInvalid)
	case r.Seconds < 1 || r.Seconds > MaxSeconds:
		return Grant{}, fmt.Errorf("grant of %d s: %w", r.Seconds, ErrInvalid)
	case !expire.IsZero() && !expire.After(b.now):
		return Grant{}, fmt.Errorf("grant that has expired: %w", ErrInvalid)
	}
	b.addGrant(Grant{
		ID: r.GrantID, Kind: r.Kind, Source: r.Source, Reason: r.Reason, Seconds: r.Seconds, ExpireTime: expire,
	}, Entry{Key: r.Key, Fingerprint: r.Fingerprint})
	return *b.grant(r.GrantID), nil
}
