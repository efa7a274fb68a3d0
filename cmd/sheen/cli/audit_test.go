package cli_test

import (
	"strings"
	"testing"

	"connectrpc.com/connect"
	"github.com/golang-jwt/jwt/v5"

	billingv1 "github.com/sheenapps/sheen/gen/sheen/billing/v1"
	"github.com/sheenapps/sheen/server/auth"
)

func TestAudit(t *testing.T) {
	t.Parallel()
	host := newAPI(t)
	found := []*billingv1.LedgerViolation{
		{Rule: "chain_intact", AccountId: buildID, Description: "row 3 is not what was written after row 2"},
		{Rule: "totals_match_grants", AccountId: buildID, Description: "one too many"},
	}
	table := "RULE                 ACCOUNT                               WHAT WAS FOUND\n" +
		"chain_intact         " + buildID + "  row 3 is not what was written after row 2\n" +
		"totals_match_grants  " + buildID + "  one too many\n"
	for _, test := range []struct {
		violations  []*billingv1.LedgerViolation
		onlySubject bool
		code        int
		says        string
	}{
		{code: 0, says: "ok\n"},
		{onlySubject: true, code: 0, says: "ok\n"},
		{violations: found, code: 1, says: table},
	} {
		host.violations = test.violations
		args := []string{"audit", "--server", host.url, "--token", "t"}
		if test.onlySubject {
			args = append(args, "--only-subject")
		}
		r := newRun(t, nil, nil, args...)
		if code := r.program.Run(t.Context()); code != test.code || r.stderr.String() != "" || r.stdout.String() != test.says {
			t.Errorf("exit status %d: %s%s", code, r.stderr, r.stdout)
		}
		if asked := host.audits[len(host.audits)-1]; asked.GetOnlySubject() != test.onlySubject {
			t.Errorf("asked %v", asked)
		}
	}
}

func TestAuditRefused(t *testing.T) {
	t.Parallel()
	host := newAPI(t)
	host.refuse = refusal(t, connect.CodePermissionDenied, "PERMISSION_DENIED")
	r := newRun(t, nil, map[string]string{"SHEEN_TOKEN": "t"}, "audit", "--server", host.url)
	if code := r.program.Run(t.Context()); code != 1 || r.stdout.String() != "" || r.stderr.String() != "sheen: the words of the server (request r1 in the server's log)\n" {
		t.Errorf("exit status %d: %s%s", code, r.stderr, r.stdout)
	}
}

// The Sheen of the data folder is asked as an admin.
func TestAuditTheLocalSheen(t *testing.T) {
	t.Parallel()
	host := newAPI(t)
	dataDir := beside(t, host)
	if _, err := auth.LoadOrCreateKey(dataDir); err != nil {
		t.Fatal(err)
	}
	r := newRun(t, nil, nil, "audit", "--data-dir", dataDir)
	if code := r.program.Run(t.Context()); code != 0 || r.stdout.String() != "ok\n" {
		t.Fatalf("exit status %d: %s", code, r.stderr)
	}
	claims := jwt.MapClaims{}
	token := strings.TrimPrefix(host.tokens[0], "Bearer ")
	if _, _, err := jwt.NewParser().ParseUnverified(token, claims); err != nil || claims["role"] != "admin" {
		t.Errorf("asked with %v: %v", claims, err)
	}
}

func TestAuditHelp(t *testing.T) {
	t.Parallel()
	r := newRun(t, nil, nil, "help", "audit")
	if code := r.program.Run(t.Context()); code != 0 {
		t.Errorf("exit status %d: %s", code, r.stderr)
	}
	for _, want := range []string{"Usage: sheen audit ", "  --only-subject ", "  --server URL ", "token of an admin"} {
		if !strings.Contains(r.stdout.String(), want) {
			t.Errorf("%q is missing in\n%s", want, r.stdout)
		}
	}
}
