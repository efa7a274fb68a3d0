// Package crash names the moments at which a test may end or stop the process:
// those between which something is stored, sent or told.
//
// In the command as it is built for use, [Point] does nothing. Built with the tag
// chaos it ends the process, by SIGKILL, or stops it, by SIGSTOP, when the moment
// comes that SHEEN_CRASH names, and leaves a mark that it did: a test whose moment
// never came must fail.
package crash

// The moments, in the order in which a build comes by them.
const (
	StartReserved   = "start: AI time is held, nothing is committed"
	StartCommitted  = "start: committed, not answered"
	LeaseTaken      = "lease: taken"
	PlanBegun       = "plan: before the engine is called"
	PlanSpoken      = "plan: text was stored"
	PlanMade        = "plan: the engine has answered, nothing is stored"
	PlanStored      = "plan: stored"
	StateChanging   = "state: changed, not committed"
	StateChanged    = "state: committed"
	FileStored      = "file: the blob is stored, its row is not"
	FileNoted       = "file: its row is about to be stored"
	FilesCommitted  = "file: rows and events are committed"
	Written         = "write: all files are written, the step is not stored"
	WriteStored     = "write: the step is stored"
	Tested          = "test: the report is sent, its fingerprint is not stored"
	FixBegun        = "fix: announced"
	Fixed           = "fix: the files are written, the step is not stored"
	VersionMaking   = "version: made, not committed"
	VersionMade     = "version: committed"
	Probed          = "deploy: probed"
	EndCharged      = "end: charged, not committed"
	EndWritten      = "end: the last event is written, not committed"
	EndCommitted    = "end: committed, nobody was told"
	CancelRequested = "cancel: the wish is committed, not answered"
	CancelObeyed    = "cancel: the run was stopped, the build is not over"
	GivingBack      = "stop: the build is about to be given back"
)

// Points are all moments.
func Points() []string {
	return []string{
		StartReserved, StartCommitted, LeaseTaken, PlanBegun, PlanSpoken, PlanMade, PlanStored,
		StateChanging, StateChanged, FileStored, FileNoted, FilesCommitted, Written, WriteStored, Tested, FixBegun, Fixed,
		VersionMaking, VersionMade, Probed, EndCharged, EndWritten, EndCommitted, CancelRequested, CancelObeyed, GivingBack,
	}
}
