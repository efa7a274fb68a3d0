package build

import (
	"context"

	"github.com/google/uuid"

	buildv1 "github.com/sheenapps/sheen/gen/sheen/build/v1"
	"github.com/sheenapps/sheen/server/auth"
	"github.com/sheenapps/sheen/server/billing"
	"github.com/sheenapps/sheen/server/billing/meter"
	"github.com/sheenapps/sheen/server/engine"
	"github.com/sheenapps/sheen/server/event"
	"github.com/sheenapps/sheen/server/fault"
	"github.com/sheenapps/sheen/store"
)

const (
	// A site of fewer files and bytes than these is small.
	smallFiles, smallBytes = 5, 64 << 10
	// A site of as many files or bytes as these is large.
	largeFiles, largeBytes = 40, 1 << 20
	// maxFactor times the hold is what a user approves.
	maxFactor = 3
)

// quote is what a build is expected to cost.
type quote struct {
	estimate billing.Estimate
	size     billing.Size
	// hold is set aside at first, and max is the most that extensions reach and
	// that is charged, both in seconds.
	hold, max int64
}

// quoteOf quotes an operation on a project, which is Nil for a new one. The hold
// is what 19 of 20 such builds need. The maximum leaves room for the rare one: no
// build comes near it within [DefaultTimeout].
func (e *ender) quoteOf(ctx context.Context, userID, projectID uuid.UUID, operation string) (quote, error) {
	size, err := e.sizeOf(ctx, userID, projectID, operation)
	if err != nil {
		return quote{}, err
	}
	estimate := e.ledger.Estimate(meter.Operation(operation), size, false)
	return quote{
		estimate: estimate, size: size, hold: estimate.P95,
		max: max(maxFactor*estimate.P95, int64(DefaultTimeout.Seconds())),
	}, nil
}

// sizeOf is the size of the site that an update changes. A site that is yet to
// be made, or made anew, is medium: a prompt does not tell. It returns
// [store.ErrNotFound] for a project that is not the user's.
func (e *ender) sizeOf(ctx context.Context, userID, projectID uuid.UUID, operation string) (billing.Size, error) {
	if projectID == uuid.Nil {
		return billing.SizeMedium, nil
	}
	project, err := e.queries.ProjectByID(ctx, e.db, &store.ProjectByIDParams{ID: projectID, UserID: userID})
	if err != nil {
		return "", err
	}
	if operation != string(engine.Update) {
		return billing.SizeMedium, nil
	}
	if project.CurrentVersionID == nil {
		return "", noVersion()
	}
	version, err := e.queries.VersionByID(ctx, e.db, &store.VersionByIDParams{ID: *project.CurrentVersionID, UserID: userID})
	if err != nil {
		return "", err
	}
	return siteSize(int64(version.FileCount), version.SizeBytes), nil
}

func siteSize(files, bytes int64) billing.Size {
	switch {
	case files >= largeFiles || bytes >= largeBytes:
		return billing.SizeLarge
	case files < smallFiles && bytes < smallBytes:
		return billing.SizeSmall
	}
	return billing.SizeMedium
}

// given is the quote that a known build was started with: the estimates may have
// changed since, what was agreed has not.
func (e *ender) given(ctx context.Context, db store.DBTX, b *store.Build) (quote, error) {
	if b.Free {
		return e.freeQuote(b.Operation), nil
	}
	hold, err := e.queries.HoldByID(ctx, db, &store.HoldByIDParams{ID: b.HoldID, AccountID: b.UserID})
	if err != nil {
		return quote{}, err
	}
	q := quote{size: billing.Size(hold.ProjectSize), hold: hold.QuotedSeconds, max: hold.MaxSeconds}
	q.estimate = e.ledger.Estimate(meter.Operation(b.Operation), q.size, false)
	q.estimate.P95 = q.hold
	q.estimate.P50 = min(q.estimate.P50, q.hold)
	return q, nil
}

// freeQuote is that of a build that costs nothing.
func (e *ender) freeQuote(operation string) quote {
	return quote{estimate: e.ledger.Estimate(meter.Operation(operation), billing.SizeMedium, false), size: billing.SizeMedium}
}

func (q quote) toProto(spendable int64, sufficient bool) *buildv1.Quote {
	return &buildv1.Quote{
		Estimate:         billing.EstimateToProto(q.estimate),
		HoldSeconds:      q.hold,
		MaxSeconds:       q.max,
		SpendableSeconds: spendable,
		Sufficient:       sufficient,
	}
}

// QuoteBuild implements the RPC. What it says is what StartBuild would say now.
func (s *Service) QuoteBuild(ctx context.Context, req *buildv1.QuoteBuildRequest) (*buildv1.QuoteBuildResponse, error) {
	userID, operation := auth.Caller(ctx).UserID, operationFromProto(req.GetOperation())
	projectID, err := projectOf(req.GetProjectId(), operation)
	if err != nil {
		return nil, err
	}
	if event.CleanText(req.GetPrompt()) == "" {
		return nil, noPrompt()
	}
	q, err := s.quoteOf(ctx, userID, projectID, operation)
	if err != nil {
		return nil, err
	}
	balance, err := s.ledger.Balance(ctx, s.db, userID)
	if err != nil {
		return nil, err
	}
	return &buildv1.QuoteBuildResponse{Quote: q.toProto(balance.Spendable, balance.Spendable >= q.hold)}, nil
}

// projectOf reads the project of a request; Nil is a new one.
func projectOf(text, operation string) (uuid.UUID, error) {
	if text != "" {
		id := parseID(text)
		if id == uuid.Nil {
			return uuid.Nil, store.ErrNotFound
		}
		return id, nil
	}
	if operation == string(engine.Update) {
		return uuid.Nil, fault.InvalidField("An update needs the project_id of the project that it changes.")
	}
	return uuid.Nil, nil
}

func noVersion() error {
	return fault.InvalidField("An update needs a project that has a version; build it first.").
		Keyed("error.detail.versionMissing")
}

func noPrompt() error {
	return fault.InvalidField("The field prompt is not valid: it has no text.").Keyed("error.detail.promptEmpty")
}
