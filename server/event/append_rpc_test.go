package event

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"connectrpc.com/connect"
	"github.com/google/uuid"
	"google.golang.org/protobuf/proto"

	errorv1 "github.com/sheenapps/sheen/gen/sheen/error/v1"
	eventv1 "github.com/sheenapps/sheen/gen/sheen/event/v1"
	"github.com/sheenapps/sheen/gen/sheen/event/v1/eventv1connect"
	"github.com/sheenapps/sheen/server/auth"
)

// outside is a worker outside the process, with the lease of a build in PLANNING.
type outside struct {
	*site

	client eventv1connect.EventServiceClient
	p      Producer
}

func newOutside(t testing.TB) *outside {
	t.Helper()
	o := &outside{site: serve(t)}
	o.service.ConnectAppender(o.appender(t).Appender)
	o.client = o.site.client(t)
	o.p = o.lease(t, o.build(t))
	if _, err := o.db.Exec(t.Context(), `UPDATE builds SET state = 'planning' WHERE id = $1`, o.p.BuildID); err != nil {
		t.Fatal(err)
	}
	return o
}

func (o *outside) send(t testing.TB, expected int64, events ...*eventv1.NewEvent) (int64, error) {
	t.Helper()
	res, err := o.client.AppendEvents(t.Context(), &eventv1.AppendEventsRequest{
		BuildId: o.p.BuildID.String(), LeaseToken: o.p.LeaseToken, ExpectedSeq: expected, Events: events,
	})
	return res.GetLastSeq(), err
}

func newText(delta string) *eventv1.NewEvent {
	return &eventv1.NewEvent{Payload: &eventv1.NewEvent_AssistantText{AssistantText: &eventv1.NewAssistantText{Delta: delta}}}
}

func newProgress(permille, step int32) *eventv1.NewEvent {
	return &eventv1.NewEvent{Payload: &eventv1.NewEvent_Progress{
		Progress: &eventv1.NewProgress{ProgressPermille: permille, StepIndex: step, StepCount: 9},
	}}
}

func TestAppendEventsOfAWorkerOutside(t *testing.T) {
	t.Parallel()
	o := newOutside(t)
	events := []*eventv1.NewEvent{
		newText("a\x00b"),
		{Payload: &eventv1.NewEvent_LogLine{LogLine: &eventv1.NewLogLine{Level: eventv1.LogLevel_LOG_LEVEL_WARN, Text: "line"}}},
		{Payload: &eventv1.NewEvent_Warning{Warning: &eventv1.NewWarning{Code: "slow", Message: "m"}}},
	}
	for range 2 { // The second time is a repeat.
		if last, err := o.send(t, 1, events...); err != nil || last != 3 {
			t.Fatalf("last seq %d, %v", last, err)
		}
	}
	steps := []*eventv1.NewEvent{newProgress(300, 2), newProgress(200, 3), newText("c"), newProgress(400, 4)}
	for range 2 {
		if last, err := o.send(t, 4, steps...); err != nil || last != 7 {
			t.Fatalf("last seq %d, %v", last, err)
		}
	}
	if last, err := o.send(t, 8, newProgress(100, 5)); err != nil || last != 8 {
		t.Fatalf("last seq %d, %v", last, err)
	}
	// A repeat of progress that was raised is a repeat too.
	if last, err := o.send(t, 8, newProgress(100, 5)); err != nil || last != 8 {
		t.Fatalf("last seq %d, %v", last, err)
	}
	var permille []int32
	stored := decodeAll(o.page(t, o.p.BuildID))
	for _, e := range stored {
		if p := e.GetProgress(); p != nil {
			permille = append(permille, p.GetProgressPermille())
		}
	}
	if len(stored) != 8 || stored[0].GetAssistantText().GetDelta() != "ab" || stored[1].GetLogLine().GetText() != "line" ||
		stored[2].GetWarning().GetCode() != "slow" || !slices.Equal(permille, []int32{300, 300, 400, 400}) {
		t.Errorf("stored %v", stored)
	}
	var row [3]int32
	err := o.db.QueryRow(t.Context(), `SELECT progress_permille, step_index, step_count FROM builds WHERE id = $1`, o.p.BuildID).
		Scan(&row[0], &row[1], &row[2])
	if err != nil || row != [3]int32{400, 5, 9} {
		t.Errorf("the build says %v, %v", row, err)
	}
}

func TestRefusedAppendEvents(t *testing.T) {
	t.Parallel()
	o := newOutside(t)
	if _, err := o.send(t, 1, newText("one")); err != nil {
		t.Fatal(err)
	}
	good := o.p
	kinds := map[string]*eventv1.NewEvent{"text": newText("x"), "progress": newProgress(1, 1)}
	for name, event := range kinds {
		o.p = Producer{good.BuildID, good.LeaseToken + 1}
		_, err := o.send(t, 2, event)
		checkFault(t, err, connect.CodeAborted, "LEASE_LOST")
		o.p = Producer{uuid.New(), 1}
		_, err = o.send(t, 2, event)
		checkFault(t, err, connect.CodeNotFound, "NOT_FOUND")
		o.p = good
		for _, expected := range []int64{1, 3} {
			_, err = o.send(t, expected, event)
			checkFault(t, err, connect.CodeAborted, "SEQ_CONFLICT")
			if got := detail[*errorv1.SeqConflict](t, err); got.GetHeadSeq() != 1 {
				t.Errorf("%s at %d: the head is %v", name, expected, got)
			}
		}
	}
	for name, events := range map[string][]*eventv1.NewEvent{
		"none": nil, "101": slices.Repeat([]*eventv1.NewEvent{newText("x")}, 101), "empty": {{}}, "step 10 of 9": {newProgress(1, 10)},
	} {
		_, err := o.send(t, 2, events...)
		if connect.CodeOf(err) != connect.CodeInvalidArgument {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := o.db.Exec(t.Context(), `UPDATE builds SET state = 'cancelled', end_time = clock_timestamp() WHERE id = $1`, good.BuildID); err != nil {
		t.Fatal(err)
	}
	for _, event := range kinds {
		_, err := o.send(t, 2, event)
		checkFault(t, err, connect.CodeAborted, "LEASE_LOST")
	}
	if got := o.texts(t, good.BuildID); !slices.Equal(got, []string{"one"}) {
		t.Errorf("stored %q", got)
	}
}

func TestInternalEventsStayInternal(t *testing.T) {
	t.Parallel()
	o := newOutside(t)
	id := o.p.BuildID
	o.publish(t, o.p, textEvent("one"), fileEvent("a"))
	look := func() string {
		t.Helper()
		stream := o.open(t, o.client, &eventv1.StreamEventsRequest{BuildId: id.String(), Snapshot: true})
		stream.next()
		list, err := o.client.ListEvents(t.Context(), &eventv1.ListEventsRequest{BuildId: id.String()})
		heads, headErr := o.log.Heads(t.Context(), []uuid.UUID{id})
		floor, floorErr := o.log.Floor(t.Context(), id, 2)
		if err := errors.Join(err, headErr, floorErr); err != nil {
			t.Fatal(err)
		}
		list.ResumeToken = ""
		read := o.open(t, o.client, after(id, 0))
		read.until(func(m *eventv1.StreamEventsResponse) bool { return len(m.GetEvents()) > 0 })
		data, err := json.Marshal([]any{stream.last.GetSnapshot(), stream.last.GetHeadSeq(), list, eventSeqs(read.events), heads[id], floor})
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	before := look()
	for range 3 {
		if err := o.log.AppendInternal(t.Context(), o.db, id, "step", json.RawMessage(`{"secret":"none"}`)); err != nil {
			t.Fatal(err)
		}
	}
	if now := look(); now != before {
		t.Errorf("before\n%s\nnow\n%s", before, now)
	}
	o.publish(t, o.p, textEvent("three"))
	if got := seqs(o.page(t, id)); !slices.Equal(got, span64(1, 3)) {
		t.Errorf("stored %v", got)
	}
}

func TestListInternalEvents(t *testing.T) {
	t.Parallel()
	o := newOutside(t)
	// An admin is not the build's user.
	o.become(auth.Principal{UserID: uuid.New(), Role: auth.RoleAdmin})
	id, other := o.p.BuildID, o.build(t).BuildID
	big := json.RawMessage(`"` + strings.Repeat("x", MaxInternalBytes-2) + `"`)
	for i := range 7 {
		data := json.RawMessage{'0' + byte(i)}
		if i == 6 {
			data = big
		}
		if err := o.log.AppendInternal(t.Context(), o.db, id, "kind_"+string(rune('a'+i)), data); err != nil {
			t.Fatal(err)
		}
	}
	var kinds, data []string
	var page string
	for {
		res, err := o.client.ListInternalEvents(t.Context(), &eventv1.ListInternalEventsRequest{BuildId: id.String(), PageSize: 3, PageToken: page})
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range res.GetEvents() {
			kinds, data = append(kinds, e.GetKind()), append(data, e.GetDataJson())
		}
		if page = res.GetNextPageToken(); page == "" {
			break
		}
		_, err = o.client.ListInternalEvents(t.Context(), &eventv1.ListInternalEventsRequest{BuildId: other.String(), PageToken: page})
		checkFault(t, err, connect.CodeInvalidArgument, "PAGE_TOKEN_INVALID")
	}
	if !slices.Equal(kinds, []string{"kind_a", "kind_b", "kind_c", "kind_d", "kind_e", "kind_f", "kind_g"}) || data[5] != "5" || data[6] != string(big) {
		t.Errorf("listed %q", kinds)
	}
	_, err := o.client.ListInternalEvents(t.Context(), &eventv1.ListInternalEventsRequest{BuildId: uuid.NewString()})
	checkFault(t, err, connect.CodeNotFound, "NOT_FOUND")
	for name, bad := range map[string]struct {
		kind string
		data json.RawMessage
	}{"no kind": {"", big}, "a kind with blanks": {"a b", big}, "no JSON": {"a", nil}, "half": {"a", big[:9]}, "too large": {"a", append(slices.Clone(big), ' ')}} {
		if err := o.log.AppendInternal(t.Context(), o.db, id, bad.kind, bad.data); !errors.Is(err, ErrInternalEvent) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestInternalEventsOfManyAtOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	p := b.build(t)
	release := b.hold(t, p.BuildID) // They wait for no build.
	done := make(chan error, 5)
	for range cap(done) {
		go func() { done <- b.log.AppendInternal(t.Context(), b.db, p.BuildID, "k", json.RawMessage("{}")) }()
	}
	for range cap(done) {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	release()
	events, err := b.log.InternalPage(t.Context(), p.BuildID, 0, 100)
	if err != nil || len(events) != 5 || events[0].Seq != -1 || events[4].Seq != -5 {
		t.Errorf("%v, %v", events, err)
	}
}

// FuzzAppendText shows that no text of a model breaks an append.
func FuzzAppendText(f *testing.F) {
	for _, text := range []string{"", "plain", "a\x00b", "\xff\xfe", "\x00", "é\xc3", "\xed\xa0\x80"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, e := range []*eventv1.BuildEvent{
			textEvent(text), logEvent(text), fileEvent(text),
			{Payload: &eventv1.BuildEvent_TestResult{TestResult: &eventv1.TestResult{Failures: []*eventv1.TestFailure{{}, {Check: text}}}}},
		} {
			given := proto.CloneOf(e)
			rows, err := encodeAll([]*eventv1.BuildEvent{e})
			if err != nil {
				t.Fatal(err)
			}
			var back eventv1.BuildEvent
			if err := proto.Unmarshal(rows[0].payload, &back); err != nil || kindOf(&back) != kindOf(e) || int32(kindOf(e)) != int32(rows[0].kind) {
				t.Fatalf("%v: %v", &back, err)
			}
			if !proto.Equal(e, given) {
				t.Error("the caller's event was changed")
			}
			if want := CleanText(text); want != back.GetAssistantText().GetDelta()+back.GetLogLine().GetText()+back.GetFileChanged().GetPath()+
				checks(&back) || !utf8.ValidString(want) || strings.ContainsRune(want, 0) {
				t.Errorf("%q became %v", text, &back)
			}
		}
	})
}

func checks(e *eventv1.BuildEvent) string {
	var all strings.Builder
	for _, failure := range e.GetTestResult().GetFailures() {
		all.WriteString(failure.GetCheck())
	}
	return all.String()
}
