package engine

import "fmt"

// Call is a finished call of a model.
type Call struct {
	// Key names what the call was for: [PlanKey], [WriteKey], [FixKey] or
	// [RecommendKey]. At most one call of a key succeeds in a build, or in a list of
	// recommendations.
	Key string
	// Model is the one that answered.
	Model string
	// InputTokens were read anew, CacheReadTokens found in the provider's cache
	// and CacheWriteTokens read and put there: no token counts twice.
	InputTokens, CacheReadTokens, CacheWriteTokens int64
	// OutputTokens were written.
	OutputTokens int64
	// CostMicros is the provider's price in millionths of a US dollar.
	CostMicros int64
	// Failed says that nothing came of the call. It may have cost something.
	Failed bool
}

// PlanKey is the key of the call that plans.
const PlanKey = "plan"

// WriteKey is the key of the call that writes a file.
func WriteKey(path string) string { return "write:" + path }

// FixKey is the key of the call that mends a file, in an attempt from 1 on.
func FixKey(attempt int32, path string) string { return fmt.Sprintf("fix:%d:%s", attempt, path) }

// Add counts a call. Input is all that the model read.
func (u *Usage) Add(c Call) {
	u.Model = c.Model
	u.InputTokens += c.InputTokens + c.CacheReadTokens + c.CacheWriteTokens
	u.OutputTokens += c.OutputTokens
	u.CostMicros += c.CostMicros
}
