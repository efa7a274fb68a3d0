package crashes

import (
	"maps"
	"strings"
	"testing"

	"github.com/sheenapps/sheen/server/crash"
	"github.com/sheenapps/sheen/server/engine/llmtest"
)

// TestCrashWhileMending ends a node by SIGKILL while a model's site is made and
// mended, and counts what the model was asked: a takeover repeats no call whose
// result was stored.
func TestCrashWhileMending(t *testing.T) {
	t.Parallel()
	if testing.Short() || raced {
		t.Skip("waits for the ends of leases; the detector would not see into the nodes")
	}
	provider, settings := model(t)
	want := undisturbed(t, settings...)
	asked := counts(provider)
	for _, point := range []string{crash.PlanStored, crash.FilesCommitted, crash.WriteStored, crash.Tested, crash.FixBegun, crash.Fixed} {
		t.Run(strings.NewReplacer(":", "", ",", "").Replace(point), func(t *testing.T) {
			t.Parallel()
			provider, settings := model(t)
			d := disturb(t, "kill", point, "1", settings...)
			_, _ = start(t.Context(), d.c, d.session) // The worker may be faster than the answer.
			d.first.died(t)
			d.fired(t)
			c := d.second(t)
			res, err := start(t.Context(), c, d.session)
			if err != nil {
				t.Fatal(err)
			}
			ended(t, c, res.GetBuild().GetId())
			d.traceOf(t, c, res.GetBuild().GetId()).same(t, want)
			d.settled(t)
			if again := counts(provider); point != crash.FilesCommitted && !maps.Equal(again, asked) {
				t.Errorf("the model was asked %v, want %v", again, asked)
			}
		})
	}
}

// model starts a provider and returns the settings of nodes that use it.
func model(t *testing.T) (*llmtest.Provider, []string) {
	t.Helper()
	p := llmtest.Start(t, llmtest.Anthropic)
	return p, []string{
		"SHEEN_ENGINE=anthropic", "SHEEN_ANTHROPIC_API_KEY=" + llmtest.Key, "SHEEN_ANTHROPIC_BASE_URL=" + p.BaseURL(),
		"SHEEN_HEADLESS=off",
	}
}

// counts are how often the model was asked for each thing.
func counts(p *llmtest.Provider) map[string]int {
	all := map[string]int{}
	for _, r := range p.Requests() {
		all[r.Task]++
	}
	return all
}
