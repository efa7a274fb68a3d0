package cli

import (
	"context"
	"flag"
	"fmt"
	"text/tabwriter"
	"time"

	billingv1 "github.com/sheenapps/sheen/gen/sheen/billing/v1"
	"github.com/sheenapps/sheen/server"
	"github.com/sheenapps/sheen/server/auth"
)

// auditTimeout is as long as the server lets an audit take.
const auditTimeout = 5 * time.Minute

// auditFlags are the flags of `sheen audit`.
type auditFlags struct {
	remoteFlags

	dataDir     *server.ConfigFlags
	onlySubject bool
}

func (a *auditFlags) bind(f *flag.FlagSet) {
	a.remoteFlags.bind(f)
	a.dataDir = server.BindDataDir(f)
	f.BoolVar(&a.onlySubject, "only-subject", false, "check the account of the token's user instead of all")
}

func runAudit(ctx context.Context, p *Program, args []string) error {
	var own auditFlags
	flags := newFlags("audit")
	own.bind(flags)
	rest, err := parse(flags, args)
	if err != nil {
		return err
	}
	if len(rest) > 0 {
		return usagef("`sheen audit` takes flags only: leave %q out", rest[0])
	}
	if err := own.check(p); err != nil {
		return err
	}
	at, err := own.find(p, own.dataDir, auth.RoleAdmin)
	if err != nil {
		return err
	}
	defer at.client.CloseIdleConnections()
	signals := listen(ctx, p.Signals)
	defer signals.release()
	bounded, cancel := context.WithTimeout(signals.asked, auditTimeout)
	defer cancel()
	found, err := at.client.Billing.VerifyLedger(bounded, &billingv1.VerifyLedgerRequest{OnlySubject: own.onlySubject})
	if err != nil {
		return at.problem(signals, err)
	}
	if found.GetOk() {
		fmt.Fprintln(p.Stdout, "ok")
		return nil
	}
	p.showViolations(found.GetViolations())
	return errAuditFailed
}

// showViolations prints a table of what an audit found.
func (p *Program) showViolations(violations []*billingv1.LedgerViolation) {
	table := tabwriter.NewWriter(p.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "RULE\tACCOUNT\tWHAT WAS FOUND")
	for _, violation := range violations {
		fmt.Fprintf(table, "%s\t%s\t%s\n", violation.GetRule(), violation.GetAccountId(), violation.GetDescription())
	}
	_ = table.Flush() // what cannot be printed cannot be complained about
}
