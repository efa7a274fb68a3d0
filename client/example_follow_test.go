package client_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"connectrpc.com/connect"
	"go.uber.org/goleak"

	"github.com/sheenapps/sheen/client"
)

// follow prints the seqs of a build's events.
func follow(ctx context.Context, c *client.Client, opts ...client.FollowOption) {
	for event, err := range c.Follow(ctx, buildID, opts...) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Print(event.GetSeq(), " ")
	}
	fmt.Println("complete")
}

// While nothing new comes, the client waits for a random part of a span that
// doubles up to 30 seconds. Here the whole span is shown instead.
func ExampleClient_Follow_backoff() {
	away := []step{fail(connect.CodeUnavailable, "STORE_UNAVAILABLE")}
	server, stop, err := startScripted(away, away, away, []step{send(1, 2, 3, 4, 5, 6, 7, 8, 9)})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer stop()
	c := client.New(server.url, client.WithSleep(func(_ context.Context, d time.Duration) error {
		fmt.Println("away; wait for up to", d)
		return nil
	}))
	defer c.CloseIdleConnections()

	follow(context.Background(), c)
	// Output:
	// away; wait for up to 100ms
	// away; wait for up to 200ms
	// away; wait for up to 400ms
	// 1 2 3 4 5 6 7 8 9 complete
}

// A connection may be dead without a sign. Three missed heartbeats, 45 seconds,
// tell it; a fiftieth of that here.
func ExampleClient_Follow_deadStream() {
	server, stop, err := startScripted([]step{send(1, 2, 3), silence()}, []step{send(1, 2, 3, 4, 5, 6, 7, 8, 9)})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer stop()
	c := client.New(server.url, client.WithPatience(900*time.Millisecond))
	defer c.CloseIdleConnections()

	follow(context.Background(), c)
	// Output: 1 2 3 4 5 6 7 8 9 complete
}

// An event behind a hole is not handed on: the client asks again from before
// the hole. One that comes twice is handed on once.
func ExampleClient_Follow_contiguity() {
	server, stop, err := startScripted([]step{send(1, 2, 2), send(5, 6)}, []step{send(2, 3, 4), send(5, 6, 7, 8, 9)})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer stop()
	c := client.New(server.url, client.WithSleep(noWait))
	defer c.CloseIdleConnections()

	follow(context.Background(), c)
	starts, _ := server.seen()
	fmt.Println("asked for what comes", starts)
	// Output:
	// 1 2 3 4 5 6 7 8 9 complete
	// asked for what comes [after 0 after 2]
}

// A loop may be left at any time, by break, by return or by its context. Nothing
// of it stays behind.
func ExampleClient_Follow_cancellation() {
	server, stop, err := startScripted([]step{send(1, 2, 3), silence()})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer stop()
	before := goleak.IgnoreCurrent()
	c := client.New(server.url)
	ctx, cancel := context.WithCancelCause(context.Background())
	defer cancel(nil)

	for event, err := range c.Follow(ctx, buildID) {
		if err != nil {
			fmt.Println("ended:", err)
			break
		}
		if event.GetSeq() == 3 {
			cancel(errors.New("the user left the page"))
		}
	}
	c.CloseIdleConnections()
	server.closeAll()
	fmt.Println("left behind:", goleak.Find(before))
	// Output:
	// ended: the user left the page
	// left behind: <nil>
}

// The position can be saved after each event and taken up again by another
// process. An event whose loop body did not run to its end comes again.
func ExampleClient_Follow_savedProgress() {
	server, stop, err := startScripted([]step{send(1, 2, 3), send(4, 5, 6, 7, 8, 9)})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer stop()
	c := client.New(server.url)
	defer c.CloseIdleConnections()

	var saved []byte
	save := client.OnProgress(func(p client.Position) { saved, _ = json.Marshal(p) })
	for event, err := range c.Follow(context.Background(), buildID, save) {
		if err != nil || event.GetSeq() == 5 {
			break
		}
	}
	fmt.Printf("%s\n", saved)

	var position client.Position
	if err := json.Unmarshal(saved, &position); err != nil {
		fmt.Println(err)
		return
	}
	follow(context.Background(), c, client.At(position))
	// Output:
	// {"token":"token 3","seq":4}
	// 5 6 7 8 9 complete
}

// Many builds are followed in one loop. Their positions are kept in the map, so
// that a program which was stopped goes on where it was.
func ExampleClient_FollowAll() {
	url, stop := startCrowd()
	defer stop()
	c := client.New(url)
	defer c.CloseIdleConnections()

	positions := map[string]client.Position{"bakery": {}, "salon": {}, "gym": {Seq: 7}}
	events := 0
	for _, err := range c.FollowAll(context.Background(), positions) {
		if err != nil {
			fmt.Println(err)
			return
		}
		events++
		if events == 6 {
			break // As if the program was stopped: this event was not handled.
		}
	}
	for _, err := range c.FollowAll(context.Background(), positions) {
		if err != nil {
			fmt.Println(err)
			return
		}
		events++
	}
	fmt.Println(events-1, "events handled once")
	fmt.Println("bakery", positions["bakery"].Seq, "salon", positions["salon"].Seq, "gym", positions["gym"].Seq)
	// Output:
	// 20 events handled once
	// bakery 9 salon 9 gym 9
}
