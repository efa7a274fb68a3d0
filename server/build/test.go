package build

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	eventv1 "github.com/sheenapps/sheen/gen/sheen/event/v1"
	"github.com/sheenapps/sheen/server/crash"
	"github.com/sheenapps/sheen/server/engine"
	"github.com/sheenapps/sheen/server/event"
	"github.com/sheenapps/sheen/server/locale"
	"github.com/sheenapps/sheen/server/preview"
	"github.com/sheenapps/sheen/server/preview/sitecheck"
	"github.com/sheenapps/sheen/store"
)

// maxListed bounds the failures that an event lists.
const maxListed = 100

// testPrefix begins the step of a round of tests; the number of the attempts to
// mend follows, as in "test:0".
const testPrefix = "test:"

// errTests says that a site did not pass.
var errTests = errors.New("the site did not pass its tests")

// round is what is stored of a round of tests that a site did not pass.
type round struct {
	// Fingerprint stands for the failures, and Files for what had them.
	Fingerprint string         `json:"fingerprint"`
	Checks      int            `json:"checks"`
	Files       string         `json:"files"`
	Failures    []roundFailure `json:"failures"`
}

type roundFailure struct {
	Check   string `json:"check"`
	Path    string `json:"path"`
	Message string `json:"message"`
}

// testSite says whether the site goes online or is mended. The same failures as in
// any round before, or too many attempts, end the build.
func (r *run) testSite(ctx context.Context) (State, error) {
	rows, err := r.files(ctx)
	if err != nil {
		return "", err
	}
	if err := r.out.emit(ctx, r.at(stepCheck, locale.Args{"count": len(rows)})); err != nil {
		return "", err
	}
	rounds, err := r.rounds(ctx)
	if err != nil {
		return "", err
	}
	report, err := r.judge(ctx, rounds, rows)
	if err != nil {
		return "", err
	}
	result := testResult(report)
	if err := r.out.emit(ctx, &eventv1.BuildEvent{Payload: &eventv1.BuildEvent_TestResult{TestResult: result}}); err != nil {
		return "", err
	}
	crash.Point(crash.Tested)
	if report.Passed() {
		return Deploying, nil
	}
	same, err := r.noteRound(ctx, rounds, newRound(report, rows))
	if err != nil {
		return "", err
	}
	if same || r.build.FixAttempt >= MaxFixAttempts {
		return "", &failure{
			reason: ReasonTestsFailed, class: ClassPlatform, retryable: true, report: result,
			err: fmt.Errorf("%w: %d failures", errTests, len(report.Failures)),
		}
	}
	return Fixing, nil
}

// judge returns what an earlier round found in the same files, or else examines
// them. What it says of a site can be stored.
func (r *run) judge(ctx context.Context, rounds map[string]round, rows []*store.BuildFile) (sitecheck.Report, error) {
	if report, known := findFiles(rounds, rows); known {
		return report, nil
	}
	report, err := r.examine(ctx, rows)
	for i, f := range report.Failures {
		report.Failures[i].Path, report.Failures[i].Message = event.CleanText(f.Path), event.CleanText(f.Message)
	}
	return report, err
}

// examine checks what the build has written and, if nothing is wrong with it,
// visits it. Both judge the site: neither has made a version of it.
func (r *run) examine(ctx context.Context, rows []*store.BuildFile) (sitecheck.Report, error) {
	files, err := r.contents(ctx)
	if err != nil {
		return sitecheck.Report{}, err
	}
	site := make([]sitecheck.File, len(files))
	for i, f := range files {
		site[i] = sitecheck.File{Path: f.Path, Content: f.Content}
	}
	report := sitecheck.Check(site, sitecheck.Options{})
	if !report.Passed() || r.w.visit == nil {
		return report, nil
	}
	digests := make(map[string]preview.Digest, len(rows))
	for _, row := range rows {
		digests[row.Path] = preview.Digest(row.Digest)
	}
	visit, err := r.w.visit(ctx, digests)
	if err != nil {
		if ctx.Err() != nil {
			return report, err
		}
		return report, &failure{reason: ReasonDeployFailed, class: ClassPlatform, retryable: true, err: err}
	}
	report.Checks += visit.Checks
	report.Failures = visit.Failures
	if visit.NoBrowser == nil {
		return report, nil
	}
	r.w.logger.WarnContext(ctx, "site was not opened in a browser", "build_id", r.build.ID, "cause", visit.NoBrowser)
	return report, r.out.emit(ctx, logLine(eventv1.LogLevel_LOG_LEVEL_WARN,
		"The browser of the tests was not available; the site was tested without it."))
}

func newRound(report sitecheck.Report, rows []*store.BuildFile) round {
	t := round{Fingerprint: report.Fingerprint(), Checks: report.Checks, Files: filesRoot(rows)}
	for _, f := range report.Failures {
		t.Failures = append(t.Failures, roundFailure{Check: string(f.Check), Path: f.Path, Message: f.Message})
	}
	return t
}

// filesRoot stands for the files that were tested.
func filesRoot(rows []*store.BuildFile) string {
	return preview.Root(preview.Manifest{Files: entries(rows)}).String()
}

// findFiles returns what an earlier round found in the same files. They are not
// tested again: mending has changed nothing.
func findFiles(rounds map[string]round, rows []*store.BuildFile) (report sitecheck.Report, known bool) {
	root := filesRoot(rows)
	for _, t := range rounds {
		if t.Files != root {
			continue
		}
		report.Checks = t.Checks
		for _, f := range t.Failures {
			report.Failures = append(report.Failures, sitecheck.Failure{Check: sitecheck.Rule(f.Check), Path: f.Path, Message: f.Message})
		}
		return report, true
	}
	return report, false
}

// noteRound stores a round under the number of attempts to mend so far, and says
// whether another one found the same: mending may change nothing, or lead back to
// an earlier mistake.
func (r *run) noteRound(ctx context.Context, rounds map[string]round, t round) (same bool, err error) {
	step := testStep(r.build.FixAttempt)
	for other, before := range rounds {
		same = same || other != step && before.Fingerprint == t.Fingerprint
	}
	data, err := json.Marshal(t)
	if err != nil {
		return false, fmt.Errorf("encode the test report: %w", err)
	}
	n, err := r.w.queries.BuildStepInsert(ctx, r.w.db, &store.BuildStepInsertParams{
		BuildID: r.build.ID, LeaseToken: r.build.LeaseToken, Step: step, Result: data,
	})
	if err == nil && n == 0 {
		return false, errLeaseLost
	}
	return same, err
}

// rounds reads the stored rounds, by step. One of another form was stored by
// another release: nothing is known of it.
func (r *run) rounds(ctx context.Context) (map[string]round, error) {
	steps, err := r.w.queries.BuildStepList(ctx, r.w.db, &store.BuildStepListParams{BuildID: r.build.ID})
	if err != nil {
		return nil, err
	}
	rounds := make(map[string]round)
	for _, row := range steps {
		if !strings.HasPrefix(row.Step, testPrefix) {
			continue
		}
		var t round
		if json.Unmarshal(row.Result, &t) == nil && len(t.Failures) > 0 {
			rounds[row.Step] = t
		}
	}
	return rounds, nil
}

func testStep(attempt int32) string { return fmt.Sprintf("%s%d", testPrefix, attempt) }

// fixSite has the engine mend what the tests found.
func (r *run) fixSite(ctx context.Context) error {
	rows, err := r.files(ctx)
	if err != nil {
		return err
	}
	files, err := r.contents(ctx)
	if err != nil {
		return err
	}
	attempt, req := r.build.FixAttempt, r.req
	req.FixAttempt = attempt
	failures, err := r.found(ctx, rows)
	if err != nil {
		return err
	}
	err = r.out.emit(ctx, &eventv1.BuildEvent{Payload: &eventv1.BuildEvent_FixAttempt{
		FixAttempt: &eventv1.FixAttempt{Attempt: attempt, FailureCount: int32(len(failures))}, //nolint:gosec // at most MaxFailures
	}})
	if err != nil {
		return err
	}
	crash.Point(crash.FixBegun)
	s := r.newSink(rows)
	return r.working(ctx, fmt.Sprintf("%s:%d", fixStep, attempt), s, func() (any, engine.Usage, error) {
		if len(failures) == 0 {
			return nil, engine.Usage{}, s.close(ctx)
		}
		usage, err := r.w.engine.Fix(ctx, req, r.plan, files, failures, s)
		if err == nil {
			err = s.close(ctx)
		}
		crash.Point(crash.Fixed)
		return nil, usage, err
	})
}

// found is what the last round of tests found that is not mended yet. If nothing
// is known of that round, the site is tested again.
func (r *run) found(ctx context.Context, rows []*store.BuildFile) ([]engine.Failure, error) {
	rounds, err := r.rounds(ctx)
	if err != nil {
		return nil, err
	}
	last, known := rounds[testStep(r.build.FixAttempt-1)]
	if !known {
		report, err := r.judge(ctx, rounds, rows)
		if err != nil {
			return nil, err
		}
		last = newRound(report, rows)
	}
	var failures []engine.Failure
	for _, f := range last.Failures {
		failures = append(failures, engine.Failure{Check: f.Check, Path: f.Path, Message: f.Message})
	}
	return r.unmended(failures), nil
}

func testResult(report sitecheck.Report) *eventv1.TestResult {
	result := &eventv1.TestResult{
		Passed:       report.Passed(),
		CheckCount:   int32(report.Checks),                         //nolint:gosec // bounded by the site's size
		FailureCount: int32(len(report.Failures) + report.Omitted), //nolint:gosec // bounded by the site's size
	}
	for _, f := range report.Failures[:min(len(report.Failures), maxListed)] {
		result.Failures = append(result.Failures, &eventv1.TestFailure{Check: string(f.Check), Path: f.Path, Message: f.Message})
	}
	return result
}
