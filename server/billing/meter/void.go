package meter

import "fmt"

// VoidRequest takes a grant back.
type VoidRequest struct {
	// Grant is the one to take back, as it is stored. The book knows it better,
	// if it has it; a grant with nothing left is not in the state.
	Grant       Grant
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
	// gives back later lapses.
	Used int64
}

// Void takes back what is free of a grant; the grant gives no more seconds. One
// that was voided before gives nothing more. It returns [ErrInvalid] for a grant
// that is none.
func (b *Book) Void(r VoidRequest) (Voided, error) {
	if r.Grant.ID == (ID{}) {
		return Voided{}, fmt.Errorf("void of no grant: %w", ErrInvalid)
	}
	grant := b.find(r.Grant.ID)
	if grant == nil {
		b.loaded[r.Grant.ID] = r.Grant
		b.grants = append(b.grants, r.Grant)
		grant = &b.grants[len(b.grants)-1]
	}
	voided := Voided{GrantID: grant.ID, Seconds: grant.Free, Used: grant.Consumed + grant.Held}
	if grant.VoidTime.IsZero() {
		grant.VoidTime = b.now
	}
	b.post(Entry{Kind: EntryVoid, Key: r.Key, Fingerprint: r.Fingerprint, Reason: r.Reason}, sheet{{
		GrantID: grant.ID, Kind: grant.Kind, Free: -grant.Free, Lapsed: grant.Free,
	}})
	return voided, nil
}
