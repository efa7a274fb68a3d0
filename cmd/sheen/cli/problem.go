package cli

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"connectrpc.com/connect"

	"github.com/sheenapps/sheen/client"
	"github.com/sheenapps/sheen/cmd/sheen/view"
)

// addressed is an error of a server that the user named.
type addressed struct {
	url string
	err error
}

func (e *addressed) Error() string { return e.err.Error() }

func (e *addressed) Unwrap() error { return e.err }

// sentence says what went wrong and what to do about it.
func sentence(err error) string {
	url := "the server"
	if at, ok := errors.AsType[*addressed](err); ok {
		url = at.url
	}
	if low, ok := errors.AsType[*client.InsufficientAITime](err); ok {
		return insufficient(low)
	}
	if busy, ok := errors.AsType[*client.BuildInProgress](err); ok {
		return "the project already builds: watch it with `sheen watch " + busy.Detail.GetBuildId() + "`"
	}
	if expired, ok := errors.AsType[*client.HistoryExpired](err); ok {
		return fmt.Sprintf("the history before event %d is no longer kept: pass --from-seq %[1]d", expired.Detail.GetFirstSeq())
	}
	base, ok := errors.AsType[*client.Error](err)
	if !ok {
		return strings.TrimSpace(err.Error())
	}
	switch {
	case errors.Is(err, client.ErrUnauthenticated):
		return url + " refused the token: make a new one with `sheen token` on its machine and pass it with --token"
	case errors.Is(err, client.ErrUnavailable) && base.Reason == "":
		return "no Sheen answers at " + url + ": start one with `sheen serve --embedded`, or correct --server"
	case errors.Is(err, client.ErrUnavailable):
		return url + " is not able to work at the moment (" + base.Message + "): try again in a minute"
	case errors.Is(err, client.ErrResourceExhausted) && base.RetryAfter > 0:
		return "too many requests: try again in " + base.RetryAfter.Round(time.Second).String()
	case errors.Is(err, client.ErrUnimplemented) && base.Reason == "":
		return "what answers at " + url + " is not a Sheen: correct --server"
	case errors.Is(err, client.ErrNotFound):
		return "there is no such build, or it is another user's: check its id and the token"
	case base.Code == connect.CodeDeadlineExceeded:
		return url + " did not answer in time: try again, or look at its log"
	default:
		return fault(base)
	}
}

// fault is the server's own sentence, and where to look for more.
func fault(err *client.Error) string {
	if err.RequestID == "" {
		return err.Message
	}
	return err.Message + " (request " + err.RequestID + " in the server's log)"
}

func insufficient(low *client.InsufficientAITime) string {
	d := low.Detail
	text := fmt.Sprintf("not enough AI time: the build needs %s and the account has %s",
		view.Seconds(d.GetRequiredSeconds()), view.Seconds(d.GetSpendableSeconds()))
	if url := d.GetPurchaseUrl(); url != "" {
		return text + ": buy more at " + url
	}
	if reset := d.GetDailyGiftResetTime(); reset != nil {
		return text + ": the next daily gift comes at " + reset.AsTime().Local().Format("15:04 on 2 January")
	}
	return text + ": ask for more"
}
