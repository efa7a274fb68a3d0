package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"time"

	"connectrpc.com/connect"
	"github.com/google/uuid"
	"google.golang.org/protobuf/proto"

	"github.com/sheenapps/sheen/server"
	"github.com/sheenapps/sheen/server/auth"
	conformancev1 "github.com/sheenapps/sheen/server/conformance/gen/connectrpc/conformance/v1"
	"github.com/sheenapps/sheen/server/conformance/gen/connectrpc/conformance/v1/conformancev1connect"
)

// origin is the page that all requests seem to come from.
const origin = "https://app.example.com"

// run serves until ctx ends. in holds a ServerCompatRequest, of which nothing
// matters: one server speaks all protocols and both versions of HTTP.
func run(ctx context.Context, in io.Reader, out io.Writer, bare bool) error {
	if err := receive(in, &conformancev1.ServerCompatRequest{}); err != nil {
		return err
	}
	httpServer, err := newServer(bare)
	if err != nil {
		return err
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	stop := context.AfterFunc(ctx, func() { _ = httpServer.Close() })
	defer stop()
	port := listener.Addr().(*net.TCPAddr).Port //nolint:forcetypeassert // it is TCP
	if err := send(out, &conformancev1.ServerCompatResponse{Host: "127.0.0.1", Port: uint32(port)}); err != nil {
		return errors.Join(err, listener.Close())
	}
	if err := httpServer.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve: %w", err)
	}
	return nil
}

// newServer puts the suite's service behind Sheen's middleware, and a signed-in
// browser before that.
func newServer(bare bool) (*http.Server, error) {
	dir, err := os.MkdirTemp("", "conformance-")
	if err != nil {
		return nil, fmt.Errorf("make a folder for the key: %w", err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	key, err := auth.LoadOrCreateKey(dir)
	if err != nil {
		return nil, err
	}
	token, err := key.Issue(uuid.New(), auth.RoleUser, time.Hour)
	if err != nil {
		return nil, err
	}
	httpServer := server.NewConformanceServer(server.Conformance{
		Service: func(options connect.HandlerOption) (string, http.Handler) {
			return conformancev1connect.NewConformanceServiceHandler(service{}, options)
		},
		Procedures: []string{
			conformancev1connect.ConformanceServiceUnaryProcedure,
			conformancev1connect.ConformanceServiceIdempotentUnaryProcedure,
			conformancev1connect.ConformanceServiceServerStreamProcedure,
			conformancev1connect.ConformanceServiceClientStreamProcedure,
			conformancev1connect.ConformanceServiceBidiStreamProcedure,
			conformancev1connect.ConformanceServiceUnimplementedProcedure,
		},
		Key:         key,
		CORSOrigins: []string{origin},
		BareErrors:  bare,
	}, slog.New(slog.DiscardHandler))
	chain := httpServer.Handler
	httpServer.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Header.Set("Authorization", "Bearer "+token)
		r.Header.Set("Origin", origin)
		chain.ServeHTTP(w, r)
	})
	return httpServer, nil
}

// maxSize bounds a message of the suite, in bytes.
const maxSize = 16 << 20

// receive reads a message behind its size, four bytes with the highest first.
func receive(in io.Reader, message proto.Message) error {
	var size uint32
	if err := binary.Read(in, binary.BigEndian, &size); err != nil {
		return fmt.Errorf("read the size of the suite's message: %w", err)
	}
	if size > maxSize {
		return fmt.Errorf("the suite's message has %d bytes", size)
	}
	data := make([]byte, size)
	if _, err := io.ReadFull(in, data); err != nil {
		return fmt.Errorf("read the suite's message: %w", err)
	}
	if err := proto.Unmarshal(data, message); err != nil {
		return fmt.Errorf("decode the suite's message: %w", err)
	}
	return nil
}

// send writes a message as receive reads it.
func send(out io.Writer, message proto.Message) error {
	data, err := proto.Marshal(message)
	if err != nil {
		return fmt.Errorf("encode the answer to the suite: %w", err)
	}
	// In one write: the suite gives up on an answer that is cut.
	framed := binary.BigEndian.AppendUint32(nil, uint32(len(data)))
	if _, err := out.Write(append(framed, data...)); err != nil {
		return fmt.Errorf("write the answer to the suite: %w", err)
	}
	return nil
}
