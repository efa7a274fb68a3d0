package billing_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"connectrpc.com/connect"
	"github.com/google/uuid"
	"google.golang.org/protobuf/types/known/timestamppb"

	billingv1 "github.com/sheenapps/sheen/gen/sheen/billing/v1"
	"github.com/sheenapps/sheen/server/billing"
)

const (
	granted   = billingv1.TransactionKind_TRANSACTION_KIND_GRANT
	reserved  = billingv1.TransactionKind_TRANSACTION_KIND_RESERVE
	extended  = billingv1.TransactionKind_TRANSACTION_KIND_EXTEND
	committed = billingv1.TransactionKind_TRANSACTION_KIND_COMMIT
	released  = billingv1.TransactionKind_TRANSACTION_KIND_RELEASE
	ended     = billingv1.TransactionKind_TRANSACTION_KIND_EXPIRE
	voided    = billingv1.TransactionKind_TRANSACTION_KIND_VOID
)

func kindSeconds(kind billingv1.GrantKind, seconds int64) []*billingv1.KindSeconds {
	return []*billingv1.KindSeconds{{Kind: kind, Seconds: seconds}}
}

// list reads all pages of a request.
func (s *served) list(request *billingv1.ListTransactionsRequest) []*billingv1.Transaction {
	s.t.Helper()
	var all []*billingv1.Transaction
	for {
		page, err := s.ListTransactions(s.t.Context(), request)
		if err != nil {
			s.t.Fatal(err)
		}
		all = append(all, page.GetTransactions()...)
		if size := int(request.GetPageSize()); size > 0 && len(page.GetTransactions()) > size {
			s.t.Errorf("a page of %d for %d", len(page.GetTransactions()), size)
		}
		if request.PageToken = page.GetNextPageToken(); request.GetPageToken() == "" {
			return all
		}
	}
}

// Every kind of entry, as its owner sees it.
func TestServeTransactions(t *testing.T) {
	t.Parallel()
	s := serve(t)
	if got := s.list(&billingv1.ListTransactionsRequest{}); len(got) != 0 {
		t.Errorf("nobody has %v", got)
	}
	buildID := uuid.NewString()
	hold := s.hold(100, buildID)
	s.setClock(noon.Add(time.Minute))
	_, err := s.ExtendHold(t.Context(), &billingv1.ExtendHoldRequest{HoldId: hold.GetId(), IdempotencyKey: "e", Seconds: 20})
	if err != nil {
		t.Fatal(err)
	}
	s.setClock(noon.Add(2 * time.Minute))
	s.pay(hold, billingv1.Outcome_OUTCOME_SUCCEEDED, 35*time.Second)
	other := s.hold(50, "")
	if _, err := s.BillingServiceClient.Release(t.Context(), &billingv1.ReleaseRequest{HoldId: other.GetId()}); err != nil {
		t.Fatal(err)
	}
	grant, err := s.GrantCredits(t.Context(), &billingv1.GrantCreditsRequest{
		IdempotencyKey: "g", Kind: billingv1.GrantKind_GRANT_KIND_PROMO, Seconds: 500, Reason: "for you",
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.VoidGrant(t.Context(), &billingv1.VoidGrantRequest{GrantId: grant.GetGrantId(), IdempotencyKey: "v", Reason: "not for you"}); err != nil {
		t.Fatal(err)
	}
	late := s.hold(10, "")
	s.setClock(noon.AddDate(0, 0, 1))
	s.pay(late, billingv1.Outcome_OUTCOME_CANCELLED, time.Second)

	welcome, daily, promo := billingv1.GrantKind_GRANT_KIND_WELCOME, billingv1.GrantKind_GRANT_KIND_DAILY, billingv1.GrantKind_GRANT_KIND_PROMO
	main := billingv1.Operation_OPERATION_MAIN_BUILD
	want := []*billingv1.Transaction{
		{Kind: granted, SpendableDeltaSeconds: 3000, SpendableAfterSeconds: 3000, ByKind: kindSeconds(welcome, 3000)},
		{Kind: granted, SpendableDeltaSeconds: 900, SpendableAfterSeconds: 3900, ByKind: kindSeconds(daily, 900)},
		{Kind: reserved, SpendableDeltaSeconds: -100, HeldDeltaSeconds: 100, SpendableAfterSeconds: 3800, HoldId: hold.GetId(), BuildId: buildID, Operation: main, ByKind: kindSeconds(welcome, 100)},
		{Kind: extended, SpendableDeltaSeconds: -20, HeldDeltaSeconds: 20, SpendableAfterSeconds: 3780, HoldId: hold.GetId(), BuildId: buildID, Operation: main, ByKind: kindSeconds(welcome, 20)},
		{Kind: committed, SpendableDeltaSeconds: 80, HeldDeltaSeconds: -120, SpendableAfterSeconds: 3860, HoldId: hold.GetId(), BuildId: buildID, Operation: main, ByKind: kindSeconds(welcome, 40)},
		{Kind: reserved, SpendableDeltaSeconds: -50, HeldDeltaSeconds: 50, SpendableAfterSeconds: 3810, HoldId: other.GetId(), Operation: main, ByKind: kindSeconds(welcome, 50)},
		{Kind: released, SpendableDeltaSeconds: 50, HeldDeltaSeconds: -50, SpendableAfterSeconds: 3860, HoldId: other.GetId(), Operation: main, ByKind: kindSeconds(welcome, 50)},
		{Kind: granted, SpendableDeltaSeconds: 500, SpendableAfterSeconds: 4360, ByKind: kindSeconds(promo, 500), Reason: "for you"},
		{Kind: voided, SpendableDeltaSeconds: -500, SpendableAfterSeconds: 3860, ByKind: kindSeconds(promo, 500), Reason: "not for you"},
		{Kind: reserved, SpendableDeltaSeconds: -10, HeldDeltaSeconds: 10, SpendableAfterSeconds: 3850, HoldId: late.GetId(), Operation: main, ByKind: kindSeconds(welcome, 10)},
		{Kind: ended, SpendableDeltaSeconds: 10, HeldDeltaSeconds: -10, SpendableAfterSeconds: 3860, HoldId: late.GetId(), Operation: main, ByKind: kindSeconds(welcome, 10)},
		{Kind: ended, SpendableDeltaSeconds: -900, SpendableAfterSeconds: 2960, ByKind: kindSeconds(daily, 900)},
		{Kind: granted, SpendableDeltaSeconds: 900, SpendableAfterSeconds: 3860, ByKind: kindSeconds(daily, 900)},
		{Kind: committed, SpendableDeltaSeconds: -10, SpendableAfterSeconds: 3850, HoldId: late.GetId(), Operation: main, ByKind: kindSeconds(welcome, 10)},
	}
	slices.Reverse(want)
	got := s.list(&billingv1.ListTransactionsRequest{})
	if len(got) != len(want) {
		t.Fatalf("%d transactions: %v", len(got), got)
	}
	for i := range want {
		want[i].Seq = int64(len(want) - i)
		want[i].CreateTime = got[i].GetCreateTime()
		wantProto(t, got[i], want[i])
	}
	if at := got[0].GetCreateTime(); !at.AsTime().Equal(noon.AddDate(0, 0, 1)) || !got[len(got)-1].GetCreateTime().AsTime().Equal(noon) {
		t.Errorf("from %v to %v", at, got[len(got)-1].GetCreateTime())
	}
	_, err = s.as(uuid.New()).ListTransactions(t.Context(), &billingv1.ListTransactionsRequest{BuildId: buildID})
	wantFault(t, err, connect.CodeNotFound, "NOT_FOUND")
}

// Pages of any size join to the whole, with and without filters.
func TestServeTransactionsInPages(t *testing.T) {
	t.Parallel()
	s := serve(t)
	builds := []string{uuid.NewString(), uuid.NewString()}
	var open []*billingv1.Hold
	for i := range 30 {
		s.setClock(noon.Add(time.Duration(i) * time.Second))
		open = append(open, s.hold(10, builds[i%2]))
		if len(open) > 3 {
			s.pay(open[0], billingv1.Outcome_OUTCOME_SUCCEEDED, time.Second)
			open = open[1:]
		}
	}
	for _, hold := range open[:2] {
		s.pay(hold, billingv1.Outcome_OUTCOME_SUCCEEDED, time.Second)
	}
	whole := s.list(&billingv1.ListTransactionsRequest{PageSize: 1000})
	if len(whole) != 2+30+29 {
		t.Fatalf("%d transactions", len(whole))
	}
	for _, filter := range []*billingv1.ListTransactionsRequest{
		{},
		{Kinds: []billingv1.TransactionKind{granted}},
		{Kinds: []billingv1.TransactionKind{reserved, committed}},
		{Kinds: []billingv1.TransactionKind{voided}},
		{BuildId: builds[0]},
		{BuildId: builds[1], Kinds: []billingv1.TransactionKind{committed}},
	} {
		var want []int64
		for _, transaction := range whole {
			if (len(filter.GetKinds()) == 0 || slices.Contains(filter.GetKinds(), transaction.GetKind())) &&
				(filter.GetBuildId() == "" || filter.GetBuildId() == transaction.GetBuildId()) {
				want = append(want, transaction.GetSeq())
			}
		}
		for _, size := range []int32{1, 3, 7, 0, 100} {
			filter.PageSize = size
			var got []int64
			for _, transaction := range s.list(filter) {
				got = append(got, transaction.GetSeq())
			}
			if !slices.Equal(got, want) {
				t.Errorf("%v: %v, want %v", filter, got, want)
			}
		}
	}
}

// A token is good for its own request only, whatever size its pages have.
func TestServeTransactionsTokens(t *testing.T) {
	t.Parallel()
	s := serve(t)
	buildID := uuid.NewString()
	s.hold(10, buildID)
	s.hold(10, buildID)
	first := func(request *billingv1.ListTransactionsRequest) string {
		request.PageSize = 1
		page, err := s.ListTransactions(t.Context(), request)
		if err != nil || page.GetNextPageToken() == "" {
			t.Fatalf("%v: %v", page, err)
		}
		return page.GetNextPageToken()
	}
	kinds := []billingv1.TransactionKind{reserved, granted}
	plain, filtered, built := first(&billingv1.ListTransactionsRequest{}), first(&billingv1.ListTransactionsRequest{Kinds: kinds}), first(&billingv1.ListTransactionsRequest{BuildId: buildID})
	for name, request := range map[string]*billingv1.ListTransactionsRequest{
		"garbage":          {PageToken: "garbage"},
		"cut":              {PageToken: plain[:len(plain)-1]},
		"without its kind": {PageToken: filtered},
		"with a kind":      {PageToken: plain, Kinds: kinds},
		"of another kind":  {PageToken: filtered, Kinds: kinds[:1]},
		"without build":    {PageToken: built},
		"of another build": {PageToken: built, BuildId: uuid.NewString()},
	} {
		_, err := s.ListTransactions(t.Context(), request)
		if err == nil {
			t.Fatalf("%s: accepted", name)
		}
		wantFault(t, err, connect.CodeInvalidArgument, "PAGE_TOKEN_INVALID")
	}
	_, err := s.as(uuid.New()).ListTransactions(t.Context(), &billingv1.ListTransactionsRequest{PageToken: plain})
	wantFault(t, err, connect.CodeInvalidArgument, "PAGE_TOKEN_INVALID")
	slices.Reverse(kinds)
	got, err := s.ListTransactions(t.Context(), &billingv1.ListTransactionsRequest{PageToken: filtered, Kinds: kinds, PageSize: 50})
	if err != nil || len(got.GetTransactions()) != 3 {
		t.Errorf("the same kinds in another order, and another size: %v: %v", got, err)
	}
	for _, size := range []int32{-1, 1001} {
		if _, err := s.ListTransactions(t.Context(), &billingv1.ListTransactionsRequest{PageSize: size}); connect.CodeOf(err) != connect.CodeInvalidArgument {
			t.Errorf("size %d: %v", size, err)
		}
	}
}

// A filter that nothing passes reads a long journal piece by piece, and a build's
// rows are found in the middle of it at once.
func TestTransactionsOfALongJournal(t *testing.T) {
	t.Parallel()
	s := serve(t)
	account, build := uuid.New(), uuid.New()
	ids := strings.NewReplacer("$account", "'"+account.String()+"'", "$build", "'"+build.String()+"'")
	for _, statement := range []string{
		`insert into account (id, seq) values ($account, 25000)`,
		`insert into hold (id, account_id, build_id, operation, state, seconds, grant_ids, grant_seconds, day, create_time, expire_time, settle_time)
			select $build, $account, $build, 'update', 'released', 1, array[$account::uuid], array[1], '2026-03-01', at, at + interval '1 hour', at + interval '2 seconds'
			from (select '2026-03-01Z'::timestamptz + interval '3000 seconds' as at) as x`,
		`insert into journal (account_id, seq, kind, create_time, hold_id, build_id, granted_delta, free_delta, held_delta, consumed_delta, lapsed_delta, lines, balance, prev_hash, hash)
			select $account, n, case n when 3000 then 'hold' when 3002 then 'release' else 'lapse' end, '2026-03-01Z'::timestamptz + n * interval '1 second',
				case when n in (3000, 3002) then $build::uuid end, case when n in (3000, 3002) then $build::uuid end,
				0, 0, 0, 0, 0, '[]', '{"spendable":0,"gift_reset":"2026-03-02T00:00:00Z","by_kind":{}}', sha256(''), sha256('') from generate_series(1, 25000) as n`,
	} {
		if _, err := s.db.Exec(t.Context(), ids.Replace(statement)); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(s.forget)
	client := s.as(account)
	request := &billingv1.ListTransactionsRequest{Kinds: []billingv1.TransactionKind{voided}}
	pages := 0
	for again := true; again; again = request.GetPageToken() != "" {
		page, err := client.ListTransactions(t.Context(), request)
		if err != nil || len(page.GetTransactions()) != 0 {
			t.Fatalf("%v: %v", page, err)
		}
		request.PageToken = page.GetNextPageToken()
		pages++
	}
	if pages != 3 {
		t.Errorf("%d pages", pages)
	}
	page, err := client.ListTransactions(t.Context(), &billingv1.ListTransactionsRequest{BuildId: build.String()})
	if err != nil || len(page.GetTransactions()) != 2 || page.GetTransactions()[1].GetSeq() != 3000 || page.GetNextPageToken() != "" {
		t.Errorf("of the build: %v: %v", page, err)
	}
	held, err := s.Transactions(t.Context(), s.db, billing.TransactionsRequest{AccountID: account, BuildID: build, Before: 3000, Size: 1})
	if err != nil || len(held.Entries) != 0 || held.Next != 0 {
		t.Errorf("before the build: %v: %v", held, err)
	}
}

// forget removes what no audit would like.
func (b *testBundle) forget() {
	b.t.Helper()
	for _, statement := range []string{"alter table journal disable trigger user", "truncate account cascade"} {
		if _, err := b.db.Exec(context.WithoutCancel(b.t.Context()), statement); err != nil {
			b.t.Error(err)
		}
	}
}

func stamp(t *testing.T, zone, at string) *timestamppb.Timestamp {
	t.Helper()
	return timestamppb.New(local(t, zone, at))
}

// local is an instant as clocks in a zone show it.
func local(t *testing.T, zone, at string) time.Time {
	t.Helper()
	location, err := time.LoadLocation(zone)
	if err != nil {
		t.Fatal(err)
	}
	instant, err := time.ParseInLocation("2006-01-02 15:04:05.999999999", at, location)
	if err != nil {
		t.Fatal(err)
	}
	return instant
}
