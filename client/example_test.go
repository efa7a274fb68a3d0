package client_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"

	"connectrpc.com/connect"

	"github.com/sheenapps/sheen/client"
	billingv1 "github.com/sheenapps/sheen/gen/sheen/billing/v1"
	buildv1 "github.com/sheenapps/sheen/gen/sheen/build/v1"
	"github.com/sheenapps/sheen/gen/sheen/build/v1/buildv1connect"
	eventv1 "github.com/sheenapps/sheen/gen/sheen/event/v1"
	"github.com/sheenapps/sheen/gen/sheen/event/v1/eventv1connect"
)

// bakery is a Sheen with one build and little AI time; its first stream is cut.
type bakery struct {
	buildv1connect.UnimplementedBuildServiceHandler
	eventv1connect.UnimplementedEventServiceHandler

	streams int
}

func (b *bakery) StartBuild(_ context.Context, req *buildv1.StartBuildRequest) (*buildv1.StartBuildResponse, error) {
	if req.GetPrompt() != "A bakery" {
		return nil, sheenError(connect.CodeFailedPrecondition, "INSUFFICIENT_AI_TIME",
			&billingv1.InsufficientAiTime{RequiredSeconds: 300, SpendableSeconds: 120})
	}
	return &buildv1.StartBuildResponse{Build: &buildv1.Build{Id: buildID}, ResumeToken: "start"}, nil
}

func (b *bakery) StreamEvents(_ context.Context, _ *eventv1.StreamEventsRequest, stream *connect.ServerStream[eventv1.StreamEventsResponse]) error {
	b.streams++
	if b.streams == 1 {
		return stream.Send(message(1, 2))
	}
	return stream.Send(message(3, 4, 5, 6, 7, 8, 9))
}

// startBakery starts the server on loopback and returns its address.
func startBakery() (url string, stop func()) {
	b := &bakery{}
	mux := http.NewServeMux()
	mux.Handle(buildv1connect.NewBuildServiceHandler(b))
	mux.Handle(eventv1connect.NewEventServiceHandler(b))
	server := httptest.NewUnstartedServer(mux)
	server.Config.Protocols = new(http.Protocols)
	server.Config.Protocols.SetUnencryptedHTTP2(true)
	server.Start()
	return server.URL, server.Close
}

// A build is started and watched to its end; the connection is cut on the way.
func ExampleClient_Follow() {
	url, stop := startBakery()
	defer stop()
	ctx := context.Background()
	c := client.New(url, client.WithStaticToken("token"))
	defer c.CloseIdleConnections()

	started, err := c.Builds.StartBuild(ctx, &buildv1.StartBuildRequest{Prompt: "A bakery"})
	if err != nil {
		fmt.Println(err)
		return
	}
	for event, err := range c.Follow(ctx, started.GetBuild().GetId(), client.From(started.GetResumeToken())) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Print(event.GetSeq(), " ")
	}
	fmt.Println("complete")
	// Output: 1 2 3 4 5 6 7 8 9 complete
}

// A position survives the process that saved it.
func ExampleAt() {
	url, stop := startBakery()
	defer stop()
	c := client.New(url, client.WithStaticToken("token"))
	defer c.CloseIdleConnections()

	var saved client.Position
	save := client.OnProgress(func(p client.Position) { saved = p })
	for event, err := range c.Follow(context.Background(), buildID, save) {
		if err != nil || event.GetSeq() == 3 {
			break // before it is handled
		}
	}
	fmt.Println("handled", saved.Seq)
	for event, err := range c.Follow(context.Background(), buildID, client.At(saved)) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Print(event.GetSeq(), " ")
	}
	// Output:
	// handled 2
	// 3 4 5 6 7 8 9
}

// Errors carry what a caller needs to act on them.
func ExampleError() {
	url, stop := startBakery()
	defer stop()
	c := client.New(url, client.WithStaticToken("token"))
	defer c.CloseIdleConnections()

	_, err := c.Builds.StartBuild(context.Background(), &buildv1.StartBuildRequest{Prompt: "A castle"})
	if low, ok := errors.AsType[*client.InsufficientAITime](err); ok {
		fmt.Printf("needs %d s, has %d s\n", low.Detail.GetRequiredSeconds(), low.Detail.GetSpendableSeconds())
	}
	fmt.Println(errors.Is(err, client.ErrFailedPrecondition))
	// Output:
	// needs 300 s, has 120 s
	// true
}
