package server_test

import (
	"bytes"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	buildv1 "github.com/sheenapps/sheen/gen/sheen/build/v1"
	eventv1 "github.com/sheenapps/sheen/gen/sheen/event/v1"
	"github.com/sheenapps/sheen/server"
	"github.com/sheenapps/sheen/server/locale"
	"github.com/sheenapps/sheen/server/servertest"
)

const (
	frenchPrompt = "Un site pour mon salon de coiffure à Lyon avec réservation en ligne"
	isolate      = "\u2068"
)

// french starts a build whose own language is French.
func french(t *testing.T, user *servertest.Clients) *buildv1.Build {
	t.Helper()
	started, err := user.Builds.StartBuild(t.Context(), &buildv1.StartBuildRequest{Prompt: frenchPrompt})
	if err != nil || started.GetBuild().GetLocale() != "fr" {
		t.Fatal(started.GetBuild().GetLocale(), err)
	}
	return started.GetBuild()
}

// wire are events as they were sent, each in protobuf's binary form.
func wire(t *testing.T, events []*eventv1.BuildEvent) [][]byte {
	t.Helper()
	all := make([][]byte, len(events))
	for i, e := range events {
		data, err := proto.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		all[i] = data
	}
	return all
}

// streamedIn reads a build over one stream in a language, after a resume token if
// there is one, and at most so many messages.
func streamedIn(t *testing.T, user *servertest.Clients, req *eventv1.StreamEventsRequest, messages int) (events []*eventv1.BuildEvent, last *eventv1.StreamEventsResponse, header http.Header) {
	t.Helper()
	stream, err := user.Events.StreamEvents(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = stream.Close() }()
	for range messages {
		if !stream.Receive() {
			break
		}
		last = proto.CloneOf(stream.Msg())
		events = append(events, last.GetEvents()...)
	}
	if err := stream.Err(); err != nil {
		t.Fatal(err)
	}
	return events, last, stream.ResponseHeader()
}

// listedIn reads a build in pages.
func listedIn(t *testing.T, user *servertest.Clients, id, tag string) (events []*eventv1.BuildEvent, header http.Header) {
	t.Helper()
	ctx, call := connect.NewClientContext(t.Context())
	for req := (&eventv1.ListEventsRequest{BuildId: id, Locale: tag, PageSize: 7}); ; {
		res, err := user.Events.ListEvents(ctx, req)
		if err != nil {
			t.Fatal(err)
		}
		events = append(events, res.GetEvents()...)
		if res.GetTerminal() {
			return events, call.ResponseHeader()
		}
		req.AfterSeq = res.GetNextAfterSeq()
	}
}

// sourcedIn reads a build as server-sent events.
func sourcedIn(t *testing.T, b *servertest.Bundle, user *servertest.Clients, id, tag string) (events []*eventv1.BuildEvent, header http.Header) {
	t.Helper()
	address := b.URL() + "/v1/builds/" + id + "/events"
	if tag != "" {
		address += "?locale=" + tag
	}
	res := do(t, servertest.Transport(t), get(t, address, user.Token))
	if res.status != http.StatusOK {
		t.Fatalf("%s: %d %s", address, res.status, res.body)
	}
	for block := range strings.SplitSeq(string(res.body), "\n\n") {
		if data, ok := strings.CutPrefix(block[strings.Index(block, "\n")+1:], "data: "); ok && strings.HasPrefix(block, "id: ") {
			e := &eventv1.BuildEvent{}
			if err := protojson.Unmarshal([]byte(data), e); err != nil {
				t.Fatalf("%q: %v", data, err)
			}
			events = append(events, e)
		}
	}
	return events, res.header
}

func wantLanguage(t *testing.T, what string, header http.Header, tag string) {
	t.Helper()
	path := strings.Join(locale.Resolve(tag).Path, ",")
	if header.Get("Content-Language") != tag || header.Get("Sheen-Locale-Path") != path {
		t.Errorf("%s: Content-Language %q, path %q, want %s", what, header.Get("Content-Language"), header.Get("Sheen-Locale-Path"), tag)
	}
}

// One build, nine languages, three ways to read it: the ways agree byte for byte, the
// languages in everything but words.
func TestABuildReadInEveryLocale(t *testing.T) {
	t.Parallel()
	b := servertest.Start(t)
	user := b.User(t, connect.WithInterceptors(withHeader("Accept-Language", "es")))
	id := french(t, user).GetId()
	own := watch(t, user, id)
	for _, asked := range append(locale.Supported(), "", "tlh") {
		want := locale.Read(asked, "fr").Tag
		streamed, last, header := streamedIn(t, user, &eventv1.StreamEventsRequest{BuildId: id, Locale: asked}, 1<<20)
		wantLanguage(t, "stream", header, want)
		if last.GetEnd().GetReason() != eventv1.StreamEndReason_STREAM_END_REASON_COMPLETE {
			t.Fatalf("%s: the stream ended with %v", asked, last)
		}
		listed, header := listedIn(t, user, id, asked)
		wantLanguage(t, "list", header, want)
		sourced, header := sourcedIn(t, b, user, id, asked)
		wantLanguage(t, "server-sent events", header, want)
		if equal := slices.EqualFunc[[][]byte, [][]byte]; !equal(wire(t, streamed), wire(t, listed), bytes.Equal) || !equal(wire(t, streamed), wire(t, sourced), bytes.Equal) {
			t.Errorf("%s: stream, list and server-sent events differ: %d, %d, %d events", asked, len(streamed), len(listed), len(sourced))
		}
		// Moroccan French may say all of it as French does.
		if same := slices.EqualFunc(wire(t, streamed), wire(t, own), bytes.Equal); same != (want == "fr") && want != "fr-MA" {
			t.Errorf("%s: the events are those of the build's own locale: %v", asked, same)
		}
		checkReading(t, want, own, streamed)
	}
}

// checkReading compares a build read in a locale with the same as it was written: the
// same events, phases and steps titled in that locale, arguments isolated where the
// language is written from right to left.
func checkReading(t *testing.T, tag string, own, read []*eventv1.BuildEvent) {
	t.Helper()
	if len(read) != len(own) {
		t.Fatalf("%s: %d events, want %d", tag, len(read), len(own))
	}
	titled, isolated := 0, false
	for i, e := range read {
		if e.GetSeq() != own[i].GetSeq() || e.GetEventClass() != own[i].GetEventClass() || !proto.Equal(e.GetCreateTime(), own[i].GetCreateTime()) {
			t.Errorf("%s: %v stands for %v", tag, e, own[i])
		}
		if change := e.GetPhaseChanged(); change != nil {
			titled++
			phase := strings.ToLower(strings.TrimPrefix(change.GetTo().String(), "BUILD_STATE_"))
			if want := locale.Text(tag, "event.phase."+phase+".title", nil); change.GetTitle() != want {
				t.Errorf("%s: a phase is titled %q, want %q", tag, change.GetTitle(), want)
			}
		}
		if step := e.GetProgress(); step != nil {
			titled++
			isolated = isolated || strings.Contains(step.GetTitle(), isolate)
		}
		if e.GetAssistantText().GetDelta() != own[i].GetAssistantText().GetDelta() || e.GetFileChanged().GetPurpose() != own[i].GetFileChanged().GetPurpose() {
			t.Errorf("%s: what the model said was worded anew: %v", tag, e)
		}
	}
	if titled < 10 || isolated != (locale.Resolve(tag).Dir == locale.RTL) {
		t.Errorf("%s: %d events with titles, isolated: %v", tag, titled, isolated)
	}
}

// A reader who changes the language in the middle goes on with the same token, and
// misses nothing: the events are those of each language, joined at the seam.
func TestChangingTheLanguageLosesNothing(t *testing.T) {
	t.Parallel()
	b := servertest.Start(t, func(cfg *server.Config) { cfg.OfflinePace = new(60.0) })
	user := b.User(t)
	id := french(t, user).GetId()
	tags := append(locale.Supported(), "")
	req := &eventv1.StreamEventsRequest{BuildId: id}
	var read []*eventv1.BuildEvent
	var said []string
	turns := 0
	for done := false; !done; turns++ {
		req.Locale = tags[turns%len(tags)]
		events, last, _ := streamedIn(t, user, req, 3)
		for range events {
			said = append(said, req.GetLocale())
		}
		read = append(read, events...)
		req.Start = &eventv1.StreamEventsRequest_ResumeToken{ResumeToken: last.GetResumeToken()}
		done = last.GetEnd().GetReason() == eventv1.StreamEndReason_STREAM_END_REASON_COMPLETE
	}
	// A seam that never was proves nothing.
	if turns < 3 {
		t.Errorf("only %d streams", turns)
	}
	whole := make(map[string][]*eventv1.BuildEvent)
	for _, tag := range tags {
		whole[tag], _ = listedIn(t, user, id, tag)
	}
	if len(read) != len(whole[""]) {
		t.Fatalf("%d events, want %d", len(read), len(whole[""]))
	}
	for i, e := range read {
		if !proto.Equal(e, whole[said[i]][i]) {
			t.Errorf("event %d in %q is %v, want %v", i+1, said[i], e, whole[said[i]][i])
		}
	}
}

// A failed build says why in the reader's language, wherever that is said.
func TestWhyABuildFailedInEveryLocale(t *testing.T) {
	t.Parallel()
	b := servertest.Start(t, func(c *server.Config) { c.BuildTimeout = 1 })
	user := b.User(t, connect.WithInterceptors(withHeader("Accept-Language", "es")))
	id := french(t, user).GetId()
	own := watch(t, user, id)
	failed := own[len(own)-1].GetBuildFailed().GetError()
	if failed.GetMessageKey() == "" {
		t.Fatalf("the build ended with %v", own[len(own)-1])
	}
	for _, asked := range append(locale.Supported(), "") {
		tag := locale.Read(asked, "fr").Tag
		want := locale.Text(tag, failed.GetMessageKey(), nil)
		ctx, call := connect.NewClientContext(t.Context())
		got, err := user.Builds.GetBuild(ctx, &buildv1.GetBuildRequest{BuildId: id, Locale: asked})
		said := map[string]*buildv1.BuildError{"GetBuild": got.GetBuild().GetError()}
		wantLanguage(t, "GetBuild", call.ResponseHeader(), tag)
		if err != nil || got.GetBuild().GetLocale() != "fr" {
			t.Errorf("%s: %v, %v", asked, got, err)
		}
		ctx, call = connect.NewClientContext(t.Context())
		list, err := user.Builds.ListBuilds(ctx, &buildv1.ListBuildsRequest{Locale: asked})
		if err != nil || len(list.GetBuilds()) != 1 {
			t.Fatal(list, err)
		}
		said["ListBuilds"] = list.GetBuilds()[0].GetError()
		wantLanguage(t, "ListBuilds", call.ResponseHeader(), tag)
		past, err := user.Builds.GetBuild(t.Context(), &buildv1.GetBuildRequest{BuildId: id, Locale: asked, AsOfSeq: got.GetBuild().GetHeadSeq() - 1})
		if err != nil || past.GetBuild().GetError() != nil {
			t.Errorf("before it failed: %v, %v", past, err)
		}
		_, first, _ := streamedIn(t, user, &eventv1.StreamEventsRequest{BuildId: id, Locale: asked, Snapshot: true}, 1)
		said["snapshot"] = first.GetSnapshot().GetBuild().GetError()
		events, _ := listedIn(t, user, id, asked)
		said["event"] = events[len(events)-1].GetBuildFailed().GetError()
		for where, e := range said {
			if e.GetMessage() != want || e.GetReason() != failed.GetReason() {
				t.Errorf("%s in %q: %v, want %q", where, asked, e, want)
			}
		}
	}
}

// A list in nobody's locale tells all locales of its builds.
func TestAListOfBuildsInTheirOwnLocales(t *testing.T) {
	t.Parallel()
	b := servertest.Start(t, func(c *server.Config) { c.Roles.Worker = false })
	user := b.User(t)
	for i, tag := range []string{"fr", "ar-EG", "fr"} {
		if _, err := user.Builds.StartBuild(t.Context(), &buildv1.StartBuildRequest{Prompt: fmt.Sprint("site ", i), Locale: tag}); err != nil {
			t.Fatal(err)
		}
	}
	ctx, call := connect.NewClientContext(t.Context())
	if _, err := user.Builds.ListBuilds(ctx, &buildv1.ListBuildsRequest{}); err != nil {
		t.Fatal(err)
	}
	if got := call.ResponseHeader(); got.Get("Content-Language") != "ar-EG, fr" || got.Get("Sheen-Locale-Path") != "" {
		t.Errorf("answered with %v", got)
	}
}
