package billing_test

import (
	"fmt"
	"testing"
	"time"

	"connectrpc.com/connect"
	"github.com/google/uuid"

	billingv1 "github.com/sheenapps/sheen/gen/sheen/billing/v1"
	"github.com/sheenapps/sheen/server/billing/meter"
)

// used tells usage as text, a day and operation per item.
func used(t *testing.T, res *billingv1.GetUsageResponse) []string {
	t.Helper()
	var all []string
	var sum int64
	for _, entry := range res.GetEntries() {
		sum += entry.GetChargedSeconds()
		all = append(all, fmt.Sprintf("%s %s %d %d %d", entry.GetDate(), entry.GetOperation(), entry.GetCount(), entry.GetChargedSeconds(), entry.GetProviderCostMicros()))
	}
	if sum != res.GetChargedSeconds() {
		t.Errorf("%d s in all, %d s in entries", res.GetChargedSeconds(), sum)
	}
	return all
}

func (s *served) usage(request *billingv1.GetUsageRequest) *billingv1.GetUsageResponse {
	s.t.Helper()
	res, err := s.GetUsage(s.t.Context(), request)
	if err != nil {
		s.t.Fatal(err)
	}
	return res
}

func (s *served) wantUsage(request *billingv1.GetUsageRequest, want ...string) {
	s.t.Helper()
	if got := used(s.t, s.usage(request)); fmt.Sprint(got) != fmt.Sprint(want) {
		s.t.Errorf("%v:\ngot  %q\nwant %q", request, got, want)
	}
}

func TestServeUsageOfNobody(t *testing.T) {
	t.Parallel()
	s := serve(t)
	wantProto(t, s.usage(&billingv1.GetUsageRequest{}), &billingv1.GetUsageResponse{TimeZone: "UTC"})
	if n := s.count("select count(*) from account"); n != 0 {
		t.Errorf("a read made %d accounts", n)
	}
}

// Usage counts what was committed, be it without a charge, and nothing else.
func TestServeUsage(t *testing.T) {
	t.Parallel()
	s := serve(t)
	for range 2 {
		if _, err := s.commit(s.mustReserve(100), meter.Succeeded, 11*time.Second); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.commit(s.mustReserve(100), meter.FailedPlatform, time.Hour); err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.release(s.mustReserve(100)); err != nil {
		t.Fatal(err)
	}
	update, err := s.BillingServiceClient.Reserve(t.Context(), &billingv1.ReserveRequest{
		IdempotencyKey: "u", Operation: billingv1.Operation_OPERATION_UPDATE, Seconds: 10,
	})
	if err != nil {
		t.Fatal(err)
	}
	s.pay(update.GetHold(), billingv1.Outcome_OUTCOME_CANCELLED, time.Second)
	builds, updates := "2026-03-01 OPERATION_MAIN_BUILD 3 40 4500", "2026-03-01 OPERATION_UPDATE 1 10 0"
	s.wantUsage(&billingv1.GetUsageRequest{}, builds, updates)
	s.wantUsage(&billingv1.GetUsageRequest{Operations: []billingv1.Operation{billingv1.Operation_OPERATION_UPDATE}}, updates)
	s.wantUsage(&billingv1.GetUsageRequest{Operations: []billingv1.Operation{billingv1.Operation_OPERATION_METADATA_GENERATION}})
	if strangers, err := s.as(uuid.New()).GetUsage(t.Context(), &billingv1.GetUsageRequest{}); err != nil || len(strangers.GetEntries()) != 0 {
		t.Errorf("a stranger sees %v: %v", strangers, err)
	}
	// The default span is 30 days, today being the last of them.
	s.setClock(noon.AddDate(0, 0, 29).Add(12*time.Hour - time.Microsecond))
	s.wantUsage(&billingv1.GetUsageRequest{}, builds, updates)
	s.setClock(noon.AddDate(0, 0, 29).Add(12 * time.Hour))
	s.wantUsage(&billingv1.GetUsageRequest{})
}

// Days are those of the account's zone, also where clocks change: work counts on
// the day of its hold, and a span has the days that it touches.
func TestServeUsageInZones(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ zone, day, next, dayAfter string }{
		{"UTC", "2026-02-28", "2026-03-01", "2026-03-02"},
		{"Europe/Paris", "2026-03-29", "2026-03-30", "2026-03-31"},        // 23 hours
		{"Europe/Paris", "2026-10-25", "2026-10-26", "2026-10-27"},        // 25 hours
		{"America/Los_Angeles", "2026-03-08", "2026-03-09", "2026-03-10"}, // 23 hours
		{"America/Los_Angeles", "2026-11-01", "2026-11-02", "2026-11-03"}, // 25 hours
		{"Australia/Lord_Howe", "2026-04-05", "2026-04-06", "2026-04-07"}, // 24½ hours
		{"Australia/Lord_Howe", "2026-10-04", "2026-10-05", "2026-10-06"}, // 23½ hours
		{"Pacific/Kiritimati", "2026-12-31", "2027-01-01", "2027-01-02"},  // UTC+14
	} {
		t.Run(test.zone+" "+test.day, func(t *testing.T) {
			t.Parallel()
			s := serve(t)
			if _, err := s.db.Exec(t.Context(), "insert into account (id, zone) values ($1, $2)", s.account, test.zone); err != nil {
				t.Fatal(err)
			}
			at := func(day, clock string) time.Time { return local(t, test.zone, day+" "+clock) }
			work := func(began, over time.Time, active time.Duration) {
				s.setClock(began)
				hold := s.mustReserve(100)
				s.setClock(over)
				if _, err := s.commit(hold, meter.Succeeded, active); err != nil {
					t.Fatal(err)
				}
			}
			work(at(test.day, "00:00:00"), at(test.day, "00:00:10"), 10*time.Second)
			work(at(test.day, "23:59:59.999999"), at(test.next, "00:00:20"), 20*time.Second)
			work(at(test.next, "00:01:00"), at(test.next, "00:02:00"), 40*time.Second)
			first, second := test.day+" OPERATION_MAIN_BUILD 2 30 3000", test.next+" OPERATION_MAIN_BUILD 1 40 1500"
			if zone := s.usage(&billingv1.GetUsageRequest{}).GetTimeZone(); zone != test.zone {
				t.Errorf("zone %s", zone)
			}
			s.wantUsage(&billingv1.GetUsageRequest{}, first, second)
			for _, span := range []struct {
				from, until time.Time
				want        []string
			}{
				{at(test.day, "00:00:00"), at(test.next, "00:00:00"), []string{first}},
				{at(test.day, "23:59:59.999999999"), at(test.next, "00:00:00"), []string{first}},
				{at(test.day, "12:00:00"), at(test.next, "00:00:00.000000001"), []string{first, second}},
				{at(test.next, "00:00:00"), at(test.dayAfter, "00:00:00"), []string{second}},
				{at(test.dayAfter, "00:00:00"), at(test.dayAfter, "12:00:00"), nil},
				{at(test.next, "00:00:00"), at(test.next, "00:00:00"), nil},
			} {
				request := &billingv1.GetUsageRequest{
					StartTime: stamp(t, "UTC", span.from.UTC().Format("2006-01-02 15:04:05.999999999")),
					EndTime:   stamp(t, "UTC", span.until.UTC().Format("2006-01-02 15:04:05.999999999")),
				}
				s.wantUsage(request, span.want...)
			}
		})
	}
}

func TestServeUsageSpans(t *testing.T) {
	t.Parallel()
	s := serve(t)
	at := func(text string) *billingv1.GetUsageRequest {
		return &billingv1.GetUsageRequest{EndTime: stamp(t, "UTC", text)}
	}
	span := func(from, until string) *billingv1.GetUsageRequest {
		request := at(until)
		request.StartTime = stamp(t, "UTC", from)
		return request
	}
	future := &billingv1.GetUsageRequest{StartTime: stamp(t, "UTC", "2026-03-01 12:00:00.000000001")}
	for name, test := range map[string]struct {
		request *billingv1.GetUsageRequest
		good    bool
	}{
		"a leap year and no more":  {span("2024-01-01 00:00:00", "2025-01-01 00:00:00"), true},
		"a day more":               {span("2024-01-01 00:00:00", "2025-01-01 00:00:00.000000001"), false},
		"a day more at the front":  {span("2023-12-31 23:59:59", "2025-01-01 00:00:00"), false},
		"backwards":                {span("2026-03-01 12:00:00", "2026-03-01 11:59:59"), false},
		"nothing":                  {span("2026-03-01 12:00:00", "2026-03-01 12:00:00"), true},
		"only an end":              {at("2020-01-01 00:00:00"), true},
		"begins after now":         {future, false},
		"the beginning of time":    {span("1970-01-01 00:00:00", "1970-01-02 00:00:00"), true},
		"before the times we know": {span("1969-12-31 23:59:59", "1970-01-02 00:00:00"), false},
		"the end of time":          {at("9999-12-31 23:59:59"), true},
	} {
		_, err := s.GetUsage(t.Context(), test.request)
		if (err == nil) != test.good {
			t.Errorf("%s: %v", name, err)
		}
		if err != nil {
			wantFault(t, err, connect.CodeInvalidArgument, "INVALID_FIELD")
		}
	}
}
