package billing_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/sheenapps/sheen/server/billing"
	"github.com/sheenapps/sheen/server/billing/meter"
	"github.com/sheenapps/sheen/store"
)

// firstSpends lets four callers reserve 60 % of each of n accounts that nobody
// has met. One of each four may.
func firstSpends(t *testing.T, n int) {
	t.Helper()
	b := setup(t)
	const callers = 4
	accounts := make([]uuid.UUID, n)
	for i := range accounts {
		accounts[i] = uuid.New()
	}
	won := map[uuid.UUID]int{}
	for i, err := range together(n*callers, func(i int) error {
		return store.InShortTx(t.Context(), b.db, func(tx store.Tx) error {
			_, _, err := b.Reserve(t.Context(), tx, billing.ReserveRequest{
				AccountID: accounts[i%n], Operation: meter.MainBuild, Seconds: 2340,
			})
			return err
		})
	}) {
		refusal, refused := errors.AsType[*billing.InsufficientError](err)
		switch {
		case err == nil:
			won[accounts[i%n]]++
		case !refused || refusal.SpendableSeconds != 1560 || refusal.HeldSeconds != 2340:
			t.Error(err)
		}
	}
	for _, account := range accounts {
		if won[account] != 1 {
			t.Errorf("%d holds of 60 %% were granted", won[account])
		}
	}
	if gifts := b.count("select count(*) from credit_grant"); gifts != 2*n {
		t.Errorf("%d gifts for %d accounts", gifts, n)
	}
}

func TestFirstSpendOfManyAccounts(t *testing.T) {
	t.Parallel()
	firstSpends(t, 50)
}

// doubledRequests sends n requests twice at the same time, half of them reserves
// and half commits. Each has one effect, and both callers get its answer.
func doubledRequests(t *testing.T, n int) {
	t.Helper()
	b := setup(t)
	const callers, each = 8, 4 // each caller's accounts
	for _, err := range together(callers, func(caller int) error {
		accounts := [each]uuid.UUID{uuid.New(), uuid.New(), uuid.New(), uuid.New()}
		for i := range n / 2 / callers {
			if err := doubledPair(b, accounts[i%each], uuid.NewString(), (i+caller)%2 == 0); err != nil {
				return err
			}
		}
		return nil
	}) {
		if err != nil {
			t.Error(err)
		}
	}
	want := n / 2 / callers * callers
	for kind, query := range map[string]string{
		"holds":   "select count(*) from journal where kind = 'hold'",
		"commits": "select count(*) from journal where kind = 'commit' and consumed_delta = 0",
		"keys":    "select count(distinct (account_id, idempotency_key)) from journal where kind = 'hold'",
	} {
		if got := b.count(query); got != want {
			t.Errorf("%d %s of %d", got, kind, want)
		}
	}
}

var errTwoAnswers = errors.New("two answers to one request")

// doubledPair reserves and commits, each twice at once.
func doubledPair(b *testBundle, account uuid.UUID, key string, short bool) error {
	var requests [2]any
	requests[0] = billing.ReserveRequest{AccountID: account, Operation: meter.Update, Seconds: 3000, Key: key}
	for i := range requests {
		var answers [2]answer
		failures := together(2, func(twin int) (err error) {
			answers[twin], err = ask(b.t.Context(), b.Ledger, b.db, requests[i], short)
			return err
		})
		if err := errors.Join(failures...); err != nil {
			return err
		}
		if answers[0] != answers[1] || answers[0].Refusal != "" {
			return errTwoAnswers
		}
		requests[1] = billing.CommitRequest{
			AccountID: account, HoldID: answers[0].Hold.ID, Outcome: meter.FailedPlatform, Active: time.Second,
		}
	}
	return nil
}

func TestManyDoubledRequests(t *testing.T) {
	t.Parallel()
	doubledRequests(t, 2000)
}
