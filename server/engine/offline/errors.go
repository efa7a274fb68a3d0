package offline

import "errors"

// errBrief says that a plan's private part is not one of this version's.
var errBrief = errors.New("brief is not valid")
