package server_test

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	billingv1 "github.com/sheenapps/sheen/gen/sheen/billing/v1"
	"github.com/sheenapps/sheen/server"
	"github.com/sheenapps/sheen/server/auth"
	"github.com/sheenapps/sheen/server/servertest"
	"github.com/sheenapps/sheen/store"
)

// TestAWorkerAuditsTheLedger starts a worker on books that are wrong.
func TestAWorkerAuditsTheLedger(t *testing.T) {
	t.Parallel()
	b := servertest.Start(t, func(cfg *server.Config) { cfg.Roles = server.Roles{API: true} })
	owner := b.As(t, uuid.New(), auth.RoleAdmin)
	_, err := owner.Billing.Reserve(t.Context(), &billingv1.ReserveRequest{
		IdempotencyKey: "k", Operation: billingv1.Operation_OPERATION_UPDATE, Seconds: 10,
	})
	if err != nil {
		t.Fatal(err)
	}
	wantAudit(t, owner, false)
	db, err := store.Open(t.Context(), b.DatabaseURL)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	if _, err := db.Exec(t.Context(), "update account set shortfall_seconds = 7"); err != nil {
		t.Fatal(err)
	}
	wantAudit(t, owner, false, "totals_match_journal")
	wantAudit(t, owner, true, "totals_match_journal")
	wantAudit(t, b.As(t, uuid.New(), auth.RoleAdmin), true)

	worker := servertest.Join(t, b, func(cfg *server.Config) { cfg.MetricsListen = "127.0.0.1:0" })
	deadline := time.Now().Add(30 * time.Second)
	var page string
	for !regexp.MustCompile(`(?m)^sheen_ledger_audit_timestamp_seconds [1-9]`).MatchString(page) {
		if time.Now().After(deadline) {
			t.Fatalf("no audit:\n%s", page)
		}
		_, page = plainGet(t, "http://"+worker.MetricsAddr()+"/metrics", nil)
	}
	// The page with the time may have been read while the rest was being set.
	_, page = plainGet(t, "http://"+worker.MetricsAddr()+"/metrics", nil)
	for _, line := range []string{
		`sheen_ledger_violations{rule="totals_match_journal"} 1`,
		`sheen_ledger_violations{rule="chain_intact"} 0`,
	} {
		if !strings.Contains(page, line+"\n") {
			t.Errorf("no %s in\n%s", line, page)
		}
	}
}

// wantAudit compares the rules that an audit finds broken.
func wantAudit(t *testing.T, who *servertest.Clients, onlySubject bool, rules ...string) {
	t.Helper()
	got, err := who.Billing.VerifyLedger(t.Context(), &billingv1.VerifyLedgerRequest{OnlySubject: onlySubject})
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, violation := range got.GetViolations() {
		found = append(found, violation.GetRule())
	}
	if got.GetOk() != (len(rules) == 0) || strings.Join(found, " ") != strings.Join(rules, " ") {
		t.Errorf("audit found %v, want %v", got, rules)
	}
}
