package meter

import "fmt"

// VoidRequest takes a grant back.
type VoidRequest struct {
	// Grant is the one to take back, as it is stored. The book knows it better,
	// if it has it; a grant with nothing left is not in the state.
	Grant Grant
	// Seconds bounds what is taken: first what is free, then what holds have, of
	// which as much lapses once they give it back. The grant goes on giving what is
	// left. 0 takes all, and the grant gives no more.
	Seconds     int64
	Reason      string
	Key         string // empty for none
	Fingerprint Hash
}

// Voided is what became of a grant that was taken back.
type Voided struct {
	GrantID ID
	// Seconds were free and are taken back now.
	Seconds int64
	// Used were consumed, or are held and may still be: they stay. What a hold
	// gives back later lapses, as far as it was taken.
	Used int64
}

// Void takes a grant back, all of it or a part: what is free at once, and what is
// held as far as holds give it back. A grant that was voided whole before gives
// nothing more. It returns [ErrInvalid] for a grant that
// is none and for a negative part.
func (b *Book) Void(r VoidRequest) (Voided, error) {
	if r.Grant.ID == (ID{}) || r.Seconds < 0 {
		return Voided{}, fmt.Errorf("void of %d s of grant %s: %w", r.Seconds, r.Grant.ID, ErrInvalid)
	}
	grant := b.find(r.Grant.ID)
	if grant == nil {
		b.loaded[r.Grant.ID] = r.Grant
		b.grants = append(b.grants, r.Grant)
		grant = &b.grants[len(b.grants)-1]
	}
	voided := Voided{GrantID: grant.ID, Seconds: grant.Free, Used: grant.Consumed + grant.Held}
	switch {
	case r.Seconds > 0:
		voided.Seconds = min(r.Seconds, grant.Free)
		grant.Owed = min(grant.Owed+r.Seconds-voided.Seconds, grant.Held)
	case grant.VoidTime.IsZero():
		grant.VoidTime = b.now
		grant.Owed = grant.Held
	}
	b.post(Entry{Kind: EntryVoid, Key: r.Key, Fingerprint: r.Fingerprint, Reason: r.Reason}, sheet{{
		GrantID: grant.ID, Kind: grant.Kind, Free: -voided.Seconds, Lapsed: voided.Seconds,
	}})
	return voided, nil
}
