package recommend_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"connectrpc.com/connect"
	"connectrpc.com/validate"
	"github.com/google/uuid"
	"google.golang.org/genproto/googleapis/rpc/errdetails"

	errorv1 "github.com/sheenapps/sheen/gen/sheen/error/v1"
	recommendationv1 "github.com/sheenapps/sheen/gen/sheen/recommendation/v1"
	"github.com/sheenapps/sheen/gen/sheen/recommendation/v1/recommendationv1connect"
	"github.com/sheenapps/sheen/server/auth"
	"github.com/sheenapps/sheen/server/fault"
	"github.com/sheenapps/sheen/server/recommend"
	"github.com/sheenapps/sheen/server/recommend/rules"
	"github.com/sheenapps/sheen/store"
)

type (
	quickRequest   = recommendationv1.GetQuickSuggestionsRequest
	ofBuild        = recommendationv1.GetQuickSuggestionsRequest_BuildId
	ofProject      = recommendationv1.GetQuickSuggestionsRequest_ProjectId
	ofPrompt       = recommendationv1.GetQuickSuggestionsRequest_Prompt
	servicesClient = recommendationv1connect.RecommendationServiceClient
)

// testService is a service over a salon, known as a build, a project and every
// prompt, in the locale fr-MA.
type testService struct {
	servicesClient

	user, build, project uuid.UUID
}

func setup(t *testing.T, options ...connect.ClientOption) *testService {
	t.Helper()
	s := &testService{user: uuid.New(), build: uuid.New(), project: uuid.New()}
	s.servicesClient = s.serve(t, recommend.NewService(recommend.Ports{FactsOf: s.facts}), options...)
	return s
}

// serve serves a service to the bundle's user.
func (s *testService) serve(t *testing.T, service *recommend.Service, options ...connect.ClientOption) servicesClient {
	t.Helper()
	_, handler := recommendationv1connect.NewRecommendationServiceHandler(service,
		connect.WithInterceptors(fault.NewInterceptor(slog.New(slog.DiscardHandler)), validate.NewInterceptor()))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		handler.ServeHTTP(w, r.WithContext(auth.WithPrincipal(r.Context(), auth.Principal{UserID: s.user})))
	}))
	t.Cleanup(server.Close)
	return recommendationv1connect.NewRecommendationServiceClient(server.Client(), server.URL, options...)
}

func (s *testService) facts(ctx context.Context, source recommend.Source) (rules.Facts, string, error) {
	if auth.Caller(ctx).UserID != s.user {
		return rules.Facts{}, "", fmt.Errorf("a caller without name: %w", store.ErrNotFound)
	}
	facts := rules.Facts{BusinessType: "salon", Missing: []string{"phone number"}}
	switch source {
	case recommend.Source{BuildID: s.build}:
		return facts, "fr-MA", nil
	case recommend.Source{ProjectID: s.project}:
		facts.Existing = []string{"contact"}
		return facts, "fr-MA", nil
	case recommend.Source{Prompt: source.Prompt}:
		return rules.Facts{}, "", nil
	}
	return rules.Facts{}, "", fmt.Errorf("read build: %w", store.ErrNotFound)
}

// call asks with an Accept-Language header and returns the Content-Language too.
func (s *testService) call(
	ctx context.Context, req *quickRequest, acceptLanguage ...string,
) (*recommendationv1.GetQuickSuggestionsResponse, string, error) {
	ctx, info := connect.NewClientContext(ctx)
	for _, value := range acceptLanguage {
		info.RequestHeader().Add("Accept-Language", value)
	}
	response, err := s.GetQuickSuggestions(ctx, req)
	if err != nil {
		return nil, "", err
	}
	return response, info.ResponseHeader().Get("Content-Language"), nil
}

func TestQuickSuggestionsOfEachSource(t *testing.T) {
	t.Parallel()
	s := setup(t)
	for name, test := range map[string]struct {
		request *quickRequest
		facts   rules.Facts
		limit   int
	}{
		"build": {
			&quickRequest{Of: &ofBuild{BuildId: s.build.String()}},
			rules.Facts{BusinessType: "salon", Missing: []string{"phone number"}},
			3,
		},
		"project": {
			&quickRequest{Of: &ofProject{ProjectId: s.project.String()}, Limit: 6},
			rules.Facts{BusinessType: "salon", Existing: []string{"contact"}},
			6,
		},
		"prompt": {&quickRequest{Of: &ofPrompt{Prompt: "a site"}, Limit: 1}, rules.Facts{}, 1},
	} {
		test.request.Locale = "ar_EG"
		got, _, err := s.call(t.Context(), test.request)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		want := recommend.Quick(test.facts, test.limit, "ar-EG")
		if len(want) != test.limit || len(got.GetQuickSuggestions()) != test.limit {
			t.Errorf("%s: %d suggestions, want %d", name, len(got.GetQuickSuggestions()), test.limit)
			continue
		}
		for i, suggestion := range got.GetQuickSuggestions() {
			if suggestion.GetId() != want[i].ID || suggestion.GetTitle() != want[i].Title {
				t.Errorf("%s %d: %v, want %+v", name, i, suggestion, want[i])
			}
		}
	}
}

func TestLocaleOfSuggestions(t *testing.T) {
	t.Parallel()
	protocols := map[string]*testService{
		"connect": setup(t), "get": setup(t, connect.WithHTTPGet()), "grpc-web": setup(t, connect.WithGRPCWeb()),
	}
	for name, test := range map[string]struct {
		field  string
		header []string
		prompt bool
		want   string
	}{
		"field first":          {field: "de-AT", header: []string{"es"}, want: "de"},
		"field unknown":        {field: "tlh", header: []string{"es"}, want: "en"},
		"field long":           {field: strings.Repeat("a", 255), want: "en"},
		"the build's":          {want: "fr-MA"},
		"not the header":       {header: []string{"es"}, want: "fr-MA"},
		"nothing known":        {prompt: true, want: "en"},
		"prompt with a header": {prompt: true, header: []string{"es;q=0.5, ar-SA"}, want: "ar-SA"},
		"headers are one":      {prompt: true, header: []string{"pt", "es"}, want: "es"},
		"header unknown":       {prompt: true, header: []string{"pt, *;q=0.1"}, want: "en"},
		"header malformed":     {prompt: true, header: []string{";;,=q"}, want: "en"},
		"prompt with a field":  {prompt: true, field: "de", header: []string{"es"}, want: "de"},
	} {
		for protocol, s := range protocols {
			request := &quickRequest{Of: &ofBuild{BuildId: s.build.String()}, Locale: test.field}
			if test.prompt {
				request.Of = &ofPrompt{Prompt: "a site"}
			}
			got, language, err := s.call(t.Context(), request, test.header...)
			if err != nil || got.GetLocale() != test.want || language != test.want {
				t.Errorf("%s by %s: locale %q, Content-Language %q, want %q: %v",
					name, protocol, got.GetLocale(), language, test.want, err)
			}
		}
	}
}

func TestQuickSuggestionsRefuse(t *testing.T) {
	t.Parallel()
	s := setup(t)
	for name, test := range map[string]struct {
		request *quickRequest
		code    connect.Code
		reason  string
	}{
		"another build":   {&quickRequest{Of: &ofBuild{BuildId: uuid.NewString()}}, connect.CodeNotFound, "NOT_FOUND"},
		"another project": {&quickRequest{Of: &ofProject{ProjectId: s.build.String()}}, connect.CodeNotFound, "NOT_FOUND"},
		"no source":       {&quickRequest{}, connect.CodeInvalidArgument, "INVALID_FIELD"},
		"no uuid":         {&quickRequest{Of: &ofBuild{BuildId: "b"}}, connect.CodeInvalidArgument, "INVALID_FIELD"},
		"no prompt":       {&quickRequest{Of: &ofPrompt{}}, connect.CodeInvalidArgument, "INVALID_FIELD"},
		"limit": {
			&quickRequest{Of: &ofPrompt{Prompt: "p"}, Limit: 7}, connect.CodeInvalidArgument, "INVALID_FIELD",
		},
		"prompt too long": {
			&quickRequest{Of: &ofPrompt{Prompt: strings.Repeat("é", 8192) + "!"}},
			connect.CodeInvalidArgument, "PAYLOAD_TOO_LARGE",
		},
		"locale too long": {
			&quickRequest{Of: &ofPrompt{Prompt: "p"}, Locale: strings.Repeat("a", 256)},
			connect.CodeInvalidArgument, "PAYLOAD_TOO_LARGE",
		},
	} {
		_, _, err := s.call(t.Context(), test.request)
		if code, reason := connect.CodeOf(err), reasonOf(t, err); code != test.code || reason != test.reason {
			t.Errorf("%s: %v %s, want %v %s", name, code, reason, test.code, test.reason)
		}
	}
	_, _, err := s.call(t.Context(), &quickRequest{Of: &ofPrompt{Prompt: strings.Repeat("é", 8192)}})
	if err != nil {
		t.Errorf("the longest prompt: %v", err)
	}
	_, _, err = s.call(t.Context(), &quickRequest{Of: &ofPrompt{Prompt: strings.Repeat("a", 16385)}})
	limit := detail[*errorv1.PayloadLimit](t, err)
	if limit.GetLimitBytes() != 16384 || limit.GetActualBytes() != 16385 {
		t.Errorf("limit %v", limit)
	}
}

// What is another's and what does not exist cannot be told apart.
func TestNotFoundIsTheSameForAll(t *testing.T) {
	t.Parallel()
	s := setup(t)
	var answers []string
	for _, request := range []*quickRequest{
		{Of: &ofBuild{BuildId: uuid.NewString()}}, {Of: &ofProject{ProjectId: s.build.String()}},
	} {
		_, _, err := s.call(t.Context(), request)
		answers = append(answers, err.Error())
	}
	if answers[0] != answers[1] {
		t.Errorf("%q and %q", answers[0], answers[1])
	}
}

func TestSuggestionsToProto(t *testing.T) {
	t.Parallel()
	categories := map[rules.Category]recommendationv1.SuggestionCategory{
		rules.CategoryFeature:       recommendationv1.SuggestionCategory_SUGGESTION_CATEGORY_FEATURE,
		rules.CategoryUI:            recommendationv1.SuggestionCategory_SUGGESTION_CATEGORY_UI,
		rules.CategorySEO:           recommendationv1.SuggestionCategory_SUGGESTION_CATEGORY_SEO,
		rules.CategoryPerformance:   recommendationv1.SuggestionCategory_SUGGESTION_CATEGORY_PERFORMANCE,
		rules.CategoryAccessibility: recommendationv1.SuggestionCategory_SUGGESTION_CATEGORY_ACCESSIBILITY,
		"":                          recommendationv1.SuggestionCategory_SUGGESTION_CATEGORY_UNSPECIFIED,
	}
	for category, want := range categories {
		got := recommend.SuggestionsToProto([]recommend.Suggestion{{
			ID: "qs-faq", Kind: rules.FAQ, Category: category, Title: "t", Description: "d", Prompt: "p",
			TitleKey: "tk", DescriptionKey: "dk", PromptKey: "pk",
		}})[0]
		texts := []string{
			got.GetId(), got.GetKind(), got.GetTitle(), got.GetDescription(), got.GetPrompt(),
			got.GetTitleKey(), got.GetDescriptionKey(), got.GetPromptKey(),
		}
		if got.GetCategory() != want || !slices.Equal(texts, []string{"qs-faq", "faq", "t", "d", "p", "tk", "dk", "pk"}) {
			t.Errorf("%q: %v", category, got)
		}
	}
}

func reasonOf(t *testing.T, err error) string {
	t.Helper()
	info := detail[*errdetails.ErrorInfo](t, err)
	if info.GetDomain() != fault.Domain {
		t.Errorf("domain %q of %v", info.GetDomain(), err)
	}
	return info.GetReason()
}

// detail returns the one detail of a type.
func detail[T any](t *testing.T, err error) T {
	t.Helper()
	var found []T
	if wire, ok := errors.AsType[*connect.Error](err); ok {
		for _, d := range wire.Details() {
			value, err := d.Value()
			if err != nil {
				t.Fatal(err)
			}
			if match, ok := value.(T); ok {
				found = append(found, match)
			}
		}
	}
	if len(found) != 1 {
		t.Fatalf("%d details of type %T in %v", len(found), *new(T), err)
	}
	return found[0]
}
