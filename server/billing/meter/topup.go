package meter

import "time"

const (
	// TopUpThreshold is the threshold of a rule that names none, in seconds.
	TopUpThreshold = 600
	// TopUpPause follows a purchase that did not work.
	TopUpPause = time.Hour
	// TopUpDeclines is how many declined payments in a row suspend a rule.
	TopUpDeclines = 3
)

// TopUp is an account's rule for buying time by itself. The zero value, which is
// also that of an account without a rule, buys nothing.
type TopUp struct {
	Enabled bool
	// Threshold is in seconds: the rule buys when fewer are spendable.
	Threshold int64
	PackageID string
	// CapMicros is the most that is spent in a calendar month of the account's
	// zone, in micro-units of the package's currency; 0 is nothing.
	CapMicros int64
	// Consented says that the user has agreed to a version of the terms.
	Consented bool
	// Declines is how many payments were declined since the last that was not.
	Declines int32
	// PauseUntil is the first instant at which it may buy again; zero for none.
	PauseUntil time.Time
	// Suspended rules buy nothing until the card or the consent changes.
	Suspended bool
	// ReviewTime is when to decide again though nothing was spent; zero for never.
	ReviewTime time.Time
}

// TopUpFacts are what decides beside the rule.
type TopUpFacts struct {
	Now       time.Time
	Spendable int64
	// PackageSeconds and PriceMicros are the rule's package as it is sold now; 0
	// for one that is not sold.
	PackageSeconds, PriceMicros int64
	// SpentMicros is what the rule has bought for in Now's month, or may have.
	SpentMicros int64
	// InFlight says that a purchase was decided on and is not settled.
	InFlight bool
	// TakenBack says that what the rule bought was refunded or disputed. The void
	// that follows takes seconds; it must not make the account pay again.
	TakenBack bool
	// PaymentsOff says that nothing can be bought.
	PaymentsOff bool
}

// TopUpReason says why nothing is bought.
type TopUpReason string

// The reasons to buy nothing.
const (
	TopUpDisabled    TopUpReason = "disabled"
	TopUpEnough      TopUpReason = "enough"
	TopUpNoConsent   TopUpReason = "no_consent"
	TopUpPaymentsOff TopUpReason = "payments_off"
	TopUpInFlight    TopUpReason = "in_flight"
	TopUpSuspended   TopUpReason = "suspended"
	TopUpPaused      TopUpReason = "paused"
	TopUpTakenBack   TopUpReason = "taken_back"
	TopUpNoPackage   TopUpReason = "no_package"
	TopUpCap         TopUpReason = "cap"
)

// TopUpDecision is to buy a number of packages at once or, with 0, the reason not
// to.
type TopUpDecision struct {
	Packages int64
	Reason   TopUpReason
}

// Decide says what to buy: as many packages as bring the account back to its
// threshold, or none if the cap does not allow as many.
func (t TopUp) Decide(f TopUpFacts) TopUpDecision {
	switch {
	case !t.Enabled:
		return TopUpDecision{Reason: TopUpDisabled}
	case f.Spendable >= t.Threshold:
		return TopUpDecision{Reason: TopUpEnough}
	case !t.Consented:
		return TopUpDecision{Reason: TopUpNoConsent}
	case f.PaymentsOff:
		return TopUpDecision{Reason: TopUpPaymentsOff}
	case f.InFlight:
		return TopUpDecision{Reason: TopUpInFlight}
	case t.Suspended:
		return TopUpDecision{Reason: TopUpSuspended}
	case f.Now.Before(t.PauseUntil):
		return TopUpDecision{Reason: TopUpPaused}
	case f.TakenBack:
		return TopUpDecision{Reason: TopUpTakenBack}
	case f.PackageSeconds < 1 || f.PriceMicros < 1:
		return TopUpDecision{Reason: TopUpNoPackage}
	}
	packages := (t.Threshold - f.Spendable + f.PackageSeconds - 1) / f.PackageSeconds
	if (t.CapMicros-f.SpentMicros)/packages < f.PriceMicros {
		return TopUpDecision{Reason: TopUpCap}
	}
	return TopUpDecision{Packages: packages}
}

// Declined returns the rule after a declined payment.
func (t TopUp) Declined(now time.Time) TopUp {
	t.Declines++
	t.Suspended = t.Suspended || t.Declines >= TopUpDeclines
	t = t.Paused(now)
	if t.Suspended {
		t.ReviewTime = time.Time{}
	}
	return t
}

// Paused returns the rule after a purchase that did not work for no fault of the
// card's. It is looked at again after the pause.
func (t TopUp) Paused(now time.Time) TopUp {
	t.PauseUntil = now.Add(TopUpPause)
	t.ReviewTime = t.PauseUntil
	return t
}

// Lifted returns the rule without what declined payments did to it: there was a
// payment, or there is another card.
func (t TopUp) Lifted() TopUp {
	t.Declines, t.Suspended = 0, false
	t.PauseUntil, t.ReviewTime = time.Time{}, time.Time{}
	return t
}

// Month returns the first instant of t's calendar month in the account's zone,
// and that of the next one.
func (a Account) Month(t time.Time) (start, end time.Time) {
	loc := a.location()
	year, month, _ := t.In(loc).Date()
	return firstOfMonth(year, month, loc), firstOfMonth(year, month+1, loc)
}

// firstOfMonth is the end of the last day of the month before, whatever the
// clocks do at that midnight.
func firstOfMonth(year int, month time.Month, loc *time.Location) time.Time {
	return nextMidnight(time.Date(year, month, 0, 12, 0, 0, 0, loc), loc)
}
