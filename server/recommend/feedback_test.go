package recommend_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"connectrpc.com/connect"
	"connectrpc.com/validate"
	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"

	recommendationv1 "github.com/sheenapps/sheen/gen/sheen/recommendation/v1"
	"github.com/sheenapps/sheen/gen/sheen/recommendation/v1/recommendationv1connect"
	"github.com/sheenapps/sheen/server/auth"
	"github.com/sheenapps/sheen/server/fault"
	"github.com/sheenapps/sheen/server/recommend"
	"github.com/sheenapps/sheen/server/recommend/rules"
	"github.com/sheenapps/sheen/store"
	"github.com/sheenapps/sheen/store/storetest"
)

// feedback is a service on a database of its own, as one user sees it.
type feedback struct {
	servicesClient

	t        *testing.T
	db       *store.DB
	url      string
	user     uuid.UUID
	registry *prometheus.Registry
	// applied is what a call of Apply returns.
	applied func(recommend.Application) (recommend.Applied, error)
}

func setupFeedback(t *testing.T) *feedback {
	t.Helper()
	f := &feedback{t: t, db: storetest.New(t), user: uuid.New(), registry: prometheus.NewRegistry()}
	service := recommend.NewService(recommend.Ports{
		DB: f.db, Metrics: recommend.NewFeedbackMetrics(f.registry),
		Apply: func(_ context.Context, a recommend.Application) (recommend.Applied, error) { return f.applied(a) },
	})
	_, handler := recommendationv1connect.NewRecommendationServiceHandler(service,
		connect.WithInterceptors(fault.NewInterceptor(slog.New(slog.DiscardHandler)), validate.NewInterceptor()))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		handler.ServeHTTP(w, r.WithContext(auth.WithPrincipal(r.Context(), auth.Principal{UserID: f.user})))
	}))
	t.Cleanup(server.Close)
	f.url = server.URL
	f.servicesClient = recommendationv1connect.NewRecommendationServiceClient(server.Client(), server.URL)
	return f
}

func (f *feedback) exec(sql string, args ...any) {
	f.t.Helper()
	if _, err := f.db.Exec(f.t.Context(), sql, args...); err != nil {
		f.t.Fatal(err)
	}
}

// buildOf stores a build that was started at a time, as its id says too.
func (f *feedback) buildOf(user uuid.UUID, started time.Time) uuid.UUID {
	f.t.Helper()
	project, id := uuid.New(), uuid.New()
	for i := range 6 {
		id[i] = byte(started.UnixMilli() >> (40 - 8*i))
	}
	f.exec(`INSERT INTO projects (id, user_id) VALUES ($1, $2)`, project, user)
	f.exec(`INSERT INTO builds (id, build_session_id, request_hash, user_id, project_id, operation, prompt, locale, state, hold_id, held_seconds, create_time)
		VALUES ($1, $2, decode(repeat('00', 32), 'hex'), $3, $4, 'main_build', 'A site', 'en', 'queued', $5, 0, $6)`,
		id, "bs_"+uuid.NewString(), user, project, uuid.New(), started)
	return id
}

// list stores a list that is ready, a recommendation of each kind, and returns their
// ids.
func (f *feedback) list(build uuid.UUID, revision int, ready time.Time, kinds ...string) []string {
	f.t.Helper()
	f.exec(`INSERT INTO recommendation_revisions (build_id, revision, state, create_time, deadline_time, end_time)
		VALUES ($1, $2, 'ready', $3, $3, $3)`, build, revision, ready)
	ids := make([]string, len(kinds))
	for i, kind := range kinds {
		id := uuid.New()
		ids[i] = id.String()
		f.exec(`INSERT INTO recommendations (id, build_id, revision, position, kind, category, title, description, prompt)
			VALUES ($1, $2, $3, $4, $5, 'feature', 'T', 'D', 'P')`, id, build, revision, i+1, kind)
	}
	return ids
}

// did says what the user did.
func (f *feedback) did(build uuid.UUID, item string, interaction recommendationv1.Interaction) error {
	_, err := f.RecordInteraction(context.Background(), &recommendationv1.RecordInteractionRequest{
		BuildId: build.String(), RecommendationId: item, Interaction: interaction,
	})
	return err
}

// strings reads a column.
func (f *feedback) strings(sql string, args ...any) []string {
	f.t.Helper()
	var all []string
	if err := f.db.QueryRow(f.t.Context(), `SELECT ARRAY(`+sql+`)::text[]`, args...).Scan(&all); err != nil {
		f.t.Fatal(err)
	}
	return all
}

// counted are the counters that are not zero, as "source interaction kind count".
func (f *feedback) counted() []string {
	f.t.Helper()
	families, err := f.registry.Gather()
	if err != nil {
		f.t.Fatal(err)
	}
	var all []string
	for _, family := range families {
		for _, metric := range family.GetMetric() {
			labels := map[string]string{}
			for _, label := range metric.GetLabel() {
				labels[label.GetName()] = label.GetValue()
			}
			all = append(all, fmt.Sprintf("%s %s %s %v",
				labels["source"], labels["interaction"], labels["kind"], metric.GetCounter().GetValue()))
		}
	}
	slices.Sort(all)
	return all
}

const (
	shown     = recommendationv1.Interaction_INTERACTION_SHOWN
	accepted  = recommendationv1.Interaction_INTERACTION_ACCEPTED
	dismissed = recommendationv1.Interaction_INTERACTION_DISMISSED
)

func TestRecordInteraction(t *testing.T) {
	t.Parallel()
	f := setupFeedback(t)
	build := f.buildOf(f.user, time.Now())
	old := f.list(build, 1, time.Now(), "faq", "")
	list := f.list(build, 2, time.Now(), "booking", "spaceship")
	for i, step := range []struct {
		item        string
		interaction recommendationv1.Interaction
	}{
		{list[0], shown},
		{list[0], shown},
		{strings.ToUpper(list[0]), accepted},
		{"{" + list[0] + "}", accepted},
		{list[0], dismissed},
		{list[1], dismissed},
		{old[0], accepted},
		{old[1], shown},
		{"qs-faq", dismissed},
		{"qs-faq", shown},
		{"qs-darkMode", shown},
		{"qs-darkMode", accepted},
	} {
		if err := f.did(build, step.item, step.interaction); err != nil {
			t.Errorf("step %d: %v", i, err)
		}
	}
	got := f.strings(`SELECT item_id || ' ' || interaction FROM recommendation_interactions ORDER BY 1`)
	want := []string{
		list[0] + " shown", list[0] + " accepted", list[0] + " dismissed", list[1] + " shown", list[1] + " dismissed",
		old[0] + " shown", old[0] + " accepted", old[1] + " shown",
		"qs-faq shown", "qs-faq dismissed", "qs-darkMode shown", "qs-darkMode accepted",
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("stored %q, want %q", got, want)
	}
	// What is new is counted, and nothing else; a kind that nobody knows is no label.
	wantCounted := []string{
		"ai accepted booking 1", "ai accepted faq 1", "ai dismissed booking 1", "ai dismissed other 1",
		"ai shown booking 1", "ai shown faq 1", "ai shown other 2",
		"quick accepted darkMode 1", "quick dismissed faq 1", "quick shown darkMode 1", "quick shown faq 1",
	}
	if counted := f.counted(); !slices.Equal(counted, wantCounted) {
		t.Errorf("counted %q, want %q", counted, wantCounted)
	}
}

// Whoever says the same at the same time says it once.
func TestRecordInteractionInParallel(t *testing.T) {
	t.Parallel()
	f := setupFeedback(t)
	build := f.buildOf(f.user, time.Now())
	item := f.list(build, 1, time.Now(), "faq")[0]
	var group sync.WaitGroup
	for i := range 24 {
		group.Go(func() {
			if err := f.did(build, item, []recommendationv1.Interaction{shown, accepted, dismissed}[i%3]); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if got, want := f.counted(), []string{"ai accepted faq 1", "ai dismissed faq 1", "ai shown faq 1"}; !slices.Equal(got, want) {
		t.Errorf("counted %q, want %q", got, want)
	}
	if got := f.strings(`SELECT interaction FROM recommendation_interactions ORDER BY 1`); !slices.Equal(got, []string{"accepted", "dismissed", "shown"}) {
		t.Errorf("stored %q", got)
	}
}

// What is another's, of another build, and what does not exist cannot be told apart,
// byte for byte, and leaves nothing.
func TestFeedbackOnWhatIsNotThere(t *testing.T) {
	t.Parallel()
	f := setupFeedback(t)
	f.applied = func(a recommend.Application) (recommend.Applied, error) {
		_, err := a.Item.Prompt(t.Context(), f.db, a.UserID, a.BuildID, "en")
		return recommend.Applied{}, err
	}
	mine, second, theirs := f.buildOf(f.user, time.Now()), f.buildOf(f.user, time.Now()), f.buildOf(uuid.New(), time.Now())
	f.list(mine, 1, time.Now(), "faq")
	secondItem, theirItem := f.list(second, 1, time.Now(), "faq")[0], f.list(theirs, 1, time.Now(), "faq")[0]
	var first []byte
	for name, c := range map[string]struct {
		build uuid.UUID
		item  string
	}{
		"another's":                        {theirs, theirItem},
		"another's, quick":                 {theirs, "qs-faq"},
		"no build":                         {uuid.New(), theirItem},
		"no build, quick":                  {uuid.New(), "qs-faq"},
		"another's item":                   {mine, theirItem},
		"another build's item":             {mine, secondItem},
		"no item":                          {mine, uuid.NewString()},
		"the nil item":                     {mine, uuid.Nil.String()},
		"no kind":                          {mine, "qs-"},
		"an unknown kind":                  {mine, "qs-spaceship"},
		"another spelling of a kind":       {mine, "qs-FAQ"},
		"a kind without a prefix":          {mine, "faq"},
		"no id":                            {mine, "' OR true --"},
		"another's item in other spelling": {mine, strings.ToUpper(theirItem)},
	} {
		for _, procedure := range []string{"RecordInteraction", "ApplyRecommendation"} {
			if procedure == "ApplyRecommendation" && strings.HasPrefix(c.item, "qs-faq") {
				continue // Whose the build is, its owner says.
			}
			body := f.post(procedure, fmt.Sprintf(`{"buildId": %q, "recommendationId": %q, %s}`, c.build, c.item, map[string]string{
				"RecordInteraction":   `"interaction": "INTERACTION_ACCEPTED"`,
				"ApplyRecommendation": `"buildSessionId": "bs_` + uuid.NewString() + `"`,
			}[procedure]))
			if first == nil {
				first = body
			}
			if !bytes.Contains(body, []byte(`"not_found"`)) || !bytes.Equal(body, first) {
				t.Errorf("%s, %s: %s, want %s", procedure, name, body, first)
			}
		}
	}
	if got := f.strings(`SELECT item_id FROM recommendation_interactions`); len(got) != 0 || len(f.counted()) != 0 {
		t.Errorf("stored %q, counted %q", got, f.counted())
	}
}

// post calls a procedure by hand and returns the whole body.
func (f *feedback) post(procedure, body string) []byte {
	f.t.Helper()
	req, err := http.NewRequestWithContext(f.t.Context(), http.MethodPost,
		f.url+"/sheen.recommendation.v1.RecommendationService/"+procedure, strings.NewReader(body))
	if err != nil {
		f.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		f.t.Fatal(err)
	}
	answer, err := io.ReadAll(res.Body)
	if err != nil || res.Body.Close() != nil {
		f.t.Fatal(err)
	}
	return answer
}

func TestApplyRecommendation(t *testing.T) {
	t.Parallel()
	f := setupFeedback(t)
	build, session := f.buildOf(f.user, time.Now()), "bs_"+uuid.NewString()
	applied := recommend.Applied{
		BuildID: uuid.New(), ProjectID: uuid.New(), ResumeToken: "token",
		Noted: recommend.Noted{Quick: true, Kind: rules.FAQ, Interactions: []string{"shown", "accepted"}},
	}
	var asked recommend.Application
	f.applied = func(a recommend.Application) (recommend.Applied, error) {
		asked = a
		return applied, nil
	}
	req := &recommendationv1.ApplyRecommendationRequest{BuildId: build.String(), RecommendationId: "qs-faq", BuildSessionId: session}
	res, err := f.ApplyRecommendation(t.Context(), req)
	if err != nil || res.GetBuildId() != applied.BuildID.String() || res.GetProjectId() != applied.ProjectID.String() || res.GetResumeToken() != "token" {
		t.Errorf("answered %v, %v", res, err)
	}
	if asked.UserID != f.user || asked.BuildID != build || asked.Session != session || asked.Item.ID() != "qs-faq" {
		t.Errorf("asked for %+v", asked)
	}
	// A repeat notes nothing, and a failure counts nothing.
	applied.Noted = recommend.Noted{}
	if _, err := f.ApplyRecommendation(t.Context(), req); err != nil {
		t.Error(err)
	}
	f.applied = func(recommend.Application) (recommend.Applied, error) {
		return recommend.Applied{Noted: recommend.Noted{Interactions: []string{"shown"}}}, fault.InvalidField("no")
	}
	if _, err := f.ApplyRecommendation(t.Context(), req); connect.CodeOf(err) != connect.CodeInvalidArgument {
		t.Error(err)
	}
	if got, want := f.counted(), []string{"quick accepted faq 1", "quick shown faq 1"}; !slices.Equal(got, want) {
		t.Errorf("counted %q, want %q", got, want)
	}
}
