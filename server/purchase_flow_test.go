package server_test

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	billingv1 "github.com/sheenapps/sheen/gen/sheen/billing/v1"
	"github.com/sheenapps/sheen/server"
	"github.com/sheenapps/sheen/server/auth"
	"github.com/sheenapps/sheen/server/billing/stripetest"
	"github.com/sheenapps/sheen/server/servertest"
	"github.com/sheenapps/sheen/store"
)

// shopper is a user of a server that charges cards, and the service that spends
// the user's time.
type shopper struct {
	*till

	stripe        *stripetest.Fake
	user, service *servertest.Clients
	db            *store.DB
}

func newShopper(t *testing.T) *shopper {
	t.Helper()
	s := &shopper{stripe: stripetest.New(t)}
	s.till = &till{t: t, Bundle: servertest.Start(t, func(c *server.Config) {
		c.Packages, c.Payments, c.StripeAPIURL = defaultPackages, server.PaymentsStripe, s.stripe.URL
		c.StripeSecretKey, c.StripeWebhookSecret = server.NewSecret(stripetest.Key), server.NewSecret(webhookSecret)
	})}
	s.user = s.User(t)
	s.service = s.As(t, s.user.UserID, auth.RoleService)
	db, err := store.Open(t.Context(), s.DatabaseURL)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	s.db = db
	// No midnight comes with another gift while the test runs.
	zone := "UTC"
	if hour := time.Now().UTC().Hour(); hour < 6 || hour >= 18 {
		zone = "Etc/GMT+12"
	}
	if _, err := db.Exec(t.Context(), "insert into account (id, zone) values ($1, $2)", s.user.UserID, zone); err != nil {
		t.Fatal(err)
	}
	return s
}

// spend holds some seconds and charges as many as it says.
func (s *shopper) spend(seconds int64) {
	s.t.Helper()
	held, err := s.service.Billing.Reserve(s.t.Context(), &billingv1.ReserveRequest{
		IdempotencyKey: uuid.NewString(), Operation: billingv1.Operation_OPERATION_MAIN_BUILD, Seconds: 10,
	})
	if err != nil {
		s.t.Fatal(err)
	}
	committed, err := s.service.Billing.Commit(s.t.Context(), &billingv1.CommitRequest{
		HoldId: held.GetHold().GetId(), Actual: durationpb.New(time.Duration(seconds) * time.Second),
		Outcome: billingv1.Outcome_OUTCOME_SUCCEEDED,
	})
	if err != nil || committed.GetReceipt().GetShortfallSeconds() != 0 {
		s.t.Fatalf("%v, %v", committed, err)
	}
}

func (s *shopper) spendable() int64 {
	s.t.Helper()
	got, err := s.user.Billing.GetBalance(s.t.Context(), &billingv1.GetBalanceRequest{})
	if err != nil {
		s.t.Fatal(err)
	}
	return got.GetBalance().GetSpendableSeconds()
}

// rows are those of a query, a text each.
func (s *shopper) rows(query string) []string {
	s.t.Helper()
	rows, err := s.db.Query(s.t.Context(), query, s.user.UserID)
	if err != nil {
		s.t.Fatal(err)
	}
	texts, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		s.t.Fatal(err)
	}
	return texts
}

// wantAttempts waits until this is what became of the decisions to buy.
func (s *shopper) wantAttempts(want ...string) {
	s.t.Helper()
	var got []string
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); {
		got = s.rows(`select concat_ws(' ', state, nullif(reason, '')) from topup_attempt where account_id = $1 order by create_time, id`)
		if slices.Equal(got, want) {
			return
		}
	}
	s.t.Fatalf("attempts %q, want %q", got, want)
}

func (s *shopper) wantSpendable(want int64) {
	s.t.Helper()
	if got := s.spendable(); got != want {
		s.t.Errorf("%d s are spendable, want %d", got, want)
	}
}

// wantRule compares the rule with what it was set to.
func (s *shopper) wantRule(want *billingv1.AutoTopUp) {
	s.t.Helper()
	got, err := s.user.Billing.GetAutoTopUp(s.t.Context(), &billingv1.GetAutoTopUpRequest{})
	if err != nil || !proto.Equal(got.GetAutoTopUp(), want) {
		s.t.Errorf("the rule is %v, %v, want %v", got, err, want)
	}
}

// wantTransactions compares the journal, the oldest first, read in pages: kind,
// change of the spendable seconds and of the held ones, kinds of grants.
func (s *shopper) wantTransactions(want ...string) {
	s.t.Helper()
	var got []string
	for token, page := "", 0; page == 0 || token != ""; page++ {
		res, err := s.user.Billing.ListTransactions(s.t.Context(), &billingv1.ListTransactionsRequest{PageSize: 4, PageToken: token})
		if err != nil {
			s.t.Fatal(err)
		}
		for _, entry := range res.GetTransactions() {
			parts := []string{fmt.Sprintf("%d %s %+d %+d", entry.GetSeq(), strings.TrimPrefix(entry.GetKind().String(), "TRANSACTION_KIND_"),
				entry.GetSpendableDeltaSeconds(), entry.GetHeldDeltaSeconds())}
			for _, part := range entry.GetByKind() {
				parts = append(parts, fmt.Sprintf("%s:%d", strings.TrimPrefix(part.GetKind().String(), "GRANT_KIND_"), part.GetSeconds()))
			}
			got = append(got, strings.Join(parts, " "))
		}
		token = res.GetNextPageToken()
	}
	slices.Reverse(got)
	if !slices.Equal(got, want) {
		s.t.Errorf("transactions\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// wantPaid checks that the card was charged so often, each time for one package.
func (s *shopper) wantPaid(n int) {
	s.t.Helper()
	s.stripe.Calm()
	for _, payment := range s.stripe.Paid {
		form := payment.Form
		if payment.Card != "pm_new" || form.Get("amount") != "500" || form.Get("currency") != "usd" || form.Get("customer") != "cus_1" ||
			form.Get("metadata[account_id]") != s.user.UserID.String() {
			s.t.Errorf("charged %+v", payment)
		}
	}
	if len(s.stripe.Paid) != n {
		s.t.Fatalf("%d charges, want %d", len(s.stripe.Paid), n)
	}
}

// intentTold is what Stripe tells of a payment that was asked for off session.
func intentTold(event, intent, purchase, fields string) []byte {
	return stripeEvent("evt_"+intent, event, `"id":"`+intent+`","object":"payment_intent","amount":500,
		"currency":"usd","customer":"cus_1","metadata":{"purchase_id":"`+purchase+`"},`+fields)
}

// A user buys, leaves the card, lets it be charged when time runs short, and is
// charged until the bank refuses.
func TestAPurchaseFromCheckoutToDecline(t *testing.T) {
	t.Parallel()
	s := newShopper(t)
	bought := checkout(t, s.user, "k").GetPurchaseId()
	s.mustDeliver(sessionPaid(bought))
	s.mustDeliver(stripeEvent("evt_card", "payment_method.attached", `"id":"pm_new","object":"payment_method","type":"card","customer":"cus_1"`))
	wantPackages(t, s.user, 3600)
	s.wantSpendable(3000 + 900 + 3600)
	set, err := s.user.Billing.SetAutoTopUp(t.Context(), &billingv1.SetAutoTopUpRequest{
		Enabled: true, MonthlyCapMicros: 50_000_000, ConsentVersion: "2026-11",
	})
	if err != nil {
		t.Fatal(err)
	}
	rule := &billingv1.AutoTopUp{
		Enabled: true, ThresholdSeconds: 600, PackageId: "mini", MonthlyCapMicros: 50_000_000, ConsentVersion: "2026-11",
		ConsentTime: set.GetAutoTopUp().GetConsentTime(),
	}
	if !rule.GetConsentTime().IsValid() {
		t.Errorf("set %v", set)
	}
	s.wantRule(rule)

	s.spend(6910)
	s.wantAttempts("charged")
	s.wantSpendable(590 + 3600)
	s.wantPaid(1)
	paid := s.stripe.Paid[0]
	told := intentTold("payment_intent.succeeded", paid.Intent, paid.Form.Get("metadata[purchase_id]"), `"amount_received":500,"status":"succeeded"`)
	s.mustDeliver(told)
	s.mustDeliver(told)
	s.wantSpendable(590 + 3600)

	var refused []string // purchases
	s.stripe.Refuse = func(w http.ResponseWriter, r *http.Request, form url.Values) bool {
		if r.URL.Path == "/v1/payment_intents" {
			refused = append(refused, form.Get("metadata[purchase_id]"))
		}
		if !strings.HasSuffix(r.URL.Path, "/confirm") {
			return false
		}
		s.stripe.Fail(w, http.StatusPaymentRequired, `"type":"card_error","code":"card_declined","decline_code":"insufficient_funds"`)
		return true
	}
	s.spend(3600)
	s.wantAttempts("charged", "declined insufficient_funds")
	s.spend(10) // within the hour that nobody is charged
	s.wantAttempts("charged", "declined insufficient_funds", "skipped paused")
	s.wantPaid(1)
	if len(refused) != 1 {
		t.Fatalf("%q were refused", refused)
	}
	s.mustDeliver(intentTold("payment_intent.payment_failed", "pi_refused", refused[0], `"status":"requires_payment_method"`))
	s.wantSpendable(580)
	s.wantRule(rule) // one refusal pauses, it takes three to suspend
	s.wantBooks()
}

// wantBooks checks what all of it has come to.
func (s *shopper) wantBooks() {
	s.t.Helper()
	paused := s.rows(`select declines || ' ' || (pause_until between now() + interval '59 min' and now() + interval '1 h') || ' ' || suspended
		from auto_topup where account_id = $1`)
	if !slices.Equal(paused, []string{"1 true false"}) {
		s.t.Errorf("declines, paused, suspended: %q", paused)
	}
	purchases := s.rows(`select origin || ' ' || state || ' ' || (grant_id is not null) from purchase where account_id = $1 order by create_time`)
	if !slices.Equal(purchases, []string{"checkout paid true", "auto_topup paid true", "auto_topup failed false"}) {
		s.t.Errorf("purchases %q", purchases)
	}
	s.wantTransactions(
		"1 GRANT +3000 +0 WELCOME:3000",
		"2 GRANT +900 +0 DAILY:900",
		"3 GRANT +3600 +0 PACKAGE:3600", // by checkout
		"4 RESERVE -10 +10 WELCOME:10",
		"5 COMMIT -6900 -10 WELCOME:3000 DAILY:900 PACKAGE:3010",
		"6 GRANT +3600 +0 PACKAGE:3600", // by itself
		"7 RESERVE -10 +10 PACKAGE:10",
		"8 COMMIT -3590 -10 PACKAGE:3600",
		"9 RESERVE -10 +10 PACKAGE:10",
		"10 COMMIT +0 -10 PACKAGE:10",
	)
	wantAudit(s.t, s.As(s.t, uuid.New(), auth.RoleAdmin), false)
}
