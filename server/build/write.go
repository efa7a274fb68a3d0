package build

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"connectrpc.com/connect"
	"github.com/google/uuid"

	buildv1 "github.com/sheenapps/sheen/gen/sheen/build/v1"
	eventv1 "github.com/sheenapps/sheen/gen/sheen/event/v1"
	"github.com/sheenapps/sheen/server/crash"
	"github.com/sheenapps/sheen/server/engine"
	"github.com/sheenapps/sheen/server/event"
	"github.com/sheenapps/sheen/server/fault"
	"github.com/sheenapps/sheen/server/locale"
	"github.com/sheenapps/sheen/store"
)

// errSite says that an engine wrote something that cannot be part of a site.
var errSite = errors.New("the engine's output cannot be stored")

// storedPlan reads the plan of a build, or returns [store.ErrNotFound].
func (e *ender) storedPlan(ctx context.Context, buildID uuid.UUID) (*engine.Plan, error) {
	steps, err := e.queries.BuildStepList(ctx, e.db, &store.BuildStepListParams{BuildID: buildID})
	if err != nil {
		return nil, err
	}
	at := slices.IndexFunc(steps, func(row *store.BuildStep) bool { return row.Step == planStep })
	if at < 0 {
		return nil, store.ErrNotFound
	}
	plan := new(engine.Plan)
	if err := json.Unmarshal(steps[at].Result, plan); err != nil {
		return nil, fmt.Errorf("decode the plan: %w", err)
	}
	return plan, nil
}

// loadPlan reads the plan of an earlier attempt, if there is one.
func (r *run) loadPlan(ctx context.Context) error {
	plan, err := r.w.storedPlan(ctx, r.build.ID)
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	r.plan, r.brand = plan, plan.Title
	return nil
}

// planSite makes the plan, unless an earlier attempt has.
func (r *run) planSite(ctx context.Context) error {
	if r.plan != nil {
		return nil
	}
	spoken, err := r.spoken(ctx)
	if err != nil {
		return err
	}
	if err := r.out.emit(ctx, r.at(stepAnalyze, nil), r.at(stepPlan, locale.Args{"brand": r.brand})); err != nil {
		return err
	}
	crash.Point(crash.PlanBegun)
	s := &sink{run: r, spoken: spoken}
	err = r.working(ctx, planStep, s, func() (any, engine.Usage, error) {
		plan, usage, err := r.w.engine.Plan(ctx, r.req, s)
		if err == nil {
			// No plan is stored before what was said of it: a takeover that finds
			// one says nothing more.
			err = s.close(ctx)
		}
		if err == nil {
			r.plan, err = cleanPlan(plan)
		}
		crash.Point(crash.PlanMade)
		return r.plan, usage, err
	})
	if err != nil {
		return err
	}
	crash.Point(crash.PlanStored)
	r.brand = r.plan.Title
	return nil
}

// errPlan says that an engine returned neither a plan nor an error.
var errPlan = errors.New("the engine returned no plan")

// cleanPlan makes what the user and the store see of a plan fit for them.
func cleanPlan(plan *engine.Plan) (*engine.Plan, error) {
	if plan == nil {
		return nil, errPlan
	}
	clean := *plan
	clean.Title, clean.Summary = shown(plan.Title, maxTitle), shown(plan.Summary, maxSummary)
	clean.Files = make([]engine.PlannedFile, len(plan.Files))
	for i, f := range plan.Files {
		clean.Files[i] = engine.PlannedFile{Path: event.CleanText(f.Path), Purpose: shown(f.Purpose, maxPurpose)}
	}
	return &clean, nil
}

// What a user is shown of a plan, in bytes. A model that says more says too much.
const (
	maxTitle   = 200
	maxSummary = 2 << 10
	maxPurpose = 500
	// maxSpoken is how much of a call's text is passed on.
	maxSpoken = 1 << 20
)

// shown is what a user is shown of a text, of at most so many bytes.
func shown(text string, most int) string {
	clean := event.CleanText(text)
	return strings.ToValidUTF8(clean[:min(len(clean), most)], "")
}

// spoken is the assistant's text that earlier runs have already sent. A run that
// was given back does not count as an attempt, but moves the token on.
func (r *run) spoken(ctx context.Context) (string, error) {
	if r.build.LeaseToken <= 1 {
		return "", nil
	}
	fold, err := r.w.log.Fold(ctx, &buildv1.Build{Id: r.build.ID.String()}, r.build.HeadSeq)
	if historyGone(err) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	return fold.Snapshot().GetAssistantText(), nil
}

// historyGone reports whether events that were asked for are no longer kept.
func historyGone(err error) bool {
	f, ok := errors.AsType[*fault.Error](err)
	return ok && f.Code == connect.CodeOutOfRange
}

// writeSite writes the files that earlier attempts have not.
func (r *run) writeSite(ctx context.Context) error {
	rows, err := r.files(ctx)
	if err != nil {
		return err
	}
	done := make([]string, len(rows))
	for i, row := range rows {
		done[i] = row.Path
	}
	s := r.newSink(rows)
	err = r.working(ctx, writeStep, s, func() (any, engine.Usage, error) {
		usage, err := r.w.engine.Write(ctx, r.req, r.plan, done, s)
		if err == nil {
			err = s.close(ctx)
		}
		crash.Point(crash.Written)
		return nil, usage, err
	})
	crash.Point(crash.WriteStored)
	if err != nil {
		return err
	}
	return r.completeSite(ctx)
}

// newSink makes what takes files; rows are those that are stored already.
func (r *run) newSink(rows []*store.BuildFile) *sink {
	s := &sink{
		run: r, planned: len(r.plan.Files), purpose: purposes(r.plan),
		sizes: make(map[string]int64, len(rows)),
	}
	for _, row := range rows {
		s.sizes[row.Path] = row.SizeBytes
		s.bytes += row.SizeBytes
	}
	return s
}

func purposes(plan *engine.Plan) map[string]string {
	out := make(map[string]string, len(plan.Files))
	for _, f := range plan.Files {
		out[f.Path] = f.Purpose
	}
	return out
}

// sink takes what the engine streams and stores it.
type sink struct {
	run *run
	// spoken is text that was sent by an earlier attempt and comes again, and said
	// how much came in this one.
	spoken  string
	said    int
	content []byte
	path    string
	// open says that the last piece of path has not come yet.
	open bool
	// sizes are those of the finished files, bytes is their sum, and planned how
	// many there will be.
	sizes   map[string]int64
	bytes   int64
	planned int
	purpose map[string]string
	// made are model calls whose results have not come.
	made []*store.ModelCall
}

// Text implements [engine.Sink].
func (s *sink) Text(ctx context.Context, delta string) error {
	if err := s.run.allowance.keep(ctx); err != nil {
		return err
	}
	delta = shown(delta, maxSpoken-s.said)
	s.said += len(delta)
	if delta = s.unspoken(delta); delta == "" {
		return nil
	}
	return s.run.out.text(ctx, delta)
}

// unspoken drops what the user has already read: an engine that repeats itself
// after a takeover repeats it word for word, or goes its own way from there.
func (s *sink) unspoken(delta string) string {
	if s.spoken == "" {
		return delta
	}
	if rest, ok := strings.CutPrefix(s.spoken, delta); ok {
		s.spoken = rest
		return ""
	}
	rest, _ := strings.CutPrefix(delta, s.spoken)
	s.spoken = ""
	return rest
}

// File implements [engine.Sink].
func (s *sink) File(ctx context.Context, chunk engine.Chunk) error {
	if err := s.run.allowance.keep(ctx); err != nil {
		return err
	}
	if s.open && chunk.Path != s.path {
		return fmt.Errorf("%w: %q begins before %q is whole", errSite, chunk.Path, s.path)
	}
	if s.bytes-s.sizes[chunk.Path]+int64(len(s.content)+len(chunk.Data)) > MaxSiteBytes {
		return &failure{reason: ReasonLimitExceeded, class: ClassPlatform, err: errSite}
	}
	s.path, s.open = chunk.Path, !chunk.Last
	s.content = append(s.content, chunk.Data...)
	if !chunk.Last {
		return nil
	}
	content := s.content
	s.content = nil
	return s.finish(ctx, content)
}

func (s *sink) finish(ctx context.Context, content []byte) error {
	path, err := engine.CleanPath(s.path)
	if err != nil {
		return fmt.Errorf("%w: %w", errSite, err)
	}
	s.bytes += int64(len(content)) - s.sizes[path]
	if s.sizes[path] = int64(len(content)); len(s.sizes) > MaxFiles {
		return &failure{reason: ReasonLimitExceeded, class: ClassPlatform, err: errSite}
	}
	digest, err := s.run.putBlob(ctx, content)
	if err != nil {
		return err
	}
	crash.Point(crash.FileStored)
	err = s.run.out.file(ctx,
		&store.BuildFile{Path: path, Digest: digest[:], SizeBytes: int64(len(content))}, s.takeMade(),
		&eventv1.BuildEvent{Payload: &eventv1.BuildEvent_FileChanged{FileChanged: &eventv1.FileChanged{
			Path:      path,
			SizeBytes: int64(len(content)),
			Sha256:    hex.EncodeToString(digest[:]),
			Purpose:   s.purpose[path],
		}}},
		s.progress(path))
	if err == nil && len(s.sizes) < s.planned {
		// A site whose files are all there needs no more AI time.
		err = s.run.allowance.boundary(ctx)
	}
	return err
}

// close stores what is pending. It refuses a file whose end never came.
func (s *sink) close(ctx context.Context) error {
	if s.open {
		return fmt.Errorf("%w: %q has no end", errSite, s.path)
	}
	return s.run.out.flush(ctx)
}

// progress is how far writing is: by the number of files.
func (s *sink) progress(path string) *eventv1.BuildEvent {
	share, written := int32(writeTo-writeFrom), len(s.sizes)
	if s.planned > 0 {
		share = share * int32(min(written, s.planned)) / int32(s.planned) //nolint:gosec // at most MaxFiles
	}
	return s.run.progress(stepWrite, writeFrom+share, locale.Args{"file": path, "index": written, "count": max(s.planned, written)})
}
