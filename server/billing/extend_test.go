package billing_test

import (
	"errors"
	"testing"
	"time"

	"connectrpc.com/connect"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	billingv1 "github.com/sheenapps/sheen/gen/sheen/billing/v1"
	"github.com/sheenapps/sheen/server/billing"
	"github.com/sheenapps/sheen/server/billing/meter"
)

func (b *testBundle) extend(request billing.ExtendRequest) (*billing.Hold, *billing.Balance, error) {
	if request.AccountID == uuid.Nil {
		request.AccountID = b.account
	}
	var hold *billing.Hold
	var balance *billing.Balance
	err := b.inTx(func(tx pgx.Tx) (err error) {
		hold, balance, err = b.Extend(b.t.Context(), tx, request)
		return err
	})
	return hold, balance, err
}

func (b *testBundle) void(request billing.VoidRequest) (*billing.Voided, *billing.Balance, error) {
	if request.AccountID == uuid.Nil {
		request.AccountID = b.account
	}
	var voided *billing.Voided
	var balance *billing.Balance
	err := b.inTx(func(tx pgx.Tx) (err error) {
		voided, balance, err = b.Void(b.t.Context(), tx, request)
		return err
	})
	return voided, balance, err
}

// Each answer is given again as it was, however much happened since.
func TestExtendAgainIsTheSameAnswer(t *testing.T) {
	t.Parallel()
	b := setup(t)
	made, _, err := b.reserve(billing.ReserveRequest{Seconds: 100, Key: "reserve"})
	if err != nil {
		t.Fatal(err)
	}
	request := billing.ExtendRequest{HoldID: uuid.UUID(made.ID), Key: "first", Seconds: 50, TTL: time.Hour}
	first, firstBalance, err := b.extend(request)
	if err != nil {
		t.Fatal(err)
	}
	if first.Seconds != 150 || !first.ExpireTime.After(made.ExpireTime) || firstBalance.Held != 150 || firstBalance.Spendable != 3750 {
		t.Errorf("extended to %+v with %+v", first, firstBalance)
	}
	b.setClock(noon.Add(time.Minute))
	if _, _, err := b.extend(billing.ExtendRequest{HoldID: uuid.UUID(made.ID), Key: "second", Seconds: 30, TTL: time.Hour}); err != nil {
		t.Fatal(err)
	}
	if _, err := b.commit(made, meter.Succeeded, 170*time.Second); err != nil {
		t.Fatal(err)
	}
	again, againBalance, err := b.extend(request)
	if err != nil || again.Seconds != 150 || again.State != meter.HoldOpen || !again.ExpireTime.Equal(first.ExpireTime) ||
		againBalance.Spendable != firstBalance.Spendable {
		t.Errorf("again %+v with %+v: %v", again, againBalance, err)
	}
	again, _, err = b.reserve(billing.ReserveRequest{Seconds: 100, Key: "reserve"})
	if err != nil || again.Seconds != 100 || !again.ExpireTime.Equal(made.ExpireTime) {
		t.Errorf("the reserve again gives %+v: %v", again, err)
	}
	request.Seconds = 51
	if _, _, err := b.extend(request); !errors.Is(err, billing.ErrKeyReused) {
		t.Errorf("another request with the key: %v", err)
	}
	b.wantSpendable(3730, 0)
}

func TestExtendRefusals(t *testing.T) {
	t.Parallel()
	b := setup(t)
	hold, _, err := b.reserve(billing.ReserveRequest{Seconds: 100, MaxSeconds: 200, TTL: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	all := b.mustReserve(3700)
	id := uuid.UUID(hold.ID)
	if _, _, err := b.extend(billing.ExtendRequest{HoldID: id, Seconds: 101}); !errors.Is(err, billing.ErrInvalid) {
		t.Errorf("above the maximum: %v", err)
	}
	_, _, err = b.extend(billing.ExtendRequest{HoldID: uuid.UUID(all.ID), Seconds: 101})
	if refusal, ok := errors.AsType[*billing.InsufficientError](err); !ok || refusal.RequiredSeconds != 101 ||
		refusal.SpendableSeconds != 100 || refusal.HeldSeconds != 3800 {
		t.Errorf("more than there is: %v", err)
	}
	if _, _, err := b.extend(billing.ExtendRequest{AccountID: uuid.New(), HoldID: id, Seconds: 1}); !errors.Is(err, billing.ErrHoldNotFound) {
		t.Errorf("another's hold: %v", err)
	}
	b.wantSpendable(100, 3800)

	b.setClock(noon.Add(time.Hour))
	_, _, err = b.extend(billing.ExtendRequest{HoldID: id, Seconds: 1})
	if refusal, ok := errors.AsType[*billing.HoldStateError](err); !ok || refusal.From != meter.HoldExpired {
		t.Errorf("a hold whose time is up: %v", err)
	}
	if _, _, err := b.release(hold); err != nil {
		t.Fatal(err)
	}
	_, _, err = b.extend(billing.ExtendRequest{HoldID: id, Seconds: 1})
	if refusal, ok := errors.AsType[*billing.HoldStateError](err); !ok || refusal.From != meter.HoldExpired {
		t.Errorf("an expired hold: %v", err)
	}
}

// A grant is taken back once; what was used of it is said, and stays said.
func TestVoid(t *testing.T) {
	t.Parallel()
	b := setup(t)
	grant, _, err := b.grant(billing.GrantRequest{Key: "paid", Kind: meter.Package, Seconds: 1000})
	if err != nil {
		t.Fatal(err)
	}
	hold := b.mustReserve(4200) // 300 s of the package
	request := billing.VoidRequest{GrantID: uuid.UUID(grant.ID), Key: "refund", Reason: "refunded"}
	voided, balance, err := b.void(request)
	if err != nil || voided.Seconds != 700 || voided.Used != 300 || balance.Spendable != 0 {
		t.Fatalf("voided %+v with %+v: %v", voided, balance, err)
	}
	if _, err := b.commit(hold, meter.Succeeded, 4000*time.Second); err != nil {
		t.Fatal(err)
	}
	b.wantSpendable(0, 0) // 200 s came back to a grant that is no more
	again, _, err := b.void(request)
	if err != nil || *again != *voided {
		t.Errorf("again %+v: %v", again, err)
	}
	request.Key = "another"
	if other, _, err := b.void(request); err != nil || other.Seconds != 0 || other.Used != 100 {
		t.Errorf("voided twice: %+v, %v", other, err)
	}
	request.Key, request.Reason = "refund", "another"
	if _, _, err := b.void(request); !errors.Is(err, billing.ErrKeyReused) {
		t.Errorf("another request with the key: %v", err)
	}
	for name, request := range map[string]billing.VoidRequest{
		"another's": {AccountID: uuid.New(), GrantID: uuid.UUID(grant.ID), Key: "x"},
		"no one's":  {GrantID: uuid.New(), Key: "x"},
	} {
		if _, _, err := b.void(request); !errors.Is(err, billing.ErrGrantNotFound) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if again, _, err := b.grant(billing.GrantRequest{Key: "paid", Kind: meter.Package, Seconds: 1000}); err != nil ||
		again.Free != 1000 || !again.VoidTime.IsZero() {
		t.Errorf("the grant again gives %+v: %v", again, err)
	}
}

// What has ended is written down by the job, without gifts for those who are not
// there, and paced.
func TestExpire(t *testing.T) {
	t.Parallel()
	b := setup(t)
	hold, _, err := b.reserve(billing.ReserveRequest{Seconds: 100, TTL: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	if settled, err := b.Expire(t.Context(), b.db, 10, 0); settled != 0 || err != nil {
		t.Errorf("%d accounts settled before anything ended: %v", settled, err)
	}
	b.setClock(noon.Add(time.Minute))
	for _, want := range []int{1, 0} {
		if settled, err := b.Expire(t.Context(), b.db, 10, 0); settled != want || err != nil {
			t.Errorf("%d accounts settled, want %d: %v", settled, want, err)
		}
	}
	if n := b.count("select count(*) from hold where id = $1 and state = 'expired'", uuid.UUID(hold.ID)); n != 1 {
		t.Error("the hold has not expired")
	}
	b.setClock(noon.Add(36 * time.Hour))
	if settled, err := b.Expire(t.Context(), b.db, 10, 0); settled != 1 || err != nil {
		t.Errorf("%d accounts settled after midnight: %v", settled, err)
	}
	if n := b.count("select count(*) from credit_grant where kind = 'daily'"); n != 1 {
		t.Errorf("%d daily gifts", n)
	}
	if n := b.count("select count(*) from journal where kind = 'lapse'"); n != 1 {
		t.Errorf("%d grants lapsed", n)
	}
	b.wantSpendable(3900, 0)
}

func (b *testBundle) setZone(account uuid.UUID, zone string) {
	b.t.Helper()
	if _, err := b.db.Exec(b.t.Context(), "update account set zone = $2 where id = $1", account, zone); err != nil {
		b.t.Fatal(err)
	}
}

// An account that cannot be settled does not keep the others from it, however
// often it comes first.
func TestExpirePassesOverWhatIsBroken(t *testing.T) {
	t.Parallel()
	b := setup(t)
	broken := b.account
	for i := range 3 {
		_, _, err := b.reserve(billing.ReserveRequest{Seconds: 100, TTL: time.Duration(i+1) * time.Second})
		if err != nil {
			t.Fatal(err)
		}
		b.account = uuid.New()
	}
	b.setZone(broken, "Nowhere/None")
	defer b.setZone(broken, "UTC") // for the audit
	b.setClock(noon.Add(time.Minute))
	if settled, err := b.Expire(t.Context(), b.db, 10, 0); settled != 2 || err == nil {
		t.Errorf("%d accounts settled, want 2 and an error: %v", settled, err)
	}
	if n := b.count("select count(*) from hold where state = 'expired'"); n != 2 {
		t.Errorf("%d holds have expired, want 2", n)
	}
}

// The three procedures over the wire.
func TestServeExtendAndVoid(t *testing.T) {
	t.Parallel()
	s := serve(t)
	hold := s.hold(100, "")
	extended, err := s.ExtendHold(t.Context(), &billingv1.ExtendHoldRequest{
		HoldId: hold.GetId(), IdempotencyKey: "more", Seconds: 50, Ttl: durationpb.New(2 * time.Hour),
	})
	if err != nil {
		t.Fatal(err)
	}
	// The clock stands still, so the second entry is 1 µs after the first.
	hold.HeldSeconds, hold.ExpireTime = 150, timestamppb.New(noon.Add(2*time.Hour+time.Microsecond))
	wantProto(t, extended.GetHold(), hold)
	wantProto(t, extended.GetBalance(), balanceOf(2850, 900, 0, 150))
	got, err := s.GetHold(t.Context(), &billingv1.GetHoldRequest{HoldId: hold.GetId()})
	if err != nil {
		t.Fatal(err)
	}
	wantProto(t, got.GetHold(), hold)

	// A hold whose time is up shows as expired before anybody has written it.
	s.setClock(noon.Add(2*time.Hour + time.Microsecond))
	got, err = s.GetHold(t.Context(), &billingv1.GetHoldRequest{HoldId: hold.GetId()})
	hold.HeldSeconds, hold.State = 0, billingv1.HoldState_HOLD_STATE_EXPIRED
	if err != nil {
		t.Fatal(err)
	}
	wantProto(t, got.GetHold(), hold)
	_, err = s.ExtendHold(t.Context(), &billingv1.ExtendHoldRequest{HoldId: hold.GetId(), IdempotencyKey: "late", Seconds: 1})
	wantFault(t, err, connect.CodeFailedPrecondition, "HOLD_CLOSED")
	_, err = s.as(uuid.New()).GetHold(t.Context(), &billingv1.GetHoldRequest{HoldId: hold.GetId()})
	wantFault(t, err, connect.CodeNotFound, "NOT_FOUND")

	granted, err := s.GrantCredits(t.Context(), &billingv1.GrantCreditsRequest{
		IdempotencyKey: "g", Kind: billingv1.GrantKind_GRANT_KIND_PROMO, Seconds: 70,
	})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		voided, err := s.VoidGrant(t.Context(), &billingv1.VoidGrantRequest{GrantId: granted.GetGrantId(), IdempotencyKey: "v", Reason: "error"})
		if err != nil {
			t.Fatal(err)
		}
		wantProto(t, voided, &billingv1.VoidGrantResponse{VoidedSeconds: 70, Balance: balanceOf(3000, 900, 0, 0)})
	}
	_, err = s.VoidGrant(t.Context(), &billingv1.VoidGrantRequest{GrantId: uuid.NewString(), IdempotencyKey: "w"})
	wantFault(t, err, connect.CodeNotFound, "NOT_FOUND")
}
