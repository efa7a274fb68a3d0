package webhook

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	buildv1 "github.com/sheenapps/sheen/gen/sheen/build/v1"
	"github.com/sheenapps/sheen/store"
)

// Both statements that append fill the outbox with what each endpoint wants.
func TestOutbox(t *testing.T) {
	t.Parallel()
	b := setup(t)
	standard, _ := b.endpoint(t, "https://example.com/a")
	texts, _ := b.endpoint(t, "https://example.com/b", "assistant_text", "build_completed")
	gone, _ := b.endpoint(t, "https://example.com/c")
	if _, err := b.queries.WebhookEndpointDelete(t.Context(), b.db, &store.WebhookEndpointDeleteParams{ID: gone, UserID: b.user}); err != nil {
		t.Fatal(err)
	}
	first, second := b.build(t), b.build(t)
	user := b.user
	b.user = uuid.New()
	stranger := b.build(t)
	b.user = user
	b.append(t, first, phase(1), text("a"), text("b"))
	b.append(t, second) // Every build begins with this statement.
	b.append(t, stranger, phase(1), completed())

	classes, kinds, payloads := columns(t, append(all(phase(2), text("c"), completed()), all(text("d"), phase(1))...))
	_, err := b.queries.EventAppendMany(t.Context(), b.db, &store.EventAppendManyParams{
		BuildIds: []uuid.UUID{first, second}, LeaseTokens: []int64{0, 0}, ExpectedSeqs: []int64{0, 0},
		FirstEvents: []int64{1, 4}, LastEvents: []int64{3, 5}, Classes: classes, Kinds: kinds, Payloads: payloads,
	})
	if err != nil {
		t.Fatal(err)
	}
	show := func(endpointID uuid.UUID) string {
		var out strings.Builder
		for _, d := range b.deliveries(t, endpointID) {
			fmt.Fprintf(&out, "%d:%s ", d.Seq, typeOf(d.Kind))
		}
		return out.String()
	}
	if got, want := show(standard), "1:phase_changed 4:phase_changed 6:build_completed 2:phase_changed "; got != want {
		t.Errorf("standard types: %s, want %s", got, want)
	}
	if got, want := show(texts), "2:assistant_text 3:assistant_text 5:assistant_text 6:build_completed 1:assistant_text "; got != want {
		t.Errorf("texts: %s, want %s", got, want)
	}
	var n int
	if err := b.db.QueryRow(t.Context(), "SELECT count(*) FROM webhook_deliveries").Scan(&n); err != nil || n != 9 {
		t.Errorf("%d deliveries in all, want 9, %v", n, err)
	}
	// What is stored is the event itself.
	rows, err := b.db.Query(t.Context(), `SELECT count(*) FROM webhook_deliveries d
		JOIN build_events e USING (build_id, seq, class, kind, create_time, payload)`)
	if err != nil {
		t.Fatal(err)
	}
	if same, err := pgx.CollectExactlyOneRow(rows, pgx.RowTo[int]); err != nil || same != 9 {
		t.Errorf("%d deliveries are as their events, %v", same, err)
	}
}

// An event and its deliveries are stored together or not at all.
func TestOutboxSharesTheTransaction(t *testing.T) {
	t.Parallel()
	b := setup(t)
	endpoint, _ := b.endpoint(t, "https://example.com/a")
	build := b.build(t)
	classes, kinds, payloads := columns(t, all(phase(buildv1.BuildState_BUILD_STATE_PLANNING)))
	refused := errors.New("refused")
	err := store.InTx(t.Context(), b.db, func(tx pgx.Tx) error {
		_, err := b.queries.EventAppend(t.Context(), tx, &store.EventAppendParams{
			BuildID: build, Classes: classes, Kinds: kinds, Payloads: payloads,
		})
		return errors.Join(err, refused)
	})
	if !errors.Is(err, refused) {
		t.Fatal(err)
	}
	if n := len(b.deliveries(t, endpoint)); n != 0 || b.pump(t) != 0 {
		t.Errorf("%d deliveries of an event that is not there", n)
	}
}
