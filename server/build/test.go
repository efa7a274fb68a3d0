package build

import (
	"context"
	"errors"
	"fmt"

	eventv1 "github.com/sheenapps/sheen/gen/sheen/event/v1"
	"github.com/sheenapps/sheen/server/engine"
	"github.com/sheenapps/sheen/server/event"
	"github.com/sheenapps/sheen/server/locale"
	"github.com/sheenapps/sheen/server/preview/sitecheck"
	"github.com/sheenapps/sheen/store"
)

// maxListed bounds the failures that an event lists.
const maxListed = 100

// errTests says that a site did not pass.
var errTests = errors.New("the site did not pass its tests")

// check runs all checks over what the build has written.
func (r *run) check(ctx context.Context) (sitecheck.Report, []engine.File, error) {
	files, err := r.contents(ctx)
	if err != nil {
		return sitecheck.Report{}, nil, err
	}
	site := make([]sitecheck.File, len(files))
	for i, f := range files {
		site[i] = sitecheck.File{Path: f.Path, Content: f.Content}
	}
	return sitecheck.Check(site, sitecheck.Options{}), files, nil
}

// testSite says whether the site goes online or is mended. The same failures
// after mending, or too many attempts, end the build.
func (r *run) testSite(ctx context.Context) (State, error) {
	rows, err := r.files(ctx)
	if err != nil {
		return "", err
	}
	if err := r.out.emit(ctx, r.at(stepCheck, locale.Args{"count": len(rows)})); err != nil {
		return "", err
	}
	report, _, err := r.check(ctx)
	if err != nil {
		return "", err
	}
	if err := r.out.emit(ctx, testResult(report)); err != nil {
		return "", err
	}
	if report.Passed() {
		return Deploying, nil
	}
	same, err := r.seenBefore(ctx, report.Fingerprint())
	if err != nil {
		return "", err
	}
	if same || r.build.FixAttempt >= MaxFixAttempts {
		return "", &failure{
			reason: ReasonTestsFailed, class: ClassPlatform, retryable: true,
			err: fmt.Errorf("%w: %d failures", errTests, len(report.Failures)),
		}
	}
	return Fixing, nil
}

// seenBefore notes a report's fingerprint under this attempt to mend, and says
// whether the attempt before ended with the same one.
func (r *run) seenBefore(ctx context.Context, fingerprint string) (bool, error) {
	steps, err := r.w.queries.BuildStepList(ctx, r.w.db, &store.BuildStepListParams{BuildID: r.build.ID})
	if err != nil {
		return false, err
	}
	before, quoted := testStep(r.build.FixAttempt-1), fmt.Sprintf("%q", fingerprint)
	for _, row := range steps {
		if row.Step == before && string(row.Result) == quoted {
			return true, nil
		}
	}
	n, err := r.w.queries.BuildStepInsert(ctx, r.w.db, &store.BuildStepInsertParams{
		BuildID: r.build.ID, LeaseToken: r.build.LeaseToken,
		Step: testStep(r.build.FixAttempt), Result: []byte(quoted),
	})
	if err == nil && n == 0 {
		return false, errLeaseLost
	}
	return false, err
}

func testStep(attempt int32) string { return fmt.Sprintf("test:%d", attempt) }

// fixSite has the engine mend what the checks find.
func (r *run) fixSite(ctx context.Context) error {
	rows, err := r.files(ctx)
	if err != nil {
		return err
	}
	report, files, err := r.check(ctx)
	if err != nil {
		return err
	}
	failures := make([]engine.Failure, len(report.Failures))
	for i, f := range report.Failures {
		failures[i] = engine.Failure{Check: string(f.Check), Path: f.Path, Message: f.Message}
	}
	attempt := r.build.FixAttempt
	err = r.out.emit(ctx, &eventv1.BuildEvent{Payload: &eventv1.BuildEvent_FixAttempt{
		FixAttempt: &eventv1.FixAttempt{Attempt: attempt, FailureCount: int32(len(failures))}, //nolint:gosec // at most MaxFailures
	}})
	if err != nil {
		return err
	}
	return r.working(ctx, fmt.Sprintf("%s:%d", fixStep, attempt), func() (any, engine.Usage, error) {
		s := r.newSink(rows)
		usage, err := r.w.engine.Fix(ctx, r.req, r.plan, files, failures, s)
		if err == nil {
			err = s.close(ctx)
		}
		return nil, usage, err
	})
}

func testResult(report sitecheck.Report) *eventv1.BuildEvent {
	result := &eventv1.TestResult{
		Passed:       report.Passed(),
		CheckCount:   int32(report.Checks),        //nolint:gosec // bounded by the site's size
		FailureCount: int32(len(report.Failures)), //nolint:gosec // at most MaxFailures
	}
	for _, f := range report.Failures[:min(len(report.Failures), maxListed)] {
		result.Failures = append(result.Failures, &eventv1.TestFailure{
			Check: string(f.Check), Path: event.CleanText(f.Path), Message: event.CleanText(f.Message),
		})
	}
	return &eventv1.BuildEvent{Payload: &eventv1.BuildEvent_TestResult{TestResult: result}}
}
