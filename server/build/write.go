package build

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"connectrpc.com/connect"

	buildv1 "github.com/sheenapps/sheen/gen/sheen/build/v1"
	eventv1 "github.com/sheenapps/sheen/gen/sheen/event/v1"
	"github.com/sheenapps/sheen/server/engine"
	"github.com/sheenapps/sheen/server/event"
	"github.com/sheenapps/sheen/server/fault"
	"github.com/sheenapps/sheen/server/locale"
	"github.com/sheenapps/sheen/store"
)

// errSite says that an engine wrote something that cannot be part of a site.
var errSite = errors.New("the engine's output cannot be stored")

// loadPlan reads the plan of an earlier attempt.
func (r *run) loadPlan(ctx context.Context) error {
	steps, err := r.w.queries.BuildStepList(ctx, r.w.db, &store.BuildStepListParams{BuildID: r.build.ID})
	if err != nil {
		return err
	}
	for _, row := range steps {
		if row.Step != planStep {
			continue
		}
		r.plan = new(engine.Plan)
		if err := json.Unmarshal(row.Result, r.plan); err != nil {
			return fmt.Errorf("decode the plan: %w", err)
		}
		r.brand = r.plan.Title
	}
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
	err = r.working(ctx, planStep, func() (any, engine.Usage, error) {
		plan, usage, err := r.w.engine.Plan(ctx, r.req, &sink{run: r, spoken: spoken})
		r.plan = plan
		return plan, usage, err
	})
	if err != nil {
		return err
	}
	r.brand = r.plan.Title
	return nil
}

// spoken is the assistant's text that earlier attempts have already sent.
func (r *run) spoken(ctx context.Context) (string, error) {
	if r.build.Attempt <= 1 {
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
	s := &sink{run: r, written: len(rows), planned: len(r.plan.Files), purpose: purposes(r.plan)}
	for _, row := range rows {
		s.bytes += row.SizeBytes
	}
	return r.working(ctx, writeStep, func() (any, engine.Usage, error) {
		usage, err := r.w.engine.Write(ctx, r.req, r.plan, done, s)
		if err == nil {
			err = r.out.flush(ctx)
		}
		return nil, usage, err
	})
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
	// spoken is text that was sent by an earlier attempt and comes again.
	spoken  string
	content []byte
	path    string
	// written and bytes count finished files, planned how many there will be.
	written, planned int
	bytes            int64
	purpose          map[string]string
}

// Text implements [engine.Sink].
func (s *sink) Text(ctx context.Context, delta string) error {
	if delta = s.unspoken(event.CleanText(delta)); delta == "" {
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
	if chunk.Path != s.path && len(s.content) > 0 {
		return fmt.Errorf("%w: %q begins before %q is whole", errSite, chunk.Path, s.path)
	}
	if s.bytes+int64(len(s.content)+len(chunk.Data)) > MaxSiteBytes {
		return &failure{reason: ReasonLimitExceeded, class: ClassPlatform, err: errSite}
	}
	s.path = chunk.Path
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
	if s.written++; s.written > MaxFiles {
		return &failure{reason: ReasonLimitExceeded, class: ClassPlatform, err: errSite}
	}
	s.bytes += int64(len(content))
	digest, err := s.run.w.blobs.Put(ctx, content)
	if err != nil {
		return err
	}
	return s.run.out.file(ctx,
		&store.BuildFile{Path: path, Digest: digest[:], SizeBytes: int64(len(content))},
		&eventv1.BuildEvent{Payload: &eventv1.BuildEvent_FileChanged{FileChanged: &eventv1.FileChanged{
			Path:      path,
			SizeBytes: int64(len(content)),
			Sha256:    hex.EncodeToString(digest[:]),
			Purpose:   s.purpose[path],
		}}},
		s.progress(path))
}

// progress is how far writing is: by the number of files.
func (s *sink) progress(path string) *eventv1.BuildEvent {
	share := int32(writeTo - writeFrom)
	if s.planned > 0 {
		share = share * int32(min(s.written, s.planned)) / int32(s.planned) //nolint:gosec // at most MaxFiles
	}
	return s.run.progress(stepWrite, writeFrom+share, locale.Args{"file": path, "index": s.written, "count": max(s.planned, s.written)})
}
