package store_test

import (
	"slices"
	"testing"

	"github.com/google/uuid"

	"github.com/sheenapps/sheen/store/storetest"
)

// UUIDs, nullable ones and arrays come back as they were sent.
func TestUUIDs(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	id, other := uuid.New(), uuid.New()
	var nothing *uuid.UUID
	var got, text uuid.UUID
	var some, none *uuid.UUID
	var many, empty []uuid.UUID
	err := db.QueryRow(t.Context(), "select $1::uuid, $2::uuid, $3::uuid, $4::uuid[], $5::uuid[], $6::text::uuid",
		id, &other, nothing, []uuid.UUID{id, other}, []uuid.UUID{}, id.String()).Scan(&got, &some, &none, &many, &empty, &text)
	if err != nil {
		t.Fatal(err)
	}
	if got != id || text != id || some == nil || *some != other || none != nil || !slices.Equal(many, []uuid.UUID{id, other}) || len(empty) != 0 {
		t.Errorf("got %v %v %v %v %v %v", got, text, some, none, many, empty)
	}
	if err := db.QueryRow(t.Context(), "select null::uuid").Scan(&got); err == nil {
		t.Error("null was read as a uuid")
	}
	if err := db.QueryRow(t.Context(), "select 1::bigint").Scan(&got); err == nil {
		t.Error("a number was read as a uuid")
	}
}
