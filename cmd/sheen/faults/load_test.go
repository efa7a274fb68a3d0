package faults

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"

	"connectrpc.com/connect"
	"github.com/google/uuid"

	"github.com/sheenapps/sheen/client"
	buildv1 "github.com/sheenapps/sheen/gen/sheen/build/v1"
	"github.com/sheenapps/sheen/server/auth"
)

const (
	// pace makes a build take about five seconds.
	pace = "3"
	// startEvery and running set the load: a new build, unless so many run. Most
	// of the time about 15 do; after some faults twice as many wait for a worker,
	// and others must still come.
	startEvery = 400 * time.Millisecond
	running    = 48
	// endLimit is how long a build may take, with three takeovers of 20 s.
	endLimit = 100 * time.Second
	// lastLimit is how much later than the first follower the last one may end.
	lastLimit = 20 * time.Second
	// callLimit bounds one attempt to start a build.
	callLimit = 5 * time.Second
)

var (
	// errStuck ends followers whose build's other followers have ended long ago.
	errStuck = errors.New("others have had the last event for long")
	// errTransport says that the client's connections cannot be directed.
	errTransport = errors.New("the client's transport is of another kind")
)

// load starts builds and follows them.
type load struct {
	nodes balancer
	key   *auth.Key
	table *table

	mu     sync.Mutex
	active int
	builds []*build
	group  sync.WaitGroup
	// started is closed when no more builds come.
	started chan struct{}
}

// run starts builds, through the nodes in turn, until starting ends. They are
// followed to their own ends, or to that of life.
func (l *load) run(starting, life context.Context) {
	for i := 0; pause(starting, startEvery) == nil; i++ {
		if !l.enter() {
			continue
		}
		l.group.Go(func() {
			l.one(life, i%len(l.nodes))
			l.leave()
		})
	}
	close(l.started)
}

// await returns when all builds that were started have ended.
func (l *load) await() {
	<-l.started
	l.group.Wait()
}

func (l *load) enter() (ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.active == running {
		return false
	}
	l.active++
	return true
}

func (l *load) leave() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.active--
}

// one starts a build and follows it to its end.
func (l *load) one(ctx context.Context, through int) {
	ctx, cancel := context.WithTimeout(ctx, endLimit)
	defer cancel()
	b, err := l.connect()
	if err != nil {
		l.table.violation("a build's clients: %v", err)
		return
	}
	defer func() {
		for _, c := range b.clients {
			c.CloseIdleConnections()
		}
	}()
	if err := l.start(ctx, b, through); err != nil {
		l.table.violation("a build could not be started: %v", err)
		return
	}
	l.mu.Lock()
	l.builds = append(l.builds, b)
	l.mu.Unlock()
	l.follow(ctx, b, through)
}

// connect makes a new user's clients, one per node.
func (l *load) connect() (*build, error) {
	token, err := l.key.Issue(uuid.New(), auth.RoleUser, time.Hour)
	if err != nil {
		return nil, err
	}
	b := &build{}
	for i := range l.nodes {
		web := client.NewHTTPClient("http://sheen.test")
		transport, ok := web.Transport.(*http.Transport)
		if !ok {
			return nil, errTransport
		}
		transport.DialContext = l.nodes.dial(i)
		b.clients = append(b.clients, client.New("http://sheen.test", client.WithHTTPClient(web), client.WithStaticToken(token)))
	}
	return b, nil
}

// start submits until it is accepted: a repeat is the same build.
func (l *load) start(ctx context.Context, b *build, through int) error {
	req := &buildv1.StartBuildRequest{Prompt: "A booking site for my hair salon in Lyon", BuildSessionId: client.NewBuildSessionID()}
	for {
		call, cancel := context.WithTimeout(ctx, callLimit)
		res, err := b.clients[through].Builds.StartBuild(call, req)
		cancel()
		if err == nil {
			b.id, b.token = res.GetBuild().GetId(), res.GetResumeToken()
			return nil
		}
		if ctx.Err() != nil {
			return err
		}
		l.table.refused("start " + connect.CodeOf(err).String())
		through = (through + 1) % len(b.clients)
		if err := pause(ctx, startEvery/2); err != nil {
			return err
		}
	}
}

// follow runs a build's followers to their ends.
func (l *load) follow(ctx context.Context, b *build, near int) {
	far := (near + 1) % len(b.clients)
	ctx, abandon := context.WithCancelCause(ctx)
	defer abandon(nil)
	var once sync.Once
	var group sync.WaitGroup
	run := func(name string, node int, do func(f *follower)) {
		group.Go(func() {
			do(&follower{name: name, build: b, table: l.table, node: node})
			once.Do(func() { time.AfterFunc(lastLimit, func() { abandon(errStuck) }) })
		})
	}
	run("near", near, func(f *follower) { f.follow(ctx, client.From(b.token)) })
	run("far", far, func(f *follower) { f.follow(ctx, client.AfterSeq(0)) })
	run("hopping", near, func(f *follower) { f.hopping(ctx) })
	run("raw", near, func(f *follower) { f.raw(ctx) })
	run("raw far", far, func(f *follower) { f.raw(ctx) })
	run("late", far, func(f *follower) {
		if pause(ctx, 2*time.Second) == nil {
			f.follow(ctx, client.AfterSeq(0))
		}
	})
	group.Wait()
}
