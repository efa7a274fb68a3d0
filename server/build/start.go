package build

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"google.golang.org/protobuf/proto"

	buildv1 "github.com/sheenapps/sheen/gen/sheen/build/v1"
	eventv1 "github.com/sheenapps/sheen/gen/sheen/event/v1"
	"github.com/sheenapps/sheen/server/auth"
	"github.com/sheenapps/sheen/server/billing"
	"github.com/sheenapps/sheen/server/billing/meter"
	"github.com/sheenapps/sheen/server/crash"
	"github.com/sheenapps/sheen/server/engine"
	"github.com/sheenapps/sheen/server/engine/analysis"
	"github.com/sheenapps/sheen/server/event"
	"github.com/sheenapps/sheen/server/locale"
	"github.com/sheenapps/sheen/server/recommend"
	"github.com/sheenapps/sheen/store"
)

// submission is a StartBuild or RetryBuild request, understood.
type submission struct {
	userID    uuid.UUID
	projectID uuid.UUID // Nil for a new project.
	session   string
	hash      [sha256.Size]byte
	prompt    string
	locale    string
	operation string
	answers   []engine.Answer
	analysis  analysis.Analysis
	// policy says what happens to a build that the project has already.
	policy buildv1.ConflictPolicy
	// repeats is what a retry goes on from; nil for a new start.
	repeats *repeated
	// applies is the recommendation that it begins with; nil for other words.
	applies *applied
}

// free reports whether nothing is set aside for the build, or charged.
func (sub *submission) free() bool { return sub.repeats != nil && sub.repeats.free }

// started is an accepted submission.
type started struct {
	build *store.Build
	quote quote
	// spendable is what the account has left.
	spendable int64
	batch     event.Batch
	// ended are the builds that made room for it.
	ended []*ended
	// noted is what is new of the recommendation that it began with.
	noted recommend.Noted
}

// StartBuild implements the RPC.
func (s *Service) StartBuild(ctx context.Context, req *buildv1.StartBuildRequest) (*buildv1.StartBuildResponse, error) {
	sub, err := newSubmission(ctx, req)
	if err != nil {
		return nil, err
	}
	accepted, err := s.submit(ctx, sub)
	if err != nil {
		return nil, err
	}
	return s.answer(ctx, sub, accepted), nil
}

// submit accepts a submission, or finds the build that it has started before.
func (s *Service) submit(ctx context.Context, sub *submission) (*started, error) {
	accepted, err := s.known(ctx, sub)
	if err != nil || accepted != nil {
		return accepted, err
	}
	quoted := s.freeQuote(sub.operation)
	if !sub.free() {
		if quoted, err = s.quoteOf(ctx, sub.userID, sub.projectID, sub.operation); err != nil {
			return nil, err
		}
	}
	err = store.InTx(ctx, s.db, func(tx pgx.Tx) (err error) {
		accepted, err = s.start(ctx, tx, sub, quoted)
		return err
	})
	if errors.Is(err, billing.ErrKeyReused) {
		return s.lostRace(ctx, sub)
	}
	if err != nil {
		return nil, err
	}
	crash.Point(crash.StartCommitted)
	for _, done := range accepted.ended {
		s.announce(ctx, done)
	}
	s.hub.Publish(accepted.batch)
	return accepted, nil
}

func newSubmission(ctx context.Context, req *buildv1.StartBuildRequest) (*submission, error) {
	sub := &submission{
		userID:    auth.Caller(ctx).UserID,
		session:   req.GetBuildSessionId(),
		prompt:    event.CleanText(req.GetPrompt()),
		operation: operationFromProto(req.GetOperation()),
		policy:    req.GetOnConflict(),
	}
	var err error
	if sub.projectID, err = projectOf(req.GetProjectId(), sub.operation); err != nil {
		return nil, err
	}
	if sub.session == "" {
		sub.session = "bs_" + newID().String()
	}
	if sub.prompt == "" {
		return nil, noPrompt()
	}
	hash, err := requestHash(req)
	if err != nil {
		return nil, err
	}
	sub.hash = hash
	sub.analysis = analysis.Analyze(sub.prompt, req.GetLocale())
	sub.locale = resolveLocale(ctx, req.GetLocale(), &sub.analysis).Tag
	if err := sub.answer(req.GetAnswers()); err != nil {
		return nil, err
	}
	return sub, nil
}

// resolveLocale takes what was asked for, or else the prompt's language, or else
// what the browser prefers.
func resolveLocale(ctx context.Context, asked string, a *analysis.Analysis) locale.Reading {
	return locale.Negotiate(ctx, asked, spoken(a))
}

// spoken is the language of a prompt; empty if it does not tell.
func spoken(a *analysis.Analysis) string {
	if !a.LanguageKnown {
		return ""
	}
	return a.Language
}

// requestHash tells a repeat from another request with the same session.
func requestHash(req *buildv1.StartBuildRequest) ([sha256.Size]byte, error) {
	content, ok := proto.Clone(req).(*buildv1.StartBuildRequest)
	if !ok {
		return [sha256.Size]byte{}, errors.New("clone a request")
	}
	content.BuildSessionId = ""
	data, err := proto.MarshalOptions{Deterministic: true}.Marshal(content)
	if err != nil {
		return [sha256.Size]byte{}, fmt.Errorf("hash a request: %w", err)
	}
	return sha256.Sum256(data), nil
}

// known returns the build that the session already has, or nil.
func (s *Service) known(ctx context.Context, sub *submission) (*started, error) {
	b, err := s.queries.BuildBySession(ctx, s.db, &store.BuildBySessionParams{UserID: sub.userID, BuildSessionID: sub.session})
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil //nolint:nilnil // not known is not an error
	}
	if err != nil {
		return nil, err
	}
	if [sha256.Size]byte(b.RequestHash) != sub.hash {
		return nil, keyReused()
	}
	quoted, err := s.given(ctx, s.db, b)
	if err != nil {
		return nil, err
	}
	balance, err := s.ledger.Balance(ctx, s.db, sub.userID)
	if err != nil {
		return nil, err
	}
	return &started{build: b, quote: quoted, spendable: balance.Spendable}, nil
}

// reserved is the AI time that was set aside for a build.
type reserved struct {
	holdID uuid.UUID
	// seconds are held, and spendable are left.
	seconds, spendable int64
}

// reserve sets the AI time of a build aside. The account's lock, which that takes,
// makes a second request with the same session wait until the first is decided; a
// build without a hold has the project's for that. It returns
// [billing.ErrKeyReused] if the session is another's by now.
func (s *Service) reserve(ctx context.Context, tx pgx.Tx, sub *submission, buildID uuid.UUID, quoted quote) (reserved, error) {
	if sub.free() {
		return s.reserveNothing(ctx, tx, sub)
	}
	hold, balance, err := s.ledger.Reserve(ctx, tx, billing.ReserveRequest{
		AccountID:     sub.userID,
		Key:           sub.session,
		Operation:     meter.Operation(sub.operation),
		BuildID:       buildID,
		Seconds:       quoted.hold,
		MaxSeconds:    quoted.max,
		ProjectSize:   quoted.size,
		QuotedSeconds: quoted.estimate.P95,
		TTL:           holdTTL,
	})
	if err != nil {
		return reserved{}, billing.Localize(err, sub.locale)
	}
	return reserved{holdID: uuid.UUID(hold.ID), seconds: hold.Seconds, spendable: balance.Spendable}, nil
}

// start stores everything that a build is, or nothing. It returns
// [billing.ErrKeyReused] if the session is another's by now.
func (s *Service) start(ctx context.Context, tx pgx.Tx, sub *submission, quoted quote) (*started, error) {
	buildID := newID()
	held, err := s.reserve(ctx, tx, sub, buildID, quoted)
	if err != nil {
		return nil, err
	}
	crash.Point(crash.StartReserved)
	at, err := s.openProject(ctx, tx, sub)
	if err != nil {
		return nil, err
	}
	answers, err := json.Marshal(sub.answers)
	if err != nil {
		return nil, fmt.Errorf("encode answers: %w", err)
	}
	b, err := s.queries.BuildInsert(ctx, tx, &store.BuildInsertParams{
		ID:               buildID,
		BuildSessionID:   sub.session,
		RequestHash:      sub.hash[:],
		UserID:           sub.userID,
		ProjectID:        at.projectID,
		ParentBuildID:    sub.parentID(),
		Operation:        sub.operation,
		Prompt:           sub.prompt,
		Locale:           sub.locale,
		Answers:          answers,
		HoldID:           held.holdID,
		HeldSeconds:      held.seconds,
		Waiting:          at.waiting,
		Free:             sub.free(),
		RecommendationID: sub.applies.itemID(),
	})
	if err != nil {
		return nil, err
	}
	batch, err := s.begin(ctx, tx, sub, b)
	if err != nil {
		return nil, err
	}
	b.HeadSeq = batch.Head()
	noted, err := sub.applies.note(ctx, tx)
	if err != nil {
		return nil, err
	}
	return &started{build: b, quote: quoted, spendable: held.spendable, batch: batch, ended: at.ended, noted: noted}, nil
}

// begin stores what comes with a new build: its first events, what it goes on from,
// its job and its recommendations', unless it waits for another build.
func (s *Service) begin(ctx context.Context, tx pgx.Tx, sub *submission, b *store.Build) (event.Batch, error) {
	first := []*eventv1.BuildEvent{phaseChanged(b.Locale, "", Queued, 0, locale.Args{"brand": sub.analysis.BrandName})}
	if !b.Free {
		first = append(first, holdChanged(b.HeldSeconds, 0, false))
	}
	if b.Waiting {
		first = append(first, told(b.Locale, "event.waiting.begun", nil))
	} else if err := s.enqueue(ctx, tx, b.ID); err != nil {
		return event.Batch{}, err
	}
	if sub.repeats != nil {
		taken, err := s.takeOver(ctx, tx, sub.repeats, b)
		if err != nil {
			return event.Batch{}, err
		}
		first = append(first, taken...)
	}
	return s.log.Append(ctx, tx, event.Producer{BuildID: b.ID}, first...)
}

// lostRace answers a request whose session another one took while it waited.
func (s *Service) lostRace(ctx context.Context, sub *submission) (*started, error) {
	accepted, err := s.known(ctx, sub)
	if err == nil && accepted == nil {
		return nil, keyReused() // The key belongs to a hold without a build.
	}
	return accepted, err
}

// openProject locks the project, or makes it, and finds the new build's place in it:
// no other one is active beside it.
func (s *Service) openProject(ctx context.Context, tx pgx.Tx, sub *submission) (place, error) {
	if sub.projectID == uuid.Nil {
		id := newID()
		return place{projectID: id}, s.queries.ProjectInsert(ctx, tx, &store.ProjectInsertParams{ID: id, UserID: sub.userID})
	}
	project, err := s.queries.ProjectByIDForUpdate(ctx, tx, &store.ProjectByIDForUpdateParams{ID: sub.projectID, UserID: sub.userID})
	if err != nil {
		return place{}, err
	}
	if sub.operation == string(engine.Update) && project.CurrentVersionID == nil {
		return place{}, noVersion()
	}
	if sub.applies != nil && sub.operation == string(engine.MainBuild) && project.CurrentVersionID != nil {
		return place{}, errFirstVersion
	}
	active, err := s.queries.BuildActiveOfProject(ctx, tx, &store.BuildActiveOfProjectParams{ProjectID: project.ID})
	if errors.Is(err, store.ErrNotFound) {
		return place{projectID: project.ID}, nil
	}
	if err != nil {
		return place{}, err
	}
	return s.placeBehind(ctx, tx, sub, project.ID, active)
}

func (s *Service) answer(ctx context.Context, sub *submission, accepted *started) *buildv1.StartBuildResponse {
	b := accepted.build
	locale.Read("", b.Locale).Tell(ctx)
	return &buildv1.StartBuildResponse{
		Build:            s.buildToProto(b),
		Quote:            accepted.quote.toProto(accepted.spendable, true),
		QuickSuggestions: recommend.SuggestionsToProto(recommend.Quick(factsOf(&sub.analysis), 0, b.Locale)),
		ResumeToken:      s.resume(b.ID, 0),
	}
}

// newID makes an id that sorts by time (UUIDv7). It panics only if the system
// has no random numbers, as the package that makes it does.
func newID() uuid.UUID { return uuid.Must(uuid.NewV7()) }
