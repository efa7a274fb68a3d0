package meter

import "time"

// Operation is what AI time is spent on.
type Operation string

// The operations.
const (
	MainBuild          Operation = "main_build"
	MetadataGeneration Operation = "metadata_generation"
	Update             Operation = "update"
)

// Valid reports whether o is one of the operations of this package.
func (o Operation) Valid() bool {
	switch o {
	case MainBuild, MetadataGeneration, Update:
		return true
	}
	return false
}

// Outcome is how an operation ended. It decides who pays.
type Outcome string

// The outcomes.
const (
	Succeeded      Outcome = "succeeded"
	FailedUser     Outcome = "failed_user"
	FailedPlatform Outcome = "failed_platform"
	FailedProvider Outcome = "failed_provider"
	FailedPolicy   Outcome = "failed_policy"
	Cancelled      Outcome = "cancelled"
)

// Valid reports whether o is one of the outcomes of this package.
func (o Outcome) Valid() bool {
	switch o {
	case Succeeded, FailedUser, FailedPlatform, FailedProvider, FailedPolicy, Cancelled:
		return true
	}
	return false
}

// Charge returns the seconds that an operation costs its user. A failure of the
// platform or of a model provider costs nothing, a violation of the content
// policy the planning only, everything else what was used. Planning is a part
// of active; more than active counts as active.
func Charge(outcome Outcome, active, planning time.Duration) int64 {
	switch outcome {
	case FailedPlatform, FailedProvider:
		return 0
	case FailedPolicy:
		return Billable(min(planning, active))
	case Succeeded, FailedUser, Cancelled:
	}
	return Billable(active)
}
