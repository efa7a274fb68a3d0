package billing

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/sheenapps/sheen/server/billing/meter"
	"github.com/sheenapps/sheen/server/fault"
	"github.com/sheenapps/sheen/store"
)

const (
	// maxUsageDays is the longest span that usage is told of: a leap year.
	maxUsageDays = 366
	// usageDays is the span of a request that names no start.
	usageDays = 30
	// maxUsageRows is a row for each day and operation.
	maxUsageRows = 3 * maxUsageDays
)

// UsageRequest names a span of days of the account's zone.
type UsageRequest struct {
	AccountID uuid.UUID
	// Start is an instant of the first day; zero means the 30 days that end with
	// the last.
	Start time.Time
	// End is the instant after the last: the last day is that of the instant just
	// before it. Zero means that today is the last day.
	End time.Time
	// Operations filter; none takes all.
	Operations []meter.Operation
}

// Usage is what an account used.
type Usage struct {
	// Zone is the account's, an IANA name.
	Zone string
	// Days are ascending, and by operation within a day. Each stands for the
	// operations whose holds were made on it and that were committed, be it
	// without a charge.
	Days []UsageDay
}

// UsageDay is what one operation used on one day.
type UsageDay struct {
	// Day is the calendar day in the account's zone, as midnight UTC.
	Day       time.Time
	Operation meter.Operation
	// Count is how many operations there were.
	Count int64
	// Charged is in seconds, CostMicros in micro-USD.
	Charged, CostMicros int64
}

// Usage returns what the account used on days of its zone. An account that
// nobody has met used nothing, in UTC. A span that ends before it starts or has
// more than 366 days is a fault.
func (l *Ledger) Usage(ctx context.Context, db store.DBTX, request UsageRequest) (*Usage, error) {
	account, err := l.queries.AccountZone(ctx, db, &store.AccountZoneParams{ID: request.AccountID, DefaultZone: defaultZone})
	if err != nil {
		return nil, fmt.Errorf("read the account's zone: %w", err)
	}
	location, err := time.LoadLocation(account.Zone)
	if err != nil {
		return nil, fmt.Errorf("zone of account %s: %w", request.AccountID, err)
	}
	first, last, err := request.days(location, l.clock(account.Now))
	if err != nil {
		return nil, err
	}
	rows, err := l.queries.UsageList(ctx, db, &store.UsageListParams{
		AccountID: request.AccountID, FirstDay: first, LastDay: last,
		Operations: texts(request.Operations), MaxRows: maxUsageRows,
	})
	if err != nil {
		return nil, fmt.Errorf("read usage: %w", err)
	}
	usage := &Usage{Zone: account.Zone, Days: make([]UsageDay, len(rows))}
	for i, row := range rows {
		usage.Days[i] = UsageDay{
			Day: row.Day.UTC(), Operation: meter.Operation(row.Operation), Count: row.Operations,
			Charged: row.ConsumedSeconds, CostMicros: row.CostMicros,
		}
	}
	return usage, nil
}

// days turns a span of instants into the first and the last of its days.
func (r UsageRequest) days(location *time.Location, now time.Time) (first, last time.Time, err error) {
	account := meter.Account{Location: location}
	end := now
	last = account.Day(now)
	if !r.End.IsZero() {
		end = r.End
		last = account.Day(r.End.Add(-time.Nanosecond))
	}
	first = last.AddDate(0, 0, 1-usageDays)
	if !r.Start.IsZero() {
		first = account.Day(r.Start)
	}
	if r.Start.After(end) {
		return first, last, fault.InvalidField("The field end_time must not lie before start_time.")
	}
	if first.AddDate(0, 0, maxUsageDays).Compare(last) <= 0 {
		return first, last, fault.InvalidField("The fields start_time and end_time must span at most 366 days.")
	}
	return first, last, nil
}
