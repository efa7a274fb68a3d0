package build_test

import (
	"context"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	buildv1 "github.com/sheenapps/sheen/gen/sheen/build/v1"
	"github.com/sheenapps/sheen/server/engine"
)

// A worker may die right after any write. When the plan is there, so is all that
// was said of it: a takeover that finds a plan says nothing more.
func TestAPlanIsNotStoredBeforeItsWords(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.exec(`CREATE TABLE seen (head_seq bigint)`)
	b.exec(`CREATE FUNCTION see() RETURNS trigger LANGUAGE plpgsql AS
		$$ BEGIN INSERT INTO seen SELECT head_seq FROM builds WHERE id = NEW.build_id; RETURN NEW; END $$`)
	b.exec(`CREATE TRIGGER see BEFORE INSERT ON build_steps FOR EACH ROW WHEN (NEW.step = 'plan') EXECUTE FUNCTION see()`)
	words := strings.SplitAfter(spoken, " ")
	done := b.run(&script{planned: func(ctx context.Context, s engine.Sink) (*engine.Plan, error) {
		for _, word := range words {
			if err := s.Text(ctx, word); err != nil {
				return nil, err
			}
		}
		return salonPlan(), nil
	}})
	events := b.events(done.GetId())
	if got := text(events[:b.number(`SELECT head_seq FROM seen`)]); got != spoken || text(events) != spoken {
		t.Errorf("when the plan was stored, the user had read %q of %q", got, text(events))
	}
}

// What another release has stored of a round of tests is not understood. The
// build tests its site again and mends what it finds.
func TestAForeignTestReport(t *testing.T) {
	t.Parallel()
	for name, report := range map[string]string{
		"a word": `"0a1b2c"`, "null": `null`, "a number among the failures": `{"failures": [7]}`, "another object": `{"report": {}}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			id := b.queued().GetId()
			broken := func(ctx context.Context, _ []string, s engine.Sink) error {
				return write(ctx, s, "index.html", "<p>broken")
			}
			first := b.pause(id, func(p *paused) *script {
				return &script{written: broken, fixed: func(context.Context, []engine.Failure, engine.Sink) error {
					p.stand()
					return nil
				}}
			})
			b.exec(`UPDATE build_steps SET result = $2::jsonb WHERE build_id = $1 AND step = 'test:0'`, uuid.MustParse(id), report)
			b.sweepUp(id)
			told := 0
			must(t, work(t.Context(), b.newWorker(&script{fixed: func(ctx context.Context, failures []engine.Failure, s engine.Sink) error {
				told = len(failures)
				return write(ctx, s, "index.html", page("mended"))
			}}), id))
			close(first.wake)
			must(t, <-first.worked)
			if done := b.build(id); done.GetState() != complete || told == 0 {
				t.Errorf("%v, %v; %d failures to mend", done.GetState(), done.GetError(), told)
			}
		})
	}
}

// A model that cannot stop talks to nobody: what is shown of it has an end.
func TestWhatIsShownHasAnEnd(t *testing.T) {
	t.Parallel()
	b := setup(t)
	done := b.run(&script{planned: func(ctx context.Context, s engine.Sink) (*engine.Plan, error) {
		for range 100 {
			if err := s.Text(ctx, strings.Repeat("é\xff", 4<<10)); err != nil {
				return nil, err
			}
		}
		plan := salonPlan()
		plan.Title, plan.Files[0].Purpose = strings.Repeat("ü", 5000)+"x", strings.Repeat("x", 1<<20)
		return plan, nil
	}})
	if done.GetState() != complete {
		t.Fatalf("%v %v", done.GetState(), done.GetError())
	}
	title := b.project(done.GetProjectId()).GetTitle()
	if len(title) != 200 || strings.Trim(title, "ü") != "" {
		t.Errorf("the title has %d bytes", len(title))
	}
	events := b.events(done.GetId())
	if n := len(text(events)); n > 1<<20 || n < 1000<<10 {
		t.Errorf("%d bytes of text", n)
	}
	for _, e := range events {
		if n := len(e.GetFileChanged().GetPurpose()); n > 500 {
			t.Errorf("a purpose has %d bytes", n)
		}
	}
}

// A build is cancelled whose worker is gone. The next one keeps the files, but not
// those that were to be dropped.
func TestACancelledUpdateDropsFiles(t *testing.T) {
	t.Parallel()
	b := setup(t)
	base := b.run(&script{})
	id := b.updating(base, "Take the page about us out")
	plan := updatePlan()
	plan.Dropped, plan.Files = []string{"about.html"}, plan.Files[1:]
	first := b.pause(id, func(p *paused) *script {
		return &script{
			planned: func(context.Context, engine.Sink) (*engine.Plan, error) { return plan, nil },
			written: func(ctx context.Context, _ []string, s engine.Sink) error {
				if err := write(ctx, s, "faq.html", page("faq")); err != nil {
					return err
				}
				eventually(t, "the file is stored", func() bool {
					return b.number(`SELECT count(*) FROM build_files WHERE build_id = $1`, uuid.MustParse(id)) == 1
				})
				p.stand()
				return nil
			},
		}
	})
	b.sweepUp(id)
	_, err := b.CancelBuild(b.ctx(), &buildv1.CancelBuildRequest{BuildId: id})
	must(t, err)
	must(t, work(t.Context(), b.newWorker(&script{}), id))
	close(first.wake)
	must(t, <-first.worked)
	done := b.build(id)
	if got := slices.Sorted(maps.Keys(b.tree(done.GetVersionId()))); done.GetState() != cancelled || !slices.Equal(got, []string{"faq.html", "index.html"}) {
		t.Errorf("%v with %v", done.GetState(), got)
	}
}
