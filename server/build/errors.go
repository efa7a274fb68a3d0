package build

import (
	"errors"
	"fmt"

	"connectrpc.com/connect"
	"github.com/google/uuid"
	"google.golang.org/protobuf/proto"

	errorv1 "github.com/sheenapps/sheen/gen/sheen/error/v1"
	eventv1 "github.com/sheenapps/sheen/gen/sheen/event/v1"
	"github.com/sheenapps/sheen/server/fault"
)

// Why a run of a worker ends before its build does. They are causes of its
// context and never reach a user.
var (
	errLeaseLost  = errors.New("the lease on the build is lost")
	errCancelled  = errors.New("the user cancelled the build")
	errTimeout    = errors.New("the build took longer than it may")
	errStopping   = errors.New("the worker is stopping")
	errTransition = errors.New("the build is in another state")
	// errAttempts is not errLeaseLost: the worker that finds it has the lease.
	errAttempts = errors.New("the build's workers were lost too often")
)

// failure is a build that was given up, and at whose door that lies.
type failure struct {
	reason    Reason
	class     Class
	retryable bool
	err       error
	// report is what the tests found last, if that is why.
	report *eventv1.TestResult
}

func (f *failure) Error() string { return fmt.Sprintf("%s (%s): %v", f.reason, f.class, f.err) }

func (f *failure) Unwrap() error { return f.err }

// Class says at whose door a failure lies, as it is stored.
type Class string

// The classes.
const (
	ClassUser     Class = "user"
	ClassPlatform Class = "platform"
	ClassProvider Class = "provider"
	ClassPolicy   Class = "policy"
	ClassTimeout  Class = "timeout"
)

// Reason names a failure, as it is stored.
type Reason string

// The reasons.
const (
	ReasonInternal            Reason = "internal"
	ReasonAttemptsExhausted   Reason = "attempts_exhausted"
	ReasonProviderUnavailable Reason = "provider_unavailable"
	ReasonPolicyViolation     Reason = "policy_violation"
	ReasonDeadlineExceeded    Reason = "deadline_exceeded"
	ReasonTestsFailed         Reason = "tests_failed"
	ReasonDeployFailed        Reason = "deploy_failed"
	ReasonLimitExceeded       Reason = "limit_exceeded"
	ReasonInsufficientAITime  Reason = "insufficient_ai_time"
)

func inProgress(buildID uuid.UUID) *fault.Error {
	return &fault.Error{
		Code:     connect.CodeFailedPrecondition,
		Reason:   errorv1.ErrorReason_ERROR_REASON_BUILD_IN_PROGRESS,
		Message:  "The project has a build that is not finished; wait for it or cancel it.",
		Metadata: map[string]string{"build_id": buildID.String()},
		Details:  []proto.Message{&errorv1.BuildInProgress{BuildId: buildID.String()}},
	}
}

func keyReused() *fault.Error {
	return &fault.Error{
		Code:    connect.CodeAlreadyExists,
		Reason:  errorv1.ErrorReason_ERROR_REASON_IDEMPOTENCY_KEY_REUSED,
		Message: "The build session was already used for another request; make a new one per submission.",
	}
}

// notRetryable refuses to repeat a build whose failure would come again.
func notRetryable() *fault.Error {
	err := invalidTransition(Failed, Queued).Keyed("error.detail.retryUseless")
	err.Message = "The build failed for a reason that a repeat does not change; start another build with another request."
	return err
}

func invalidTransition(from, to State) *fault.Error {
	f, t := stateToProto(from).String(), stateToProto(to).String()
	return &fault.Error{
		Code:     connect.CodeFailedPrecondition,
		Reason:   errorv1.ErrorReason_ERROR_REASON_INVALID_TRANSITION,
		Message:  fmt.Sprintf("A build in %s cannot become %s.", f, t),
		Metadata: map[string]string{"from": f, "to": t},
		Details:  []proto.Message{&errorv1.InvalidTransition{From: f, To: t}},
	}
}
