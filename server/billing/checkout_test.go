package billing_test

import (
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/sheenapps/sheen/server/billing"
	"github.com/sheenapps/sheen/store"
)

func TestPackagesAreSyncedByManyNodes(t *testing.T) {
	t.Parallel()
	m := newMarket(t)
	cheaper := billing.Package{ID: "mini", Seconds: 3600, PriceMicros: 4_000_000, CurrencyCode: "EUR", Life: time.Hour}
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			if err := m.SyncPackages(t.Context(), []billing.Package{{ID: "tiny", Seconds: 60, PriceMicros: 10_000, CurrencyCode: "USD"}, cheaper}); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	got, err := m.Packages(t.Context(), 0, "", 10)
	if err != nil || len(got) != 2 || got[0].ID != "tiny" || got[1] != cheaper {
		t.Errorf("%v, %v", got, err)
	}
	if n := m.count("select count(*) from package where not sold and id = 'large'"); n != 1 {
		t.Error("a package that is not configured any more is still sold")
	}
	version := m.count("select sum(xmin::text::bigint) from package")
	if err := m.SyncPackages(t.Context(), got); err != nil || m.count("select sum(xmin::text::bigint) from package") != version {
		t.Errorf("the same again has written: %v", err)
	}
	got[1].Life = 0
	if err := m.SyncPackages(t.Context(), got); err != nil || m.count("select count(*) from package where sold and life_seconds is null") != 2 {
		t.Errorf("a life is not taken back: %v", err)
	}
	if err := m.SyncPackages(t.Context(), nil); err != nil || m.count("select count(*) from package where sold") != 0 {
		t.Errorf("nothing is configured and something sold: %v", err)
	}
}

func TestParsePackagesTellsAllThatIsWrong(t *testing.T) {
	t.Parallel()
	good, err := billing.ParsePackages(" mini:3600:5000000:USD , l-2:1:1:EUR:8760h")
	want := []billing.Package{miniPackages[0], {ID: "l-2", Seconds: 1, PriceMicros: 1, CurrencyCode: "EUR", Life: 8760 * time.Hour}}
	if err != nil || !slices.Equal(good, want) {
		t.Errorf("%v, %v", good, err)
	}
	_, err = billing.ParsePackages("Mini:1:1:USD,a:0:1:USD,b:1:0:USD,c:1:1:usd,d:1:1,e:1:1:USD,e:1:1:USD,f:x:1:USD,g:1:1000000000001:USD," +
		"h:1:1:USD:,i:1:1:USD:0s,j:1:1:USD:-1h,k:1:1:USD:1500ms,l:1:1:USD:876001h,m:1:1:USD:1y,n:1:1:USD:1h:1h")
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok || len(joined.Unwrap()) != 15 {
		t.Errorf("15 are wrong: %v", err)
	}
	if packages, err := billing.ParsePackages(billing.DefaultPackages); err != nil || len(packages) != 3 {
		t.Errorf("the default: %v, %v", packages, err)
	}
}

func TestCheckoutIsRepeatable(t *testing.T) {
	t.Parallel()
	m := newMarket(t)
	first, err := m.Checkout(t.Context(), request(m.account, "k"))
	if err != nil {
		t.Fatal(err)
	}
	order := m.provider.pages[first.ID]
	want := billing.PaymentOrder{
		PurchaseID: first.ID, AccountID: m.account, Title: "Mini package", Locale: "en",
		PriceMicros: 5_000_000, CurrencyCode: "USD",
		SuccessURL: "https://app.example.com/done", CancelURL: "https://app.example.com/back",
	}
	if order != want {
		t.Errorf("ordered %+v, want %+v", order, want)
	}
	again := request(m.account, "k")
	again.Locale = "de"
	if second, err := m.Checkout(t.Context(), again); err != nil || second.ID != first.ID || second.CheckoutURL != first.CheckoutURL {
		t.Errorf("the same again: %+v, %v", second, err)
	}
	if m.provider.calls != 1 {
		t.Errorf("the provider was called %d times", m.provider.calls)
	}
	for name, change := range map[string]func(*billing.CheckoutRequest){
		"package": func(r *billing.CheckoutRequest) { r.PackageID = "large" },
		"success": func(r *billing.CheckoutRequest) { r.SuccessURL += "2" },
		"cancel":  func(r *billing.CheckoutRequest) { r.CancelURL += "2" },
	} {
		other := request(m.account, "k")
		change(&other)
		if _, err := m.Checkout(t.Context(), other); !errors.Is(err, billing.ErrKeyReused) {
			t.Errorf("another %s: %v", name, err)
		}
	}
	if other, err := m.Checkout(t.Context(), request(uuid.New(), "k")); err != nil || other.ID == first.ID {
		t.Errorf("another account's key: %v", err)
	}
}

func TestCheckoutRefuses(t *testing.T) {
	t.Parallel()
	m := newMarket(t)
	for name, test := range map[string]struct {
		change func(*billing.CheckoutRequest)
		want   error
	}{
		"unknown package": {func(r *billing.CheckoutRequest) { r.PackageID = "giant" }, store.ErrNotFound},
		"script":          {func(r *billing.CheckoutRequest) { r.SuccessURL = "javascript:alert(1)" }, billing.ErrInvalid},
		"another scheme":  {func(r *billing.CheckoutRequest) { r.SuccessURL = "ftp://app.example.com/done" }, billing.ErrInvalid},
		"no host":         {func(r *billing.CheckoutRequest) { r.CancelURL = "https:///path" }, billing.ErrInvalid},
		"no key":          {func(r *billing.CheckoutRequest) { r.Key = "" }, billing.ErrInvalid},
	} {
		bad := request(m.account, "k")
		test.change(&bad)
		if _, err := m.Checkout(t.Context(), bad); !errors.Is(err, test.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := m.SyncPackages(t.Context(), miniPackages[1:]); err != nil {
		t.Fatal(err)
	}
	if _, err := m.Checkout(t.Context(), request(m.account, "k")); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("a package that is not sold any more: %v", err)
	}
	if n := m.count("select count(*) from purchase"); n != 0 || m.provider.calls != 0 {
		t.Errorf("%d purchases and %d calls of what was refused", n, m.provider.calls)
	}
}

// Twenty at once get one purchase and one page, also while the provider refuses
// all but one of them.
func TestCheckoutRaces(t *testing.T) {
	t.Parallel()
	m := newMarket(t)
	entered := make(chan struct{}, 20)
	m.provider.before = func(billing.PaymentOrder) error {
		entered <- struct{}{}
		return nil
	}
	pages := make([]*store.Purchase, 20)
	var group sync.WaitGroup
	for i := range pages {
		group.Go(func() {
			var err error
			if pages[i], err = m.Checkout(t.Context(), request(m.account, "k")); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	for _, page := range pages {
		if page == nil || page.ID != pages[0].ID || page.CheckoutURL != pages[0].CheckoutURL {
			t.Errorf("%+v beside %+v", page, pages[0])
		}
	}
	if n := m.count("select count(*) from purchase"); n != 1 || len(m.provider.pages) != 1 || len(entered) == 0 {
		t.Errorf("%d purchases, %d pages", n, len(m.provider.pages))
	}
}

// An answer that was lost is made good by the repeat: the purchase was stored
// before the provider heard of it, and the provider knows it again.
func TestCheckoutHealsALostAnswer(t *testing.T) {
	t.Parallel()
	m := newMarket(t)
	lost := 0
	m.provider.after = func(order billing.PaymentOrder) error {
		if n := m.count("select count(*) from purchase where id = $1 and state = 'open' and checkout_url = ''", order.PurchaseID); n != 1 {
			t.Errorf("the provider was called before the purchase was stored")
		}
		lost++
		if lost > 2 {
			return nil
		}
		return billing.ErrPaymentsAway
	}
	for range 2 {
		if _, err := m.Checkout(t.Context(), request(m.account, "k")); !errors.Is(err, billing.ErrPaymentsAway) {
			t.Errorf("a lost answer: %v", err)
		}
	}
	// The repeat is made in another language and after the account was met as a customer.
	again := request(m.account, "k")
	again.Locale = "ar"
	if _, err := m.db.Exec(t.Context(), "insert into payment_customer values ($1, 'test', 'customer')", m.account); err != nil {
		t.Fatal(err)
	}
	purchase, err := m.Checkout(t.Context(), again)
	if err != nil || purchase.CheckoutURL == "" || *purchase.ProviderID != pageOf(purchase.ID) || lost != 3 {
		t.Errorf("%+v, %v after %d calls", purchase, err, lost)
	}
	if n := m.count("select count(*) from purchase"); n != 1 || len(m.provider.pages) != 1 {
		t.Errorf("%d purchases, %d pages", n, len(m.provider.pages))
	}
}

// One of two repeats gets the page while the provider turns the other away, as
// it does with a key that is in use: both get the page.
func TestCheckoutTurnedAwayFindsTheOthersPage(t *testing.T) {
	t.Parallel()
	m := newMarket(t)
	nested := false
	m.provider.before = func(billing.PaymentOrder) error {
		if nested {
			return nil
		}
		nested = true
		if _, err := m.Checkout(t.Context(), request(m.account, "k")); err != nil {
			t.Error(err)
		}
		return billing.ErrPaymentsAway
	}
	purchase, err := m.Checkout(t.Context(), request(m.account, "k"))
	if err != nil || purchase.CheckoutURL == "" || !nested {
		t.Errorf("%+v, %v", purchase, err)
	}
}

func TestManualSellsNothing(t *testing.T) {
	t.Parallel()
	b := setup(t)
	p := billing.NewPurchases(billing.PurchaseOptions{DB: b.db, Ledger: b.Ledger})
	if err := p.SyncPackages(t.Context(), miniPackages); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Checkout(t.Context(), request(b.account, "k")); !errors.Is(err, billing.ErrPaymentsOff) {
		t.Error(err)
	}
	if _, err := (billing.Manual{}).Charge(t.Context(), billing.PaymentOrder{}); !errors.Is(err, billing.ErrPaymentsOff) {
		t.Error(err)
	}
	if n := b.count("select count(*) from purchase"); n != 0 {
		t.Errorf("%d purchases", n)
	}
}
