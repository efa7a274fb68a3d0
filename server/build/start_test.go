package build_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"
	"google.golang.org/protobuf/proto"

	billingv1 "github.com/sheenapps/sheen/gen/sheen/billing/v1"
	buildv1 "github.com/sheenapps/sheen/gen/sheen/build/v1"
	errorv1 "github.com/sheenapps/sheen/gen/sheen/error/v1"
	"github.com/sheenapps/sheen/server/engine"
	"github.com/sheenapps/sheen/server/fault"
)

func newSession() string { return "bs_" + uuid.NewString() }

// counts are how many rows each table has that a start writes to, and what the
// account holds.
func (b *testBundle) counts() string {
	b.t.Helper()
	var all []string
	for _, table := range []string{"account", "credit_grant", "hold", "journal", "projects", "builds", "build_events", "river_job", "recommendation_revisions"} {
		all = append(all, fmt.Sprintf("%s %d", table, b.number(`SELECT count(*) FROM `+table)))
	}
	return strings.Join(append(all, fmt.Sprint("held ", b.number(`SELECT coalesce(sum(seconds), 0)::bigint FROM hold WHERE state = 'open'`))), ", ")
}

// Whatever step of a start fails, nothing of it is left behind, and the same
// request succeeds afterwards.
func TestStartIsAllOrNothing(t *testing.T) { //nolint:tparallel // the cases change the same schema in turn
	t.Parallel()
	b := setup(t)
	b.exec(`CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'injected'; END $$`)
	req := &buildv1.StartBuildRequest{BuildSessionId: newSession(), Prompt: "A site for my café"}
	for _, where := range []string{ //nolint:paralleltest // as above
		"BEFORE INSERT ON account", "BEFORE INSERT ON credit_grant", "BEFORE INSERT ON hold", "BEFORE INSERT ON journal",
		"BEFORE INSERT ON projects", "BEFORE INSERT ON builds", "BEFORE UPDATE ON builds", "BEFORE INSERT ON build_events",
		"BEFORE INSERT ON river_job", "BEFORE INSERT ON recommendation_revisions", "commit",
	} {
		t.Run(where, func(t *testing.T) {
			before := b.counts()
			_, table, _ := strings.Cut(where, " ON ")
			if where == "commit" {
				table = "builds"
				b.exec(`CREATE CONSTRAINT TRIGGER injected AFTER INSERT ON builds DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION fail()`)
			} else {
				b.exec(`CREATE TRIGGER injected ` + where + ` FOR EACH STATEMENT EXECUTE FUNCTION fail()`)
			}
			_, err := b.StartBuild(b.ctx(), req)
			b.exec(`DROP TRIGGER injected ON ` + table)
			if reasonOf(err) != errorv1.ErrorReason_ERROR_REASON_INTERNAL || !strings.Contains(err.Error(), "injected") {
				t.Fatalf("started: %v", err)
			}
			if after := b.counts(); after != before {
				t.Errorf("before %s\nafter  %s", before, after)
			}
		})
	}
	res, err := b.StartBuild(b.ctx(), req)
	must(t, err)
	if got := b.counts(); !strings.Contains(got, "hold 1, ") || !strings.Contains(got, "projects 1, builds 1, build_events 2, river_job 2, recommendation_revisions 1, held 180") {
		t.Errorf("%v left %s", res.GetBuild(), got)
	}
}

func TestAnswerOfAStart(t *testing.T) {
	t.Parallel()
	b := setup(t)
	req := &buildv1.StartBuildRequest{BuildSessionId: newSession(), Prompt: "A booking site for my hair salon in Lyon", Locale: "fr-CA"}
	res, err := b.StartBuild(b.ctx(), req)
	must(t, err)
	got := res.GetBuild()
	if got.GetState() != queued || got.GetHeadSeq() != 2 || got.GetHeldSeconds() != 180 || got.GetBuildSessionId() != req.GetBuildSessionId() ||
		got.GetPrompt() != req.GetPrompt() || got.GetAttempt() != 0 || got.GetStartTime() != nil || got.GetProjectId() == "" {
		t.Errorf("the build is %v", got)
	}
	quote := res.GetQuote()
	if quote.GetHoldSeconds() != 180 || quote.GetSpendableSeconds() != gifts-180 || !quote.GetSufficient() || quote.GetEstimate().GetP95Seconds() != 180 {
		t.Errorf("the quote is %v", quote)
	}
	if n := len(res.GetQuickSuggestions()); n != 3 || res.GetQuickSuggestions()[0].GetPrompt() == "" {
		t.Errorf("%d suggestions: %v", n, res.GetQuickSuggestions())
	}
	if res.GetResumeToken() == "" {
		t.Error("there is no resume token")
	}
	if !proto.Equal(b.build(got.GetId()), got) {
		t.Errorf("answered %v, stored %v", got, b.build(got.GetId()))
	}
	first := b.events(got.GetId())
	checkStates(t, first, queued)
	if first[1].GetHoldChanged().GetHeldSeconds() != 180 {
		t.Errorf("the second event is %v", first[1])
	}
}

func TestARepeatGetsTheSameBuild(t *testing.T) {
	t.Parallel()
	b := setup(t)
	req := &buildv1.StartBuildRequest{BuildSessionId: newSession(), Prompt: "A site for my café"}
	answers := make([]*buildv1.StartBuildResponse, 20)
	var group sync.WaitGroup
	for i := range answers {
		group.Go(func() {
			res, err := b.StartBuild(b.ctx(), req)
			if err != nil {
				t.Error(err)
			}
			answers[i] = res
		})
	}
	group.Wait()
	for _, res := range answers[1:] {
		if !proto.Equal(res, answers[0]) {
			t.Errorf("one is told %v\nanother %v", answers[0], res)
		}
	}
	if got := b.counts(); !strings.Contains(got, "hold 1, ") || !strings.Contains(got, "projects 1, builds 1, build_events 2, river_job 2, recommendation_revisions 1, held 180") {
		t.Errorf("left %s", got)
	}
	// Also when it is over.
	must(t, work(t.Context(), b.newWorker(&script{}), answers[0].GetBuild().GetId()))
	res, err := b.StartBuild(b.ctx(), req)
	if err != nil || res.GetBuild().GetId() != answers[0].GetBuild().GetId() || res.GetBuild().GetState() != complete {
		t.Errorf("a late repeat is told %v, %v", res, err)
	}
}

func TestASessionWithOtherContent(t *testing.T) {
	t.Parallel()
	b := setup(t)
	first := &buildv1.StartBuildRequest{BuildSessionId: newSession(), Prompt: "A site for my café"}
	_, err := b.StartBuild(b.ctx(), first)
	must(t, err)
	before := b.counts()
	for name, change := range map[string]func(*buildv1.StartBuildRequest){
		"prompt":  func(r *buildv1.StartBuildRequest) { r.Prompt += "!" },
		"locale":  func(r *buildv1.StartBuildRequest) { r.Locale = "fr" },
		"project": func(r *buildv1.StartBuildRequest) { r.ProjectId = uuid.NewString() },
		"answers": func(r *buildv1.StartBuildRequest) {
			r.Answers = []*buildv1.Answer{{QuestionId: "features", Answer: &buildv1.Answer_ChoiceId{ChoiceId: "faq"}}}
		},
	} {
		other := proto.CloneOf(first)
		change(other)
		if _, err := b.StartBuild(b.ctx(), other); reasonOf(err) != errorv1.ErrorReason_ERROR_REASON_IDEMPOTENCY_KEY_REUSED {
			t.Errorf("another %s: %v", name, err)
		}
	}
	if after := b.counts(); after != before {
		t.Errorf("before %s\nafter  %s", before, after)
	}
	// A session is its user's: another one may have the same.
	if _, err := b.StartBuild(b.as(uuid.New()), first); err != nil {
		t.Errorf("another user's session: %v", err)
	}
	// Two that race with other content: one wins, the other is told.
	session, errs := newSession(), make([]error, 2)
	var group sync.WaitGroup
	for i := range errs {
		group.Go(func() {
			_, errs[i] = b.StartBuild(b.ctx(), &buildv1.StartBuildRequest{BuildSessionId: session, Prompt: fmt.Sprint("A café ", i)})
		})
	}
	group.Wait()
	if (errs[0] == nil) == (errs[1] == nil) {
		t.Errorf("both or none: %v", errs)
	}
	for _, err := range errs {
		if err != nil && reasonOf(err) != errorv1.ErrorReason_ERROR_REASON_IDEMPOTENCY_KEY_REUSED {
			t.Error(err)
		}
	}
}

func TestOneBuildAtATimeInAProject(t *testing.T) {
	t.Parallel()
	b := setup(t)
	project := b.run(&script{}).GetProjectId()
	start := func() (*buildv1.StartBuildResponse, error) {
		return b.StartBuild(b.ctx(), &buildv1.StartBuildRequest{ProjectId: project, Prompt: "A site for my café"})
	}
	errs, started := make([]error, 4), make([]*buildv1.StartBuildResponse, 4)
	var group sync.WaitGroup
	for i := range errs {
		group.Go(func() { started[i], errs[i] = start() })
	}
	group.Wait()
	var id string
	for i, res := range started {
		if errs[i] == nil {
			if id != "" {
				t.Fatal("two builds run in one project")
			}
			id = res.GetBuild().GetId()
		}
	}
	for _, err := range errs {
		if err == nil {
			continue
		}
		detail, ok := fault.Of(err).Details[0].(*errorv1.BuildInProgress)
		if reasonOf(err) != errorv1.ErrorReason_ERROR_REASON_BUILD_IN_PROGRESS || !ok || detail.GetBuildId() != id {
			t.Errorf("refused with %v, %v", err, fault.Of(err).Details)
		}
	}
	balance, err := b.money.GetBalance(b.ctx(), &billingv1.GetBalanceRequest{})
	must(t, err)
	if balance.GetBalance().GetHeldSeconds() != 180 {
		t.Errorf("%d s are held", balance.GetBalance().GetHeldSeconds())
	}
	_, err = b.cancel(id)
	must(t, err)
	if _, err := start(); err != nil {
		t.Errorf("after the end of the one: %v", err)
	}
}

func TestStartInAProjectThatIsNotThere(t *testing.T) {
	t.Parallel()
	b := setup(t)
	own := b.run(&script{}).GetProjectId()
	before := b.counts()
	other := b.as(uuid.New())
	var said []string
	for _, id := range []string{own, uuid.NewString()} {
		for _, operation := range []billingv1.Operation{billingv1.Operation_OPERATION_MAIN_BUILD, billingv1.Operation_OPERATION_UPDATE} {
			_, err := b.StartBuild(other, &buildv1.StartBuildRequest{ProjectId: id, Prompt: "x", Operation: operation})
			if reasonOf(err) != errorv1.ErrorReason_ERROR_REASON_NOT_FOUND {
				t.Fatalf("started: %v", err)
			}
			said = append(said, fault.Wire(err).Error())
		}
	}
	if said[0] != said[2] || b.counts() != before {
		t.Errorf("said %q, left %s", said, b.counts())
	}
}

func TestStartWithoutEnoughAITime(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, err := b.money.Reserve(b.ctx(), &billingv1.ReserveRequest{
		IdempotencyKey: "most", Operation: billingv1.Operation_OPERATION_MAIN_BUILD, Seconds: gifts - 170,
	})
	must(t, err)
	before := b.counts()
	_, err = b.StartBuild(b.ctx(), &buildv1.StartBuildRequest{Prompt: "A site for my café"})
	if reasonOf(err) != errorv1.ErrorReason_ERROR_REASON_INSUFFICIENT_AI_TIME {
		t.Fatalf("started: %v", err)
	}
	detail, ok := fault.Of(err).Details[0].(*billingv1.InsufficientAiTime)
	var kinds int64
	for _, kind := range detail.GetByKind() {
		kinds += kind.GetSeconds()
	}
	if !ok || detail.GetRequiredSeconds() != 180 || detail.GetSpendableSeconds() != 170 || detail.GetHeldSeconds() != gifts-170 ||
		kinds != 170 || detail.GetDailyGiftResetTime() == nil || detail.GetEstimate().GetP95Seconds() != 180 {
		t.Errorf("the detail is %v", detail)
	}
	if after := b.counts(); after != before {
		t.Errorf("before %s\nafter  %s", before, after)
	}
}

// NUL bytes, which Postgres refuses, are left out of everything that a user says.
func TestStartWithNUL(t *testing.T) {
	t.Parallel()
	b := setup(t)
	res, err := b.StartBuild(b.ctx(), &buildv1.StartBuildRequest{
		Prompt: "A site\x00 for my café", Locale: "fr\x00",
		Answers: []*buildv1.Answer{
			{QuestionId: "brand_name\x00", Answer: &buildv1.Answer_Text{Text: "Chez\x00 Iris"}},
			{QuestionId: "color_theme", Answer: &buildv1.Answer_ChoiceId{ChoiceId: "\x00warm"}},
		},
	})
	must(t, err)
	if got := res.GetBuild().GetPrompt(); got != "A site for my café" {
		t.Errorf("the prompt is %q", got)
	}
	var seen []engine.Answer
	w := b.newWorker(&listening{heard: func(req engine.Request) { seen = req.Answers }})
	must(t, work(t.Context(), w, res.GetBuild().GetId()))
	if len(seen) != 2 || seen[0] != (engine.Answer{QuestionID: "brand_name", Text: "Chez Iris"}) || seen[1].ChoiceID != "warm" {
		t.Errorf("the engine is told %v", seen)
	}
	if _, err := b.StartBuild(b.ctx(), &buildv1.StartBuildRequest{Prompt: "\x00"}); reasonOf(err) != errorv1.ErrorReason_ERROR_REASON_INVALID_FIELD {
		t.Errorf("a prompt of nothing: %v", err)
	}
	version := b.build(res.GetBuild().GetId()).GetVersionId()
	if _, err := b.GetFile(b.ctx(), &buildv1.GetFileRequest{VersionId: version, Path: "index\x00.html"}); reasonOf(err) != errorv1.ErrorReason_ERROR_REASON_NOT_FOUND {
		t.Errorf("a file with NUL: %v", err)
	}
}

// listening is a good engine that tells what it was asked.
type listening struct {
	script

	heard func(engine.Request)
}

// Plan implements [engine.Engine].
func (l *listening) Plan(ctx context.Context, req engine.Request, sink engine.Sink) (*engine.Plan, engine.Usage, error) {
	l.heard(req)
	return l.script.Plan(ctx, req, sink)
}

// An update goes on from what the project shows, and needs something to go on from.
func TestStartOfAnUpdate(t *testing.T) {
	t.Parallel()
	b := setup(t)
	if _, err := b.StartBuild(b.ctx(), &buildv1.StartBuildRequest{Prompt: "x", Operation: billingv1.Operation_OPERATION_UPDATE}); reasonOf(err) != errorv1.ErrorReason_ERROR_REASON_INVALID_FIELD {
		t.Errorf("without a project: %v", err)
	}
	stopped, err := b.cancel(b.queued().GetId())
	must(t, err)
	update := &buildv1.StartBuildRequest{ProjectId: stopped.GetProjectId(), Prompt: "Add a page", Operation: billingv1.Operation_OPERATION_UPDATE}
	if _, err := b.StartBuild(b.ctx(), update); reasonOf(err) != errorv1.ErrorReason_ERROR_REASON_INVALID_FIELD {
		t.Errorf("without a version: %v", err)
	}
	first := b.run(&script{})
	update.ProjectId = first.GetProjectId()
	res, err := b.StartBuild(b.ctx(), update)
	must(t, err)
	if res.GetQuote().GetHoldSeconds() != 100 { // of a site of two files
		t.Errorf("the quote is %v", res.GetQuote())
	}
	var base []engine.File
	must(t, work(t.Context(), b.newWorker(&listening{heard: func(req engine.Request) { base = req.Base }}), res.GetBuild().GetId()))
	if len(base) != 2 || base[0].Path != "about.html" || len(base[1].Content) == 0 {
		t.Errorf("the engine starts from %v", base)
	}
	versions, err := b.ListVersions(b.ctx(), &buildv1.ListVersionsRequest{ProjectId: first.GetProjectId()})
	must(t, err)
	if v := versions.GetVersions(); len(v) != 2 || v[0].GetNumber() != 2 || v[0].GetParentVersionId() != first.GetVersionId() {
		t.Errorf("the versions are %v", v)
	}
}
