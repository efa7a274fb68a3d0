package migrations_test

import (
	"database/sql"
	"slices"
	"strings"
	"testing"

	_ "github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"

	"github.com/sheenapps/sheen/migrations"
	"github.com/sheenapps/sheen/store/storetest"
)

// TestReversible takes the migrations down one by one, then each of them up,
// down and up again, then all at once. What a Down forgets shows in the schema
// or breaks the second Up.
func TestReversible(t *testing.T) {
	t.Parallel()
	db, provider := open(t)
	sources := provider.ListSources()

	// states[i] is the schema with the first i migrations.
	states := make([][]string, len(sources)+1)
	states[len(sources)] = schema(t, db)
	for i, source := range slices.Backward(sources) {
		if _, err := provider.Down(t.Context()); err != nil {
			t.Fatalf("%s down: %v", source.Path, err)
		}
		states[i] = schema(t, db)
		if slices.Equal(states[i], states[i+1]) {
			t.Errorf("%s down: the schema is the same as before", source.Path)
		}
	}
	if len(states[0]) != 0 {
		t.Errorf("all down leaves behind:\n%s", strings.Join(states[0], "\n"))
	}
	for i, source := range sources {
		for _, direction := range []string{"up", "down", "up"} {
			step, want := provider.UpByOne, states[i+1]
			if direction == "down" {
				step, want = provider.Down, states[i]
			}
			if _, err := step(t.Context()); err != nil {
				t.Fatalf("%s %s again: %v", source.Path, direction, err)
			}
			compare(t, source.Path+" "+direction+" again", schema(t, db), want)
		}
	}
	if _, err := provider.DownTo(t.Context(), 0); err != nil {
		t.Fatalf("all down: %v", err)
	}
	if _, err := provider.Up(t.Context()); err != nil {
		t.Fatalf("all up: %v", err)
	}
	compare(t, "all up again", schema(t, db), states[len(sources)])
}

// TestNames keeps the order of the files plain to see.
func TestNames(t *testing.T) {
	t.Parallel()
	_, provider := open(t)
	for i, source := range provider.ListSources() {
		if source.Version != int64(i+1) {
			t.Errorf("%s has version %d, want %d", source.Path, source.Version, i+1)
		}
		if digits, _, ok := strings.Cut(source.Path, "_"); !ok || len(digits) != 5 {
			t.Errorf("%s: want five digits, an underscore and a name", source.Path)
		}
	}
}

// open returns a fresh database with all migrations applied.
func open(t *testing.T) (*sql.DB, *goose.Provider) {
	t.Helper()
	db, err := sql.Open("pgx", storetest.URL(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	provider, err := goose.NewProvider(goose.DialectPostgres, db, migrations.Files)
	if err != nil {
		t.Fatal(err)
	}
	return db, provider
}

// describe lists everything that a migration can make, a line each. River's and
// goose's own things are theirs.
const describe = `
with thing (line, owner) as (
	select format('column %s.%s %s null=%s default=%s', table_name, column_name, data_type, is_nullable, column_default), table_name
	from information_schema.columns where table_schema = 'public'
	union all
	select format('constraint %s.%s %s', c.conrelid::regclass, c.conname, pg_get_constraintdef(c.oid)), c.conrelid::regclass::text
	from pg_constraint c where c.connamespace = 'public'::regnamespace
	union all
	select indexdef, tablename from pg_indexes where schemaname = 'public'
	union all
	select pg_get_triggerdef(t.oid), t.tgrelid::regclass::text from pg_trigger t where not t.tgisinternal
	union all
	select pg_get_functiondef(p.oid), p.proname from pg_proc p where p.pronamespace = 'public'::regnamespace and p.prokind <> 'a'
	union all
	select format('relation %s %s', c.relkind, c.relname), c.relname from pg_class c
	where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p', 'v', 'm', 'S')
	union all
	select format('type %s', t.typname), t.typname from pg_type t
	where t.typnamespace = 'public'::regnamespace and t.typtype in ('e', 'd')
	union all
	select format('extension %s', e.extname), e.extname from pg_extension e where e.extname <> 'plpgsql'
)
select line from thing where owner !~ '^(river|goose)_' order by line`

func schema(t *testing.T, db *sql.DB) []string {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), describe)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var lines []string
	for rows.Next() {
		var line string
		if err := rows.Scan(&line); err != nil {
			t.Fatal(err)
		}
		lines = append(lines, line)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return lines
}

// compare reports the lines that are on one side only.
func compare(t *testing.T, what string, got, want []string) {
	t.Helper()
	for _, line := range got {
		if !slices.Contains(want, line) {
			t.Errorf("%s: too much: %s", what, line)
		}
	}
	for _, line := range want {
		if !slices.Contains(got, line) {
			t.Errorf("%s: missing: %s", what, line)
		}
	}
}
