package billing

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/sheenapps/sheen/server/billing/meter"
	"github.com/sheenapps/sheen/store"
)

// state converts what was read. The account has a row.
func (r *accountRows) state() (meter.State, error) {
	account, err := accountFromRow(r.account)
	if err != nil {
		return meter.State{}, fmt.Errorf("account %s: %w", r.account.ID, err)
	}
	topUp, err := topUpFromJSON(r.topUp)
	if err != nil {
		return meter.State{}, fmt.Errorf("account %s: %w", r.account.ID, err)
	}
	state := meter.State{
		Account: account,
		TopUp:   topUp,
		Grants:  make([]meter.Grant, len(r.grants)),
		Holds:   make([]meter.Hold, len(r.holds)),
	}
	for i, grant := range r.grants {
		state.Grants[i] = grantFromRow(&grant.CreditGrant)
	}
	for i, hold := range r.holds {
		state.Holds[i] = meter.Hold{
			ID: meter.ID(hold.ID), BuildID: idOrZero(hold.BuildID), Operation: meter.Operation(hold.Operation),
			State: meter.HoldOpen, Seconds: hold.Seconds, Max: hold.MaxSeconds,
			Shares: shares(hold.GrantIds, hold.GrantSeconds), Day: hold.Day.UTC(),
			CreateTime: hold.CreateTime.UTC(), ExpireTime: hold.ExpireTime.UTC(),
		}
	}
	return state, nil
}

func accountFromRow(row *store.Account) (meter.Account, error) {
	location, err := time.LoadLocation(row.Zone)
	if err != nil {
		return meter.Account{}, fmt.Errorf("zone: %w", err)
	}
	return meter.Account{
		ID: meter.ID(row.ID), Location: location, Welcomed: row.Welcomed,
		GiftUntil: timeOrZero(row.GiftUntil), LastTime: row.LastTime.UTC(), NextDue: timeOrZero(row.NextDue),
		Seq: row.Seq, Head: hashFrom(row.ChainHead),
		Granted: row.GrantedSeconds, Free: row.FreeSeconds, Held: row.HeldSeconds,
		Consumed: row.ConsumedSeconds, Lapsed: row.LapsedSeconds, Shortfall: row.ShortfallSeconds,
	}, nil
}

func holdFromRow(row *store.Hold) meter.Hold {
	return meter.Hold{
		ID: meter.ID(row.ID), BuildID: idOrZero(row.BuildID), Operation: meter.Operation(row.Operation),
		State: meter.HoldState(row.State), Seconds: row.Seconds, Max: row.MaxSeconds, Shares: shares(row.GrantIds, row.GrantSeconds),
		Day: row.Day.UTC(), CreateTime: row.CreateTime.UTC(), ExpireTime: row.ExpireTime.UTC(),
		SettleTime: timeOrZero(row.SettleTime), Outcome: meter.Outcome(textOrEmpty(row.Outcome)),
		Charged: row.ChargedSeconds,
	}
}

func grantFromRow(row *store.CreditGrant) Credit {
	return Credit{
		ID: meter.ID(row.ID), Kind: meter.Kind(row.Kind), Source: meter.Source(row.Source), Reason: row.Reason,
		Seconds: row.Seconds, Free: row.FreeSeconds, Held: row.HeldSeconds,
		Consumed: row.ConsumedSeconds, Lapsed: row.LapsedSeconds, Owed: row.OwedSeconds,
		CreateTime: row.CreateTime.UTC(), ExpireTime: timeOrZero(row.ExpireTime), VoidTime: timeOrZero(row.VoidTime),
	}
}

func entryFromRow(row *store.Journal) (*meter.Entry, error) {
	lines, err := meter.ParseLines(row.Lines)
	if err != nil {
		return nil, fmt.Errorf("decode lines of journal row %d: %w", row.Seq, err)
	}
	entry := &meter.Entry{
		AccountID: meter.ID(row.AccountID), Seq: row.Seq, Kind: meter.EntryKind(row.Kind), Time: row.CreateTime.UTC(),
		Key: textOrEmpty(row.IdempotencyKey), Fingerprint: hashFrom(row.Fingerprint),
		HoldID: idOrZero(row.HoldID), BuildID: idOrZero(row.BuildID),
		Operation: meter.Operation(textOrEmpty(row.Operation)), Outcome: meter.Outcome(textOrEmpty(row.Outcome)),
		ActiveMillis: row.ActiveMs, Billable: row.BillableSeconds, Shortfall: row.ShortfallSeconds,
		CostMicros: row.CostMicros, ExpireTime: timeOrZero(row.ExpireTime), Reason: row.Reason, Lines: lines, Prev: hashFrom(row.PrevHash), Hash: hashFrom(row.Hash),
	}
	if err := json.Unmarshal(row.Balance, &entry.Balance); err != nil {
		return nil, fmt.Errorf("decode balance of journal row %d: %w", row.Seq, err)
	}
	return entry, nil
}

// shares pairs the two columns of a hold's provenance, which a constraint keeps
// equally long.
func shares(grants []uuid.UUID, seconds []int64) []meter.Share {
	paired := make([]meter.Share, min(len(grants), len(seconds)))
	for i := range paired {
		paired[i] = meter.Share{GrantID: meter.ID(grants[i]), Seconds: seconds[i]}
	}
	return paired
}

func hashFrom(sum []byte) meter.Hash {
	var hash meter.Hash
	copy(hash[:], sum)
	return hash
}

func timeOrZero(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.UTC()
}

func idOrZero(id *uuid.UUID) meter.ID {
	if id == nil {
		return meter.ID{}
	}
	return meter.ID(*id)
}

func textOrEmpty(text *string) string {
	if text == nil {
		return ""
	}
	return *text
}
