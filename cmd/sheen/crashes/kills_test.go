package crashes

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/sheenapps/sheen/client"
	buildv1 "github.com/sheenapps/sheen/gen/sheen/build/v1"
)

// atOnce is how many builds run while nodes are killed.
const atOnce = 8

// killed is a world in which nodes that work are killed at random while builds run.
type killed struct {
	*world
	url     string
	workers []*node
	random  *rand.Rand

	mu sync.Mutex
	// builds are those that were accepted, by id.
	builds map[string]accepted
}

// accepted is the number of a build's prompt and its user's client.
type accepted struct {
	prompt int
	c      *client.Client
}

// prompts of the builds; those of one prompt have one tree.
func promptOf(n int) string {
	return fmt.Sprintf("A booking site for my hair salon in Lyon called Maison %d", n)
}

const promptCount = 4

// TestRandomKills kills nodes that work again and again. SHEEN_SOAK_SEED repeats a
// run's choices.
func TestRandomKills(t *testing.T) {
	t.Parallel()
	if testing.Short() || raced {
		t.Skip("waits for the ends of leases; the detector would not see into the nodes")
	}
	killAtRandom(t, 10)
}

func killAtRandom(t *testing.T, kills int) {
	t.Helper()
	seed := rand.Uint64()
	if text := os.Getenv("SHEEN_SOAK_SEED"); text != "" {
		var err error
		if seed, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%d kills, SHEEN_SOAK_SEED=%d", kills, seed)
	k := &killed{world: newWorld(t, "SHEEN_OFFLINE_PACE=5"), random: rand.New(rand.NewPCG(seed, 0)), builds: map[string]accepted{}}
	k.url = k.start(t, k.dir, "api").address(t)
	for range 2 {
		k.workers = append(k.workers, k.start(t, newDataDir(t, k.dir), "worker"))
	}
	starting, enough := context.WithCancel(t.Context())
	var group sync.WaitGroup
	for i := range atOnce {
		group.Go(func() { k.build(starting, t, i) })
	}
	for range kills {
		<-time.After(time.Second + time.Duration(k.random.Int64N(int64(time.Second)))) // Faults come when they like.
		k.killOne(t)
	}
	enough()
	group.Wait()
	k.check(t)
}

func (k *killed) killOne(t *testing.T) {
	t.Helper()
	i := k.random.IntN(len(k.workers))
	victim := k.workers[i]
	victim.signal(t, syscall.SIGKILL)
	victim.died(t)
	k.workers[i] = k.start(t, victim.dir, "worker")
}

// build starts builds one after the other, and follows each to its end.
func (k *killed) build(starting context.Context, t *testing.T, n int) {
	c := k.clientOf(t, k.url, uuid.New())
	for ; starting.Err() == nil; n += atOnce {
		res, err := c.Builds.StartBuild(t.Context(), &buildv1.StartBuildRequest{Prompt: promptOf(n % promptCount)})
		if err != nil {
			t.Errorf("StartBuild: %v", err)
			return
		}
		k.mu.Lock()
		k.builds[res.GetBuild().GetId()] = accepted{n % promptCount, c}
		k.mu.Unlock()
		ctx, cancel := context.WithTimeout(t.Context(), 4*endLimit)
		for _, err := range c.Follow(ctx, res.GetBuild().GetId(), client.AfterSeq(0)) {
			if err != nil {
				t.Errorf("follow: %v", err)
			}
		}
		cancel()
	}
}

// check compares all builds of a prompt with one to which nothing happened.
func (k *killed) check(t *testing.T) {
	t.Helper()
	k.settled(t)
	c := k.client(t, k.url)
	want := map[int]*trace{}
	for n := range promptCount {
		res, err := c.Builds.StartBuild(t.Context(), &buildv1.StartBuildRequest{Prompt: promptOf(n)})
		if err != nil {
			t.Fatal(err)
		}
		if b := ended(t, c, res.GetBuild().GetId()); b.GetState() != buildv1.BuildState_BUILD_STATE_COMPLETE || b.GetAttempt() != 1 {
			t.Fatalf("the build without a kill ended as %v", b)
		}
		want[n] = k.traceOf(t, c, res.GetBuild().GetId())
	}
	takeovers, failed := 0, 0
	for id, made := range k.builds {
		res, err := made.c.Builds.GetBuild(t.Context(), &buildv1.GetBuildRequest{BuildId: id})
		if err != nil {
			t.Fatal(err)
		}
		b := res.GetBuild()
		takeovers += int(b.GetAttempt() - 1)
		if b.GetError().GetReason() == buildv1.BuildErrorReason_BUILD_ERROR_REASON_ATTEMPTS_EXHAUSTED {
			failed++ // Killed three times: it costs nothing.
			if b.GetChargedSeconds() != 0 {
				t.Errorf("a build that was killed three times is charged %d s", b.GetChargedSeconds())
			}
			continue
		}
		k.traceOf(t, made.c, id).same(t, want[made.prompt])
	}
	t.Logf("%d builds, %d takeovers, %d builds whose attempts were exhausted", len(k.builds), takeovers, failed)
	if takeovers == 0 {
		t.Error("no kill hit a build")
	}
}
