package billing_test

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/sheenapps/sheen/server/billing"
	"github.com/sheenapps/sheen/server/billing/meter"
)

// Answers of the model and of the ledger are compared in this plain form: no
// pointer, no slice, times in microseconds since 1970 and 0 for none.

type plainBalance struct {
	Kinds                  sixKinds
	Spendable, Held, Reset int64
}

type plainHold struct {
	ID, Build                          uuid.UUID
	Operation, State, Outcome, Day     string
	Seconds, Limit, Charged            int64
	Parts                              string
	CreateTime, ExpireTime, SettleTime int64
}

type plainReceipt struct {
	Hold, Build                     uuid.UUID
	Operation, Outcome              string
	Time                            int64
	Active                          time.Duration
	Billable, Charged, Unpaid, Cost int64
	Kinds                           sixKinds
	Late                            bool
	Before, After                   plainBalance
}

type plainCredit struct {
	ID                     uuid.UUID
	Kind, Source, Reason   string
	Seconds, Free          int64
	CreateTime, ExpireTime int64
}

type plainVoided struct {
	Grant         uuid.UUID
	Seconds, Used int64
}

// answer is the answer to any request. One that is refused has a refusal, and
// what it says about the account.
type answer struct {
	Refusal  string
	Required int64
	Balance  plainBalance
	Hold     plainHold
	Receipt  plainReceipt
	Credit   plainCredit
	Voided   plainVoided
}

// String leaves out what the answer does not have.
func (a answer) String() string {
	text := fmt.Sprintf("%s %d %+v", a.Refusal, a.Required, a.Balance)
	if a.Hold != (plainHold{}) {
		text += fmt.Sprintf(" hold %+v", a.Hold)
	}
	if a.Receipt != (plainReceipt{}) {
		text += fmt.Sprintf(" receipt %+v", a.Receipt)
	}
	if a.Credit != (plainCredit{}) {
		text += fmt.Sprintf(" grant %+v", a.Credit)
	}
	if a.Voided != (plainVoided{}) {
		text += fmt.Sprintf(" voided %+v", a.Voided)
	}
	return text
}

func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

func plainAmounts(amounts meter.Amounts) (seconds sixKinds) {
	for kind, amount := range amounts {
		seconds[slices.Index(kindNames[:], string(kind))] = amount
	}
	return seconds
}

func plainBalanceOf(b *billing.Balance) plainBalance {
	return plainBalance{Kinds: plainAmounts(b.ByKind), Spendable: b.Spendable, Held: b.Held, Reset: micros(b.GiftReset)}
}

func plainHoldOf(h *billing.Hold) plainHold {
	var parts strings.Builder
	for _, share := range h.Shares {
		parts.WriteString(share.GrantID.String() + ":" + strconv.FormatInt(share.Seconds, 10) + " ")
	}
	return plainHold{
		ID: uuid.UUID(h.ID), Build: uuid.UUID(h.BuildID), Operation: string(h.Operation), State: string(h.State),
		Outcome: string(h.Outcome), Day: h.Day.Format(time.DateOnly), Seconds: h.Seconds, Limit: h.Max, Charged: h.Charged,
		Parts: parts.String(), CreateTime: micros(h.CreateTime), ExpireTime: micros(h.ExpireTime), SettleTime: micros(h.SettleTime),
	}
}

func plainReceiptOf(r *billing.Receipt) plainReceipt {
	return plainReceipt{
		Hold: uuid.UUID(r.HoldID), Build: uuid.UUID(r.BuildID), Operation: string(r.Operation), Outcome: string(r.Outcome),
		Time: micros(r.Time), Active: r.Active, Billable: r.Billable, Charged: r.Charged, Unpaid: r.Shortfall,
		Cost: r.CostMicros, Kinds: plainAmounts(r.ByKind), Late: r.Late,
		Before: plainBalanceOf(&r.Before), After: plainBalanceOf(&r.After),
	}
}

func plainCreditOf(c *billing.Credit) plainCredit {
	return plainCredit{
		ID: uuid.UUID(c.ID), Kind: string(c.Kind), Source: string(c.Source), Reason: c.Reason,
		Seconds: c.Seconds, Free: c.Free, CreateTime: micros(c.CreateTime), ExpireTime: micros(c.ExpireTime),
	}
}

// refusalOf turns a refusal of the ledger into an answer. It returns any other
// error as it is.
func refusalOf(err error) (answer, error) {
	if refusal, ok := errors.AsType[*billing.InsufficientError](err); ok {
		return answer{Refusal: "insufficient", Required: refusal.RequiredSeconds, Balance: plainBalance{
			Kinds: plainAmounts(refusal.ByKind), Spendable: refusal.SpendableSeconds, Held: refusal.HeldSeconds,
			Reset: micros(refusal.DailyGiftReset),
		}}, nil
	}
	if refusal, ok := errors.AsType[*billing.HoldStateError](err); ok {
		return answer{Refusal: fmt.Sprintf("%s to %s", refusal.From, refusal.To)}, nil
	}
	for name, sentinel := range map[string]error{
		"key reused": billing.ErrKeyReused, "not found": billing.ErrHoldNotFound,
		"too late": billing.ErrTooLate, "invalid": billing.ErrInvalid,
	} {
		if errors.Is(err, sentinel) {
			return answer{Refusal: name}, nil
		}
	}
	return answer{}, err
}

// The model's side.

func (m *modelAccount) plainHold(i int) plainHold {
	h := &m.holds[i]
	return plainHold{
		ID: h.id, Build: h.build, Operation: h.operation, State: h.state, Outcome: h.outcome, Day: h.day,
		Seconds: h.seconds(), Limit: h.limit, Charged: h.charged, Parts: m.plainParts(h.parts),
		CreateTime: micros(h.made), ExpireTime: micros(h.ends), SettleTime: micros(h.settled),
	}
}

func (m *modelAccount) plainCredit(i int) plainCredit {
	g := &m.grants[i]
	return plainCredit{
		ID: g.id, Kind: g.kind, Source: g.source, Reason: g.reason, Seconds: g.seconds, Free: g.seconds,
		CreateTime: micros(g.made), ExpireTime: micros(g.ends),
	}
}
