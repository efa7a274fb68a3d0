package enginetest

import (
	"bytes"
	"context"
	"reflect"
	"testing"

	"github.com/sheenapps/sheen/server/engine"
)

// testUpdate changes the site that the engine has made: the plan names only files
// that change or are new, and Write streams these and no others.
func testUpdate(t *testing.T, e engine.Engine) {
	first := NewRecorder()
	if _, err := e.Write(context.Background(), Request(), planned(t, e), nil, first.Sink()); err != nil {
		t.Fatalf("Write: %v", err)
	}
	req := Request()
	req.Operation, req.Prompt = engine.Update, "Add a list of frequently asked questions"
	for _, name := range first.Order {
		req.Base = append(req.Base, engine.File{Path: name, Content: first.Files[name]})
	}
	plan, _, err := e.Plan(context.Background(), req, NewRecorder().Sink())
	if err != nil {
		t.Fatalf("Plan of an update: %v", err)
	}
	rec := NewRecorder()
	if _, err := e.Write(context.Background(), req, plan, nil, rec.Sink()); err != nil {
		t.Fatalf("Write of an update: %v", err)
	}
	want := paths(plan.Files)
	if len(want) == 0 || !reflect.DeepEqual(rec.Order, want) {
		t.Errorf("the update planned %v and wrote %v, want the same and some", want, rec.Order)
	}
	for name, content := range rec.Files {
		if old, ok := first.Files[name]; ok && bytes.Equal(old, content) {
			t.Errorf("the update wrote %s and did not change it", name)
		}
	}
	for _, name := range plan.Dropped {
		if _, ok := first.Files[name]; !ok {
			t.Errorf("the update drops %s, which its base does not have", name)
		}
	}
}
