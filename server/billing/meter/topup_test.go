package meter_test

import (
	"math"
	"testing"
	"time"

	"github.com/sheenapps/sheen/server/billing/meter"
)

func TestTopUpDecide(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for name, test := range map[string]struct {
		rule     func(*meter.TopUp)
		facts    func(*meter.TopUpFacts)
		packages int64
		reason   meter.TopUpReason
	}{
		"buys":                    {packages: 1},
		"disabled":                {rule: func(r *meter.TopUp) { r.Enabled = false }, reason: meter.TopUpDisabled},
		"no consent":              {rule: func(r *meter.TopUp) { r.Consented = false }, reason: meter.TopUpNoConsent},
		"at the threshold":        {facts: func(f *meter.TopUpFacts) { f.Spendable = 600 }, reason: meter.TopUpEnough},
		"a second below":          {facts: func(f *meter.TopUpFacts) { f.Spendable = 599 }, packages: 1},
		"nothing is sold":         {facts: func(f *meter.TopUpFacts) { f.PaymentsOff, f.InFlight = true, true }, reason: meter.TopUpPaymentsOff},
		"in flight":               {facts: func(f *meter.TopUpFacts) { f.InFlight = true }, reason: meter.TopUpInFlight},
		"suspended":               {rule: func(r *meter.TopUp) { r.Suspended = true }, reason: meter.TopUpSuspended},
		"paused":                  {rule: func(r *meter.TopUp) { r.PauseUntil = now.Add(time.Microsecond) }, reason: meter.TopUpPaused},
		"pause is over":           {rule: func(r *meter.TopUp) { r.PauseUntil = now }, packages: 1},
		"taken back":              {facts: func(f *meter.TopUpFacts) { f.TakenBack = true }, reason: meter.TopUpTakenBack},
		"package is not sold":     {facts: func(f *meter.TopUpFacts) { f.PackageSeconds, f.PriceMicros = 0, 0 }, reason: meter.TopUpNoPackage},
		"exactly one package":     {rule: func(r *meter.TopUp) { r.Threshold = 3700 }, packages: 1},
		"a second more than one":  {rule: func(r *meter.TopUp) { r.Threshold = 3701 }, packages: 2},
		"the whole gap":           {rule: func(r *meter.TopUp) { r.Threshold = 36_100 }, packages: 10},
		"exactly the cap":         {facts: func(f *meter.TopUpFacts) { f.SpentMicros = 45_000_000 }, packages: 1},
		"a micro over the cap":    {facts: func(f *meter.TopUpFacts) { f.SpentMicros = 45_000_001 }, reason: meter.TopUpCap},
		"cap is spent":            {facts: func(f *meter.TopUpFacts) { f.SpentMicros = 60_000_000 }, reason: meter.TopUpCap},
		"cap of 0":                {rule: func(r *meter.TopUp) { r.CapMicros = 0 }, reason: meter.TopUpCap},
		"cap for a part only":     {rule: func(r *meter.TopUp) { r.Threshold = 36_101 }, reason: meter.TopUpCap},
		"a price beyond counting": {facts: func(f *meter.TopUpFacts) { f.PriceMicros = math.MaxInt64 }, reason: meter.TopUpCap},
	} {
		rule := meter.TopUp{Enabled: true, Threshold: 600, CapMicros: 50_000_000, Consented: true}
		facts := meter.TopUpFacts{Now: now, Spendable: 100, PackageSeconds: 3600, PriceMicros: 5_000_000}
		if test.rule != nil {
			test.rule(&rule)
		}
		if test.facts != nil {
			test.facts(&facts)
		}
		if got, want := rule.Decide(facts), (meter.TopUpDecision{Packages: test.packages, Reason: test.reason}); got != want {
			t.Errorf("%s: %+v, want %+v", name, got, want)
		}
	}
}

func TestTopUpDeclines(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	later := now.Add(time.Hour)
	once := meter.TopUp{Enabled: true}.Declined(now)
	if want := (meter.TopUp{Enabled: true, Declines: 1, PauseUntil: later, ReviewTime: later}); once != want {
		t.Errorf("once: %+v", once)
	}
	twice := once.Declined(now)
	if twice.Suspended || twice.Declines != 2 {
		t.Errorf("twice: %+v", twice)
	}
	thrice := twice.Declined(now)
	if !thrice.Suspended || !thrice.ReviewTime.IsZero() {
		t.Errorf("three times: %+v", thrice)
	}
	for _, rule := range []meter.TopUp{once, twice, thrice} {
		if got := rule.Lifted(); got != (meter.TopUp{Enabled: true}) {
			t.Errorf("lifted: %+v", got)
		}
	}
	if paused := (meter.TopUp{}).Paused(now); paused != (meter.TopUp{PauseUntil: later, ReviewTime: later}) {
		t.Errorf("paused: %+v", paused)
	}
}

func TestAccountMonth(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ zone, now, start, end string }{
		{"UTC", "2026-02-28T23:59:59Z", "2026-02-01T00:00:00Z", "2026-03-01T00:00:00Z"},
		{"UTC", "2026-03-01T00:00:00Z", "2026-03-01T00:00:00Z", "2026-04-01T00:00:00Z"},
		{"UTC", "2026-12-31T23:59:59Z", "2026-12-01T00:00:00Z", "2027-01-01T00:00:00Z"},
		{"Pacific/Kiritimati", "2026-02-28T09:59:59Z", "2026-01-31T10:00:00Z", "2026-02-28T10:00:00Z"},
		{"Pacific/Kiritimati", "2026-02-28T10:00:00Z", "2026-02-28T10:00:00Z", "2026-03-31T10:00:00Z"},
		{"America/Los_Angeles", "2026-03-15T00:00:00Z", "2026-03-01T08:00:00Z", "2026-04-01T07:00:00Z"},
	} {
		loc, err := time.LoadLocation(test.zone)
		if err != nil {
			t.Fatal(err)
		}
		now, _ := time.Parse(time.RFC3339, test.now)
		start, end := meter.Account{Location: loc}.Month(now)
		if start.UTC().Format(time.RFC3339) != test.start || end.UTC().Format(time.RFC3339) != test.end {
			t.Errorf("%s in %s: %s to %s", test.now, test.zone, start, end)
		}
	}
	if start, _ := (meter.Account{}).Month(time.Unix(0, 0)); !start.Equal(time.Unix(0, 0)) {
		t.Errorf("without a zone: %s", start)
	}
}

// A book says which of its entries took spendable seconds last.
func TestLoweredSeq(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	book, err := meter.Open(meter.State{Account: meter.Account{ID: meter.ID{1}}}, now, meter.DefaultOrder(),
		meter.GiftIDs{Welcome: meter.ID{2}, Daily: meter.ID{3}})
	if err != nil {
		t.Fatal(err)
	}
	if got := book.Changes().LoweredSeq; got != 0 {
		t.Errorf("gifts lower at %d", got)
	}
	hold, err := book.Reserve(meter.ReserveRequest{HoldID: meter.ID{4}, Operation: meter.Update, Seconds: 100, ExpireTime: now.Add(time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	if got := book.Changes().LoweredSeq; got != 3 {
		t.Errorf("a hold lowers at %d", got)
	}
	if _, err := book.Release(hold.ID); err != nil {
		t.Fatal(err)
	}
	if got := book.Changes().LoweredSeq; got != 3 {
		t.Errorf("after a release the last to lower is %d", got)
	}
}
