package billing_test

import (
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/sheenapps/sheen/server/billing"
	"github.com/sheenapps/sheen/server/billing/meter"
)

// step is something to do, before it is known to what: Pick chooses among the
// holds, grants or requests that there are by then.
type step struct {
	Do      string
	Account int
	Pick    int
	Amount  string
	N       int64
	Limit   string
	TTL     time.Duration
	Name    string // of a kind, an operation or an outcome
	Flag    bool
}

// steps makes any step. The first choice of each draw is the simplest.
func steps() *rapid.Generator[step] {
	doing := many(map[string]int{
		"reserve": 14, "extend": 8, "commit": 12, "release": 5, "grant": 7, "void": 2,
		"repeat": 5, "reuse": 2, "probe": 2, "hold": 2, "wait": 8,
	}, "read")
	return rapid.Custom(func(t *rapid.T) step {
		s := step{
			Do:      rapid.SampledFrom(doing).Draw(t, "do"),
			Account: rapid.IntRange(0, 99).Draw(t, "account"),
		}
		switch s.Do {
		case "read", "probe":
			return s
		case "wait":
			s.Name = rapid.SampledFrom(waits).Draw(t, "for")
			return s
		}
		s.Pick = rapid.IntRange(0, 99).Draw(t, "pick")
		s.Amount = rapid.SampledFrom(amounts).Draw(t, "amount")
		s.N = rapid.Int64Range(1, 2000).Draw(t, "n")
		s.Limit = rapid.SampledFrom(limits).Draw(t, "limit")
		s.TTL = rapid.SampledFrom(ttls).Draw(t, "ttl")
		s.Name = rapid.SampledFrom(names[s.Do]).Draw(t, "name")
		s.Flag = rapid.Bool().Draw(t, "flag")
		return s
	})
}

func many(weights map[string]int, first string) []string {
	list := []string{first}
	for _, name := range []string{"reserve", "extend", "commit", "release", "grant", "void", "repeat", "reuse", "probe", "hold", "wait"} {
		for range weights[name] {
			list = append(list, name)
		}
	}
	return list
}

var (
	waits = []string{
		"second", "minute", "half an hour", "hours", "day", "days", "midnight", "before midnight", "due", "before due", "back", "far back", "nanoseconds",
	}
	amounts = mostly([]string{"n", "n", "n", "part", "part", "all", "more than all"}, "nothing", "too much")
	limits  = mostly([]string{"", "", "equal", "more", "more"}, "less")
	ttls    = mostly([]time.Duration{
		0, 0, 0, 40 * time.Minute, time.Second, time.Minute, time.Hour, 7 * time.Hour, 26 * time.Hour, 1500 * time.Nanosecond,
	}, time.Nanosecond, -1)
	names = map[string][]string{
		"reserve": mostly([]string{"main_build", "update", "metadata_generation"}, "gold"),
		"commit": mostly([]string{
			"succeeded", "succeeded", "succeeded", "cancelled", "failed_user", "failed_platform", "failed_provider", "failed_policy",
		}, "gold"),
		"grant":  mostly([]string{"welcome", "daily", "subscription", "package", "promo", "compensation"}, "gold"),
		"extend": {""}, "release": {""}, "void": {""}, "repeat": {""}, "reuse": {""}, "hold": {""},
	}
)

// mostly is a list in which some things are rare.
func mostly[T any](often []T, rarely ...T) []T { return append(slices.Repeat(often, 4), rarely...) }

// choices are what a step can be about.
type choices struct {
	account       uuid.UUID
	now           time.Time
	key           string
	spendable     int64
	holds, grants []uuid.UUID
	sent          []any
}

func pick[T any](list []T, number int) (chosen T) {
	if len(list) == 0 {
		return chosen
	}
	// Late ones are the likeliest to be open still.
	return list[len(list)-1-number%len(list)]
}

func (s step) seconds(spendable int64) int64 {
	switch s.Amount {
	case "all":
		return spendable
	case "more than all":
		return spendable + 1
	case "part":
		return max(1, spendable*s.N/4000)
	case "nothing":
		return s.N%2 - 1
	case "too much":
		return modelMaxSeconds + 1
	}
	return s.N
}

// request is the step's request, nil where there is nothing to ask for.
func (s step) request(c choices) any {
	switch s.Do {
	case "read":
		return readRequest{AccountID: c.account}
	case "reserve":
		return s.reserve(c)
	case "extend":
		seconds := s.seconds(c.spendable)
		if s.Amount == "n" {
			seconds /= 8 // so that some stay below what was approved
		}
		return billing.ExtendRequest{AccountID: c.account, HoldID: pick(c.holds, s.Pick), Key: c.key, Seconds: seconds, TTL: s.TTL, Partial: s.Pick%3 == 1}
	case "commit":
		active := time.Duration(s.N) * 997 * time.Millisecond
		switch s.Amount {
		case "all":
			active = time.Duration(s.N) * 10 * time.Second
		case "more than all":
			active = time.Duration(s.N)*10*time.Second + time.Duration(s.N%3)*time.Nanosecond
		case "nothing":
			active = time.Duration(s.N%3-1) * time.Millisecond
		case "too much":
			active = (modelMaxSeconds + 1) * time.Second
		}
		return billing.CommitRequest{
			AccountID: c.account, HoldID: pick(c.holds, s.Pick), Outcome: meter.Outcome(s.Name), Active: active,
			Planning: time.Duration(s.Pick) * active / 50, CostMicros: s.N * 3,
		}
	case "release":
		return billing.ReleaseRequest{AccountID: c.account, HoldID: pick(c.holds, s.Pick)}
	case "grant":
		request := billing.GrantRequest{
			AccountID: c.account, Key: c.key, Kind: meter.Kind(s.Name), Seconds: min(s.seconds(1000), modelMaxSeconds+1),
			Reason: strings.Repeat("é|\"", int(s.N%3)),
		}
		if s.TTL != 0 {
			request.ExpireTime = c.now.Add(s.TTL * time.Duration(1+s.N%3))
		}
		if s.Flag {
			request.Source = meter.SourceAdmin
		}
		return request
	case "void":
		return billing.VoidRequest{AccountID: c.account, Key: c.key, GrantID: pick(c.grants, s.Pick), Reason: s.Amount}
	case "repeat":
		return pick(c.sent, s.Pick)
	case "reuse":
		return altered(pick(c.sent, s.Pick))
	}
	return nil
}

func (s step) reserve(c choices) billing.ReserveRequest {
	request := billing.ReserveRequest{
		AccountID: c.account, Key: c.key, Operation: meter.Operation(s.Name), Seconds: s.seconds(c.spendable), TTL: s.TTL,
	}
	switch s.Limit {
	case "equal":
		request.MaxSeconds = request.Seconds
	case "more":
		request.MaxSeconds = request.Seconds + 300
	case "less":
		request.MaxSeconds = request.Seconds - 1
	}
	if s.Flag {
		request.BuildID = uuid.NewSHA1(c.account, []byte{byte(s.Pick % 5)})
	}
	switch s.Pick % 40 { // the small ones come often
	case 11:
		request.Key = ""
	case 12:
		request.Key = strings.Repeat("k", 256)
	case 13, 14:
		request.NotAfter = c.now
	case 15, 16:
		request.NotAfter = c.now.Add(-time.Nanosecond)
	case 17:
		request.NotAfter = c.now.Add(time.Hour)
	}
	return request
}

// altered is another request with the same key or hold.
func altered(request any) any {
	switch r := request.(type) {
	case billing.ReserveRequest:
		r.Seconds++
		return r
	case billing.ExtendRequest:
		r.TTL += time.Second
		return r
	case billing.CommitRequest:
		r.CostMicros++
		return r
	case billing.GrantRequest:
		r.Reason += "!"
		return r
	case billing.VoidRequest:
		// Another kind of request with the same key.
		return billing.GrantRequest{AccountID: r.AccountID, Key: r.Key, Kind: meter.Promo, Seconds: 1}
	}
	return request
}

// wait moves the clock, to a second that matters to the account if it has one.
func (s step) wait(now time.Time, m *modelAccount) time.Time {
	due, midnight := m.due(), dayAfter(now, m.zone)
	switch s.Name {
	case "minute":
		return now.Add(time.Minute)
	case "half an hour":
		return now.Add(31 * time.Minute)
	case "hours":
		return now.Add(7 * time.Hour)
	case "day":
		return now.Add(24 * time.Hour)
	case "days":
		return now.Add(75 * time.Hour)
	case "midnight":
		return midnight
	case "before midnight":
		return midnight.Add(-time.Microsecond)
	case "due":
		if !due.IsZero() {
			return due
		}
	case "before due":
		if !due.IsZero() {
			return due.Add(-time.Microsecond)
		}
	case "nanoseconds":
		return now.Add(700 * time.Nanosecond)
	case "back":
		return now.Add(-time.Hour)
	case "far back":
		return now.Add(-49 * time.Hour)
	}
	return now.Add(time.Second)
}
