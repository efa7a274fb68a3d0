package build

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"

	"connectrpc.com/connect"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"google.golang.org/protobuf/proto"

	errorv1 "github.com/sheenapps/sheen/gen/sheen/error/v1"
	"github.com/sheenapps/sheen/server/engine"
	"github.com/sheenapps/sheen/server/fault"
	"github.com/sheenapps/sheen/server/recommend"
	"github.com/sheenapps/sheen/store"
)

// errFirstVersion says that a project got its first version while what is to be
// built in it was still without one. It happens once in a project's life.
var errFirstVersion = errors.New("the project has a version by now")

// applied is the recommendation that a build begins with. That build follows the one
// that it was proposed for and repeats nothing of it: it is paid for, and takes
// nothing over.
type applied struct {
	list *store.Build
	item recommend.Item
}

// itemID is the id of the recommendation, or nil.
func (a *applied) itemID() *string {
	if a == nil {
		return nil
	}
	id := a.item.ID()
	return &id
}

// note stores that the recommendation was accepted.
func (a *applied) note(ctx context.Context, tx pgx.Tx) (recommend.Noted, error) {
	if a == nil {
		return recommend.Noted{}, nil
	}
	return recommend.Note(ctx, tx, a.list.UserID, a.list.ID, a.item, recommend.Accepted)
}

// parentID is the build that the new one repeats or follows, or nil.
func (sub *submission) parentID() *uuid.UUID {
	if sub.applies != nil {
		return &sub.applies.list.ID
	}
	return sub.repeats.parentID()
}

// Apply starts the next build of a project with what was proposed for one of its
// builds: see [recommend.Apply].
func (s *Service) Apply(ctx context.Context, a recommend.Application) (recommend.Applied, error) {
	list, err := s.queries.BuildByID(ctx, s.db, &store.BuildByIDParams{ID: a.BuildID, UserID: a.UserID})
	if err != nil {
		return recommend.Applied{}, err
	}
	prompt, err := a.Item.Prompt(ctx, s.db, list.UserID, list.ID, list.Locale)
	if err != nil {
		return recommend.Applied{}, err
	}
	submitted := func() (*started, error) {
		sub, err := s.newApplication(ctx, a, list, prompt)
		if err != nil {
			return nil, err
		}
		return s.submit(ctx, sub)
	}
	accepted, err := submitted()
	if errors.Is(err, errFirstVersion) {
		accepted, err = submitted()
	}
	if err != nil {
		return recommend.Applied{}, err
	}
	b := accepted.build
	return recommend.Applied{
		BuildID: b.ID, ProjectID: b.ProjectID, ResumeToken: s.resume(b.ID, 0), Noted: accepted.noted,
	}, nil
}

// newApplication submits what a recommendation asks for: a change of the project's
// site, or, as long as there is none, the site that the list's build was to make
// with what is proposed on top of it.
func (s *Service) newApplication(
	ctx context.Context, a recommend.Application, list *store.Build, prompt string,
) (*submission, error) {
	project, err := s.queries.ProjectByID(ctx, s.db, &store.ProjectByIDParams{ID: list.ProjectID, UserID: list.UserID})
	if err != nil {
		return nil, err
	}
	next := store.Build{Operation: string(engine.Update), Prompt: prompt, Locale: list.Locale, Answers: []byte("[]")}
	if project.CurrentVersionID == nil {
		next.Operation, next.Prompt, next.Answers = string(engine.MainBuild), list.Prompt+"\n\n"+prompt, list.Answers
	}
	if len(next.Prompt) > MaxPromptBytes {
		return nil, promptsTooLong(len(next.Prompt))
	}
	sub := &submission{
		userID:    list.UserID,
		projectID: list.ProjectID,
		session:   a.Session,
		hash:      sha256.Sum256([]byte("apply " + list.ID.String() + " " + a.Item.ID())),
		prompt:    next.Prompt,
		locale:    next.Locale,
		operation: next.Operation,
		analysis:  analyzed(&next),
		applies:   &applied{list: list, item: a.Item},
	}
	if err := json.Unmarshal(next.Answers, &sub.answers); err != nil {
		return nil, fmt.Errorf("decode answers: %w", err)
	}
	return sub, nil
}

// promptsTooLong refuses a prompt that is put together of two.
func promptsTooLong(size int) *fault.Error {
	return &fault.Error{
		Code:    connect.CodeInvalidArgument,
		Reason:  errorv1.ErrorReason_ERROR_REASON_PAYLOAD_TOO_LARGE,
		Message: "The prompts of the build and of the recommendation are too long together; start a build in fewer words.",
		Details: []proto.Message{&errorv1.PayloadLimit{LimitBytes: MaxPromptBytes, ActualBytes: int64(size)}},
	}
}
