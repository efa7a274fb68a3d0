package billing_test

import (
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"connectrpc.com/connect"
	"connectrpc.com/validate"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/protobuf/types/known/durationpb"

	billingv1 "github.com/sheenapps/sheen/gen/sheen/billing/v1"
	"github.com/sheenapps/sheen/gen/sheen/billing/v1/billingv1connect"
	"github.com/sheenapps/sheen/server/auth"
	"github.com/sheenapps/sheen/server/billing"
	"github.com/sheenapps/sheen/server/fault"
	"github.com/sheenapps/sheen/server/locale"
	"github.com/sheenapps/sheen/server/token"
)

// served is a market behind a server, called for the bundle's account.
type servedMarket struct {
	*market

	client billingv1connect.BillingServiceClient
}

func serveMarket(t *testing.T) *servedMarket {
	t.Helper()
	b := setup(t)
	b.Ledger = billing.NewLedger(billing.Options{Packages: miniPackages, PurchaseURL: "https://app.example.com/buy"})
	m := newMarketOn(t, b, "test")
	tokens, err := token.NewCodec([]token.Key{{ID: 1, Secret: []byte("0123456789abcdef0123456789abcdef")}})
	if err != nil {
		t.Fatal(err)
	}
	service := billing.NewService(b.db, b.Ledger, m.Purchases, tokens)
	_, handler := billingv1connect.NewBillingServiceHandler(service,
		connect.WithInterceptors(fault.NewInterceptor(slog.New(slog.DiscardHandler)), validate.NewInterceptor()))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		handler.ServeHTTP(w, r.WithContext(auth.WithPrincipal(r.Context(), auth.Principal{UserID: b.account})))
	}))
	t.Cleanup(server.Close)
	return &servedMarket{market: m, client: billingv1connect.NewBillingServiceClient(server.Client(), server.URL)}
}

func TestServePackagesInPages(t *testing.T) {
	t.Parallel()
	s := serveMarket(t)
	sold := append([]billing.Package{
		{ID: "b", Seconds: 61, PriceMicros: 10_000, CurrencyCode: "EUR"}, {ID: "a", Seconds: 61, PriceMicros: 20_000, CurrencyCode: "EUR", Life: time.Hour},
	}, miniPackages...)
	if err := s.SyncPackages(t.Context(), sold); err != nil {
		t.Fatal(err)
	}
	var ids []string
	var pages int
	for next := ""; pages == 0 || next != ""; pages++ {
		page, err := s.client.ListPackages(t.Context(), &billingv1.ListPackagesRequest{PageSize: 3, PageToken: next, Locale: "en"})
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range page.GetPackages() {
			ids = append(ids, p.GetId())
		}
		next = page.GetNextPageToken()
		if pages == 0 {
			wantProto(t, page.GetPackages()[0], &billingv1.Package{
				Id: "a", Title: "2 minutes of AI time", Seconds: 61, PriceMicros: 20_000, CurrencyCode: "EUR", Lifetime: durationpb.New(time.Hour),
			})
			_, err := s.client.ListPackages(t.Context(), &billingv1.ListPackagesRequest{PageSize: 3, PageToken: next, Locale: "de"})
			wantFault(t, err, connect.CodeInvalidArgument, "PAGE_TOKEN_INVALID")
		}
	}
	if !slices.Equal(ids, []string{"a", "b", "mini", "large"}) || pages != 2 {
		t.Errorf("%v on %d pages", ids, pages)
	}
	_, err := s.client.ListPackages(t.Context(), &billingv1.ListPackagesRequest{PageToken: "damaged"})
	wantFault(t, err, connect.CodeInvalidArgument, "PAGE_TOKEN_INVALID")
}

func TestServePackagesInEveryLocale(t *testing.T) {
	t.Parallel()
	s := serveMarket(t)
	want := map[string]string{
		"en": "Mini package", "de": "Mini-Paket", "fr": "Forfait Mini", "fr-MA": "Forfait Mini", "es": "Paquete mini",
		"ar": "الباقة المصغّرة", "ar-EG": "الباقة المصغّرة", "ar-SA": "الباقة المصغّرة", "ar-AE": "الباقة المصغّرة",
	}
	for _, tag := range locale.Supported() {
		asked := &billingv1.ListPackagesRequest{Locale: tag}
		got, err := s.client.ListPackages(t.Context(), asked)
		if err != nil || got.GetPackages()[0].GetTitle() != want[tag] {
			t.Errorf("%s: %v, %v", tag, got, err)
		}
		ctx, call := connect.NewClientContext(t.Context())
		call.RequestHeader().Set("Accept-Language", tag+";q=0.9, en;q=0.1")
		got, err = s.client.ListPackages(ctx, &billingv1.ListPackagesRequest{})
		if err != nil || got.GetPackages()[0].GetTitle() != want[tag] {
			t.Errorf("a browser in %s: %v, %v", tag, got, err)
		}
	}
}

func TestServeCheckout(t *testing.T) {
	t.Parallel()
	s := serveMarket(t)
	ctx, call := connect.NewClientContext(t.Context())
	call.RequestHeader().Set("Accept-Language", "ar-EG")
	asked := &billingv1.CreateCheckoutRequest{
		PackageId: "mini", IdempotencyKey: "k", SuccessUrl: "https://app.example.com/done", CancelUrl: "http://localhost:5173/",
	}
	first, err := s.client.CreateCheckout(ctx, asked)
	if err != nil {
		t.Fatal(err)
	}
	second, err := s.client.CreateCheckout(t.Context(), asked)
	if err != nil {
		t.Fatal(err)
	}
	wantProto(t, second, first)
	for id, order := range s.provider.pages {
		if id.String() != first.GetPurchaseId() || order.Locale != "ar-EG" || order.Title != "الباقة المصغّرة" {
			t.Errorf("ordered %+v", order)
		}
	}
	for name, test := range map[string]struct {
		change func(*billingv1.CreateCheckoutRequest)
		code   connect.Code
		reason string
	}{
		"other content": {func(r *billingv1.CreateCheckoutRequest) { r.PackageId = "large" }, connect.CodeAlreadyExists, "IDEMPOTENCY_KEY_REUSED"},
		"not sold":      {func(r *billingv1.CreateCheckoutRequest) { r.PackageId, r.IdempotencyKey = "giant", "2" }, connect.CodeNotFound, "NOT_FOUND"},
		"script":        {func(r *billingv1.CreateCheckoutRequest) { r.CancelUrl = "javascript:x" }, connect.CodeInvalidArgument, "INVALID_FIELD"},
		"NUL":           {func(r *billingv1.CreateCheckoutRequest) { r.IdempotencyKey = "\x00" }, connect.CodeInvalidArgument, "INVALID_FIELD"},
	} {
		request := &billingv1.CreateCheckoutRequest{
			PackageId: "mini", IdempotencyKey: "k", SuccessUrl: asked.GetSuccessUrl(), CancelUrl: asked.GetCancelUrl(),
		}
		test.change(request)
		t.Log(name)
		_, err := s.client.CreateCheckout(t.Context(), request)
		wantFault(t, err, test.code, test.reason)
	}
	asked.IdempotencyKey = "3"
	s.provider.before = func(billing.PaymentOrder) error { return billing.ErrPaymentsAway }
	_, err = s.client.CreateCheckout(t.Context(), asked)
	wantFault(t, err, connect.CodeUnavailable, "PAYMENTS_AWAY")
	if retry := detail[*errdetails.RetryInfo](t, err); retry.GetRetryDelay().AsDuration() <= 0 {
		t.Error("it does not say when to try again")
	}
	s.provider.before = func(billing.PaymentOrder) error { return errors.New("key sk_test_1 is not valid") }
	_, err = s.client.CreateCheckout(t.Context(), asked)
	wantFault(t, err, connect.CodeInternal, "INTERNAL")
}

// Who has too little is told what to buy, where, and in their language.
func TestServeInsufficientRecommends(t *testing.T) {
	t.Parallel()
	s := serveMarket(t)
	ctx, call := connect.NewClientContext(t.Context())
	call.RequestHeader().Set("Accept-Language", "fr")
	// 3000 s are missing, 1.2 times that is the mini package; then a second more.
	for seconds, want := range map[int64]*billingv1.Package{
		6900: {Id: "mini", Title: "Forfait Mini", Seconds: 3600, PriceMicros: 5_000_000, CurrencyCode: "USD"},
		6901: {Id: "large", Title: "Grand forfait", Seconds: 72_000, PriceMicros: 60_000_000, CurrencyCode: "USD"},
	} {
		_, err := s.client.Reserve(ctx, &billingv1.ReserveRequest{
			IdempotencyKey: "k", Operation: billingv1.Operation_OPERATION_MAIN_BUILD, Seconds: seconds,
		})
		refusal := detail[*billingv1.InsufficientAiTime](t, err)
		wantProto(t, refusal.GetRecommendedPackage(), want)
		if refusal.GetPurchaseUrl() != "https://app.example.com/buy" {
			t.Errorf("to be bought at %q", refusal.GetPurchaseUrl())
		}
	}
	reserved, err := s.client.Reserve(t.Context(), &billingv1.ReserveRequest{
		IdempotencyKey: "hold", Operation: billingv1.Operation_OPERATION_MAIN_BUILD, Seconds: 10,
	})
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.client.ExtendHold(ctx, &billingv1.ExtendHoldRequest{
		HoldId: reserved.GetHold().GetId(), IdempotencyKey: "more", Seconds: 4000,
	})
	if title := detail[*billingv1.InsufficientAiTime](t, err).GetRecommendedPackage().GetTitle(); title != "Forfait Mini" {
		t.Errorf("an extension recommends %q", title)
	}
}
