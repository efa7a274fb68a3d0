package build_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	billingv1 "github.com/sheenapps/sheen/gen/sheen/billing/v1"
	buildv1 "github.com/sheenapps/sheen/gen/sheen/build/v1"
	errorv1 "github.com/sheenapps/sheen/gen/sheen/error/v1"
	"github.com/sheenapps/sheen/server/billing"
	"github.com/sheenapps/sheen/server/billing/meter"
	"github.com/sheenapps/sheen/server/build"
	"github.com/sheenapps/sheen/server/engine"
	"github.com/sheenapps/sheen/server/fault"
	"github.com/sheenapps/sheen/server/locale"
	"github.com/sheenapps/sheen/server/recommend"
	"github.com/sheenapps/sheen/store"
)

// apply starts what follows a build.
func (b *testBundle) apply(list, item, session string) (recommend.Applied, error) {
	b.t.Helper()
	parsed, err := recommend.ParseItem(item)
	must(b.t, err)
	return b.Apply(b.ctx(), recommend.Application{
		UserID: b.user, BuildID: uuid.MustParse(list), Item: parsed, Session: session,
	})
}

// applied starts what follows a build, and returns that as its user sees it.
func (b *testBundle) applied(list, item string) *buildv1.Build {
	b.t.Helper()
	applied, err := b.apply(list, item, newSession())
	must(b.t, err)
	got := b.build(applied.BuildID.String())
	if got.GetProjectId() != applied.ProjectID.String() || applied.ResumeToken == "" {
		b.t.Errorf("%v is told as %v", got, applied)
	}
	return got
}

// recommended gives a build one more list, with one recommendation, whose id it
// returns.
func (b *testBundle) recommended(list, prompt string) string {
	b.t.Helper()
	id := uuid.New()
	b.exec(`
		WITH list AS (
			INSERT INTO recommendation_revisions (build_id, revision, state, deadline_time, end_time)
			SELECT $2, coalesce(max(revision), 0) + 1, 'ready', now(), now() FROM recommendation_revisions WHERE build_id = $2
			RETURNING build_id, revision
		)
		INSERT INTO recommendations (id, build_id, revision, position, category, title, description, prompt)
		SELECT $1, build_id, revision, 1, 'feature', 'Title', 'Description', $3 FROM list`, id, uuid.MustParse(list), prompt)
	return id.String()
}

// noted are what is stored of a build's items.
func (b *testBundle) noted(list string) string {
	b.t.Helper()
	var all string
	must(b.t, b.db.QueryRow(b.t.Context(), `
		SELECT coalesce(string_agg(item_id || ' ' || interaction, ', ' ORDER BY item_id, interaction), '')
		FROM recommendation_interactions WHERE build_id = $1`, uuid.MustParse(list)).Scan(&all))
	return all
}

// A site that is there is changed, as the recommendation says and no more.
func TestApplyToASite(t *testing.T) {
	t.Parallel()
	b := setup(t)
	first := b.run(&script{})
	b.recommended(first.GetId(), "Another list")
	item := b.recommended(first.GetId(), "Add a price list.")

	got := b.applied(first.GetId(), strings.ToUpper(item))
	if got.GetOperation() != billingv1.Operation_OPERATION_UPDATE || got.GetPrompt() != "Add a price list." ||
		got.GetParentBuildId() != first.GetId() || got.GetRecommendationId() != item || got.GetProjectId() != first.GetProjectId() ||
		got.GetLocale() != first.GetLocale() || got.GetState() != queued || got.GetHeldSeconds() == 0 {
		t.Errorf("%v was applied as %v", first, got)
	}
	if want := item + " accepted, " + item + " shown"; b.noted(first.GetId()) != want || b.noted(got.GetId()) != "" {
		t.Errorf("noted %q, want %q", b.noted(first.GetId()), want)
	}
	b.goesOn(got.GetId())

	// It takes nothing over of the build that it follows.
	e, base := &listening{}, 0
	e.heard = func(req engine.Request) { base = len(req.Base) }
	must(t, work(t.Context(), b.newWorker(e), got.GetId()))
	done := b.build(got.GetId())
	if done.GetState() != complete || done.GetChargedSeconds() == 0 || e.plans.Load() != 1 || base != 2 || len(b.logged(got.GetId())) != 0 {
		t.Errorf("%v after %d plans on a base of %d files, its log says %q", done, e.plans.Load(), base, b.logged(got.GetId()))
	}
	if past, err := b.GetBuild(b.ctx(), &buildv1.GetBuildRequest{BuildId: got.GetId(), AsOfSeq: 1}); err != nil ||
		past.GetBuild().GetRecommendationId() != item || past.GetBuild().GetState() != queued {
		t.Errorf("at its beginning it is %v, %v", past, err)
	}
	// And is one that can be followed in turn.
	if next := b.applied(got.GetId(), "qs-booking"); next.GetParentBuildId() != got.GetId() || next.GetRecommendationId() != "qs-booking" {
		t.Errorf("what follows it is %v", next)
	}
}

// As long as there is no site, it is made, with what is proposed on top. The build
// that failed keeps its retry.
func TestApplyWithoutASite(t *testing.T) {
	t.Parallel()
	b := setup(t)
	res, err := b.StartBuild(b.ctx(), &buildv1.StartBuildRequest{
		Prompt: "A site for my café", Locale: "fr-MA",
		Answers: []*buildv1.Answer{{QuestionId: "features", Answer: &buildv1.Answer_ChoiceId{ChoiceId: "faq"}}},
	})
	must(t, err)
	first := res.GetBuild().GetId()
	fails := &script{planned: func(context.Context, engine.Sink) (*engine.Plan, error) { return nil, errOwn }}
	must(t, work(t.Context(), b.newWorker(fails), first))

	got := b.applied(first, "qs-contact")
	want := "A site for my café\n\n" + locale.Text("fr-MA", "quickSuggestions.contact.prompt", nil)
	if got.GetOperation() != billingv1.Operation_OPERATION_MAIN_BUILD || got.GetPrompt() != want || got.GetLocale() != "fr-MA" ||
		got.GetParentBuildId() != first || got.GetRecommendationId() != "qs-contact" || got.GetHeldSeconds() != 180 {
		t.Errorf("applied as %v", got)
	}
	if n := b.number(`SELECT count(*) FROM builds a JOIN builds f ON a.answers = f.answers WHERE a.id = $1 AND f.id = $2`,
		uuid.MustParse(got.GetId()), uuid.MustParse(first)); n != 1 {
		t.Error("the answers are others")
	}
	if b.noted(first) != "qs-contact accepted, qs-contact shown" {
		t.Errorf("noted %q", b.noted(first))
	}
	must(t, work(t.Context(), b.newWorker(fails), got.GetId()))

	for _, parent := range []string{first, got.GetId()} {
		retry, err := b.retry(parent)
		must(t, err)
		again := retry.GetBuild()
		if again.GetHeldSeconds() != 0 || again.GetRecommendationId() != "" || again.GetParentBuildId() != parent || b.logged(again.GetId())[0] != locale.Text("fr-MA", "event.retry.free", nil) {
			t.Errorf("the retry of %s is %v", parent, again)
		}
		must(t, work(t.Context(), b.newWorker(fails), again.GetId()))
	}
}

// A session is one build: whoever asks again, also at the same time, is told the same,
// and nobody gets another recommendation for it.
func TestApplyAgain(t *testing.T) {
	t.Parallel()
	b := setup(t)
	first := b.run(&script{}).GetId()
	items := []string{b.recommended(first, "Add a price list."), "qs-booking"}
	session, answers, errs := newSession(), make([]recommend.Applied, 16), make([]error, 16)
	var group sync.WaitGroup
	for i := range answers {
		group.Go(func() { answers[i], errs[i] = b.apply(first, items[i%2], session) })
	}
	group.Wait()
	won := 0
	if errs[0] != nil {
		won = 1
	}
	news := 0
	for i, err := range errs {
		switch {
		case i%2 != won && reasonOf(err) != errorv1.ErrorReason_ERROR_REASON_IDEMPOTENCY_KEY_REUSED:
			t.Errorf("another recommendation got %v, %v", answers[i], err)
		case i%2 == won && (err != nil || answers[i].BuildID != answers[won].BuildID || answers[i].ResumeToken != answers[won].ResumeToken):
			t.Errorf("told %v and %v, %v", answers[won], answers[i], err)
		case i%2 == won && len(answers[i].Noted.Interactions) > 0:
			news++
		}
	}
	if want := items[won] + " accepted, " + items[won] + " shown"; news != 1 || b.noted(first) != want {
		t.Errorf("noted %q, to %d", b.noted(first), news)
	}
	before := b.counts()
	if !strings.Contains(before, "builds 2, ") {
		t.Errorf("left %s", before)
	}
	// Also when it is over, and the other way round.
	must(t, work(t.Context(), b.newWorker(&script{}), answers[won].BuildID.String()))
	before = b.counts()
	late, err := b.apply(first, items[won], session)
	if err != nil || late.BuildID != answers[won].BuildID || len(late.Noted.Interactions) > 0 {
		t.Errorf("a late repeat is told %v, %v", late, err)
	}
	for what, call := range map[string]func() error{
		"start": func() error {
			_, err := b.StartBuild(b.ctx(), &buildv1.StartBuildRequest{BuildSessionId: session, Prompt: "A site"})
			return err
		},
		"application of another build's": func() error {
			_, err := b.apply(answers[won].BuildID.String(), "qs-booking", session)
			return err
		},
	} {
		if err := call(); reasonOf(err) != errorv1.ErrorReason_ERROR_REASON_IDEMPOTENCY_KEY_REUSED {
			t.Errorf("a %s with the session: %v", what, err)
		}
	}
	if after := b.counts(); after != before {
		t.Errorf("before %s\nafter  %s", before, after)
	}
}

// What is refused leaves nothing, not even that it was accepted.
func TestApplyRefused(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		prepare func(b *testBundle, list *buildv1.Build)
		reason  errorv1.ErrorReason
	}{
		"the project builds": {func(b *testBundle, list *buildv1.Build) {
			_, err := b.startIn(list.GetProjectId(), reject)
			must(b.t, err)
		}, errorv1.ErrorReason_ERROR_REASON_BUILD_IN_PROGRESS},
		"no AI time": {func(b *testBundle, _ *buildv1.Build) {
			must(b.t, store.InTx(b.t.Context(), b.db, func(tx pgx.Tx) error {
				_, _, err := b.ports.Ledger.Reserve(b.t.Context(), tx, allOf(b))
				return err
			}))
		}, errorv1.ErrorReason_ERROR_REASON_INSUFFICIENT_AI_TIME},
		"the store fails": {func(b *testBundle, _ *buildv1.Build) {
			b.exec(`CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'injected'; END $$`)
			b.exec(`CREATE TRIGGER injected AFTER INSERT ON recommendation_interactions FOR EACH STATEMENT EXECUTE FUNCTION fail()`)
		}, errorv1.ErrorReason_ERROR_REASON_INTERNAL},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			list := b.run(&script{})
			item := b.recommended(list.GetId(), "Add a price list.")
			c.prepare(b, list)
			before := b.counts()
			got, err := b.apply(list.GetId(), item, newSession())
			if reasonOf(err) != c.reason || got.ResumeToken != "" || len(got.Noted.Interactions) > 0 {
				t.Errorf("applied as %v, %v", got, err)
			}
			if after := b.counts(); after != before || b.noted(list.GetId()) != "" {
				t.Errorf("before %s\nafter  %s, noted %q", before, after, b.noted(list.GetId()))
			}
		})
	}
}

// Two prompts that are too long together are refused, to the byte.
func TestApplyTooLong(t *testing.T) {
	t.Parallel()
	b := setup(t)
	res, err := b.StartBuild(b.ctx(), &buildv1.StartBuildRequest{Prompt: strings.Repeat("a", build.MaxPromptBytes-12)})
	must(t, err)
	list := res.GetBuild().GetId()
	_, err = b.cancel(list)
	must(t, err)
	_, err = b.apply(list, b.recommended(list, "Add prices!"), newSession())
	if reasonOf(err) != errorv1.ErrorReason_ERROR_REASON_PAYLOAD_TOO_LARGE {
		t.Fatalf("refused with %v", err)
	}
	detail, ok := fault.Of(err).Details[0].(*errorv1.PayloadLimit)
	if !ok || detail.GetLimitBytes() != build.MaxPromptBytes || detail.GetActualBytes() != build.MaxPromptBytes+1 || b.noted(list) != "" {
		t.Errorf("the detail is %v, noted %q", detail, b.noted(list))
	}
	if got := b.applied(list, b.recommended(list, "Add prices")); len(got.GetPrompt()) != build.MaxPromptBytes {
		t.Errorf("the prompt has %d bytes", len(got.GetPrompt()))
	}
}

// What is not the caller's, or of another build, is not there, and nothing is stored.
func TestApplyWhatIsNotThere(t *testing.T) {
	t.Parallel()
	b := setup(t)
	other := b.other(t)
	theirs := other.run(&script{}).GetId()
	theirItem := other.recommended(theirs, "Add a price list.")
	mine := b.run(&script{}).GetId()
	before := b.counts()
	for name, c := range map[string][2]string{
		"a build that nobody has":       {uuid.NewString(), theirItem},
		"another's build":               {theirs, theirItem},
		"another's build, quick":        {theirs, "qs-booking"},
		"another build's item":          {mine, theirItem},
		"an item that nobody has":       {mine, uuid.NewString()},
		"the nil item":                  {mine, uuid.Nil.String()},
		"a build instead of an item":    {mine, mine},
		"an item of a build of no list": {theirItem, "qs-booking"},
	} {
		if got, err := b.apply(c[0], c[1], newSession()); reasonOf(err) != errorv1.ErrorReason_ERROR_REASON_NOT_FOUND {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
	if after := b.counts(); after != before || b.noted(mine)+b.noted(theirs) != "" {
		t.Errorf("before %s\nafter  %s, noted %q, %q", before, after, b.noted(mine), b.noted(theirs))
	}
}

// A project that gets its first version while something is applied to it: the site
// is changed, not made anew.
func TestApplyMeetsTheFirstVersion(t *testing.T) {
	t.Parallel()
	b := setup(t)
	done := b.run(&script{})
	project, version := uuid.MustParse(done.GetProjectId()), uuid.MustParse(done.GetVersionId())
	b.exec(`UPDATE projects SET current_version_id = NULL WHERE id = $1`, project)
	applied := make(chan recommend.Applied, 1)
	must(t, store.InTx(t.Context(), b.db, func(tx pgx.Tx) error {
		if _, err := tx.Exec(t.Context(), `SELECT FROM account FOR UPDATE`); err != nil {
			return err
		}
		go func() {
			got, err := b.apply(done.GetId(), "qs-booking", newSession())
			if err != nil {
				t.Error(err)
			}
			applied <- got
		}()
		eventually(t, "it waits for the account", func() bool {
			return b.number(`SELECT count(*) FROM pg_locks WHERE NOT granted`) > 0
		})
		_, err := tx.Exec(t.Context(), `UPDATE projects SET current_version_id = $2 WHERE id = $1`, project, version)
		return err
	}))
	got := b.build((<-applied).BuildID.String())
	if got.GetOperation() != billingv1.Operation_OPERATION_UPDATE || got.GetPrompt() != locale.Text("en", "quickSuggestions.booking.prompt", nil) {
		t.Errorf("applied as %v", got)
	}
}

// allOf sets aside all that an account can spend.
func allOf(b *testBundle) billing.ReserveRequest {
	b.t.Helper()
	balance, err := b.ports.Ledger.Balance(b.t.Context(), b.db, b.user)
	must(b.t, err)
	return billing.ReserveRequest{
		AccountID: b.user, Key: "all", Operation: meter.Update, Seconds: balance.Spendable, TTL: time.Hour,
	}
}
