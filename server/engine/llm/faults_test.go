package llm_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sheenapps/sheen/server/engine"
	"github.com/sheenapps/sheen/server/engine/anthropic"
	"github.com/sheenapps/sheen/server/engine/enginetest"
	"github.com/sheenapps/sheen/server/engine/llm"
	"github.com/sheenapps/sheen/server/engine/llmtest"
	"github.com/sheenapps/sheen/server/engine/openai"
)

// bundle is an engine before a provider of a format.
type bundle struct {
	*llm.Engine

	provider *llmtest.Provider
	format   llmtest.Format

	mu    sync.Mutex
	waits []time.Duration
}

var price = llm.Price{Input: 2_000_000, Output: 10_000_000, CacheRead: 200_000, CacheWrite: 2_500_000}

func setup(t *testing.T, format llmtest.Format, change ...func(*llm.Options)) *bundle {
	t.Helper()
	b := &bundle{provider: llmtest.Start(t, format), format: format}
	options := llm.Options{Price: price, Wait: func(ctx context.Context, d time.Duration) error {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.waits = append(b.waits, d)
		return context.Cause(ctx)
	}}
	for _, f := range change {
		f(&options)
	}
	b.Engine = llm.New(wire(format, b.provider.BaseURL()), options)
	t.Cleanup(b.CloseIdle)
	return b
}

func wire(format llmtest.Format, url string) llm.Wire {
	if format == llmtest.OpenAI {
		return openai.New(llm.Access{Key: llmtest.Key, BaseURL: url})
	}
	return anthropic.New(llm.Access{Key: llmtest.Key, BaseURL: url})
}

// both runs a test with both formats.
func both(t *testing.T, test func(t *testing.T, format llmtest.Format)) {
	for _, format := range []llmtest.Format{llmtest.Anthropic, llmtest.OpenAI} {
		t.Run(string(format), func(t *testing.T) { t.Parallel(); test(t, format) })
	}
}

// onePage is a plan of one file, so that a fault meets one call.
func onePage() *engine.Plan {
	return &engine.Plan{
		Title: "Salon Iris", Summary: "A salon.", Locale: "en",
		Files: []engine.PlannedFile{{Path: "index.html", Purpose: "the front page"}},
	}
}

const write = "write:index.html"

func failedCalls(rec *enginetest.Recorder) (failed, succeeded int) {
	for _, call := range rec.Made {
		if call.Failed {
			failed++
		} else {
			succeeded++
		}
	}
	return failed, succeeded
}

// A passing fault is gone the second time; nothing of the first try is seen.
func TestPassingFaults(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		fault llmtest.Fault
		waits time.Duration
	}{
		"cut":               {fault: llmtest.Cut()},
		"429":               {fault: llmtest.Status(429, "")},
		"429 with seconds":  {fault: llmtest.Status(429, "7"), waits: 7 * time.Second},
		"429 at the limit":  {fault: llmtest.Status(429, "30"), waits: 30 * time.Second},
		"429 with a date":   {fault: llmtest.Status(429, time.Now().Add(20*time.Second).UTC().Format(http.TimeFormat)), waits: 10 * time.Second},
		"429 with nonsense": {fault: llmtest.Status(429, "soon")},
		"500":               {fault: llmtest.Status(500, "")},
		"503, no JSON":      {fault: llmtest.Status(503, "")},
		"529":               {fault: llmtest.Status(529, "")},
		"an error event":    {fault: llmtest.ErrorEvent()},
		"garbage":           {fault: llmtest.Garbage()},
		"malformed":         {fault: llmtest.Malformed()},
		"no tool":           {fault: llmtest.NoTool()},
		"silence":           {fault: llmtest.Silent()},
	}
	both(t, func(t *testing.T, format llmtest.Format) {
		for name, test := range tests {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				b := setup(t, format, func(o *llm.Options) {
					if name == "silence" {
						o.Silence = 100 * time.Millisecond
					}
				})
				b.provider.Inject(write, test.fault)
				rec := enginetest.NewRecorder()
				usage, err := b.Write(t.Context(), enginetest.Request(), onePage(), nil, rec.Sink())
				if err != nil {
					t.Fatal(err)
				}
				if failed, succeeded := failedCalls(rec); failed != 1 || succeeded != 1 || b.provider.Count(write) != 2 {
					t.Errorf("%d failed, %d succeeded, %d requests", failed, succeeded, b.provider.Count(write))
				}
				if len(b.waits) != 1 || b.waits[0] < test.waits || test.waits == 0 && b.waits[0] >= time.Second {
					t.Errorf("waited %v, want at least %v", b.waits, test.waits)
				}
				if len(rec.Files) != 1 || len(rec.Faults) > 0 || usage.CostMicros != rec.Made[0].CostMicros+rec.Made[1].CostMicros {
					t.Errorf("wrote %v, used %+v, faults %v", rec.Order, usage, rec.Faults)
				}
			})
		}
	})
}

// What will not pass is not tried again, and says what it is.
func TestFinalFaults(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		fault llmtest.Fault
		want  error
		after time.Duration
		only  llmtest.Format
	}{
		"key":             {fault: llmtest.Status(401, "")},
		"no such model":   {fault: llmtest.Status(404, "")},
		"no money":        {fault: llmtest.Status(402, ""), only: llmtest.OpenAI},
		"too long a wait": {fault: llmtest.Status(429, "31"), after: 31 * time.Second},
		"too long":        {fault: llmtest.Status(400, ""), want: engine.ErrTooLong},
		"cut at length":   {fault: llmtest.Length(), want: engine.ErrTooLong},
		"refused":         {fault: llmtest.Refusal(), want: engine.ErrRefused},
		"filtered":        {fault: llmtest.Filter(), want: engine.ErrRefused, only: llmtest.OpenAI},
	}
	both(t, func(t *testing.T, format llmtest.Format) {
		for name, test := range tests {
			if test.only != "" && test.only != format {
				continue
			}
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				b := setup(t, format)
				b.provider.Inject(write, test.fault)
				rec := enginetest.NewRecorder()
				_, err := b.Write(t.Context(), enginetest.Request(), onePage(), nil, rec.Sink())
				if b.provider.Count(write) != 1 || len(rec.Made) != 1 || !rec.Made[0].Failed || rec.Calls() != 0 {
					t.Errorf("%d requests, calls %+v", b.provider.Count(write), rec.Made)
				}
				provider, isProvider := errors.AsType[*engine.ProviderError](err)
				switch {
				case test.want != nil:
					if !errors.Is(err, test.want) || isProvider {
						t.Errorf("got %v, want %v", err, test.want)
					}
				case !isProvider || provider.RetryAfter != test.after || provider.Retryable != (test.after > 0) || provider.Provider != string(format):
					t.Errorf("got %#v", err)
				}
				if strings.Contains(fmt.Sprint(err), llmtest.Key) || strings.Contains(fmt.Sprint(err), "sk-test") {
					t.Errorf("the key is in %v", err)
				}
			})
		}
	})
}

func TestFourTries(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, format llmtest.Format) {
		b := setup(t, format)
		b.provider.Inject(write, llmtest.Always(llmtest.Status(529, "")))
		rec := enginetest.NewRecorder()
		_, err := b.Write(t.Context(), enginetest.Request(), onePage(), nil, rec.Sink())
		if p, ok := errors.AsType[*engine.ProviderError](err); !ok || !p.Retryable {
			t.Errorf("got %v", err)
		}
		if b.provider.Count(write) != 4 || len(rec.Made) != 4 || len(b.waits) != 3 {
			t.Errorf("%d requests, %d calls, waits %v", b.provider.Count(write), len(rec.Made), b.waits)
		}
		for i, d := range b.waits {
			if d >= time.Second<<i {
				t.Errorf("wait %d is %v", i+1, d)
			}
		}
	})
}

// Words that were seen are not said again: a cut is final, and only the plan that
// was missing behind them is asked for, in silence.
func TestAfterTheFirstWord(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, format llmtest.Format) {
		whole := enginetest.NewRecorder()
		if _, _, err := setup(t, format).Plan(t.Context(), enginetest.Request(), whole.Sink()); err != nil {
			t.Fatal(err)
		}
		b := setup(t, format)
		b.provider.Inject("plan", llmtest.CutLate())
		rec := enginetest.NewRecorder()
		_, _, err := b.Plan(t.Context(), enginetest.Request(), rec.Sink())
		if p, ok := errors.AsType[*engine.ProviderError](err); !ok || !p.Retryable || b.provider.Count("plan") != 1 {
			t.Errorf("a cut behind the first word: %v after %d requests", err, b.provider.Count("plan"))
		}
		if rec.Text == "" || !strings.HasPrefix(whole.Text, rec.Text) {
			t.Errorf("said %q", rec.Text)
		}
		for _, fault := range []llmtest.Fault{llmtest.NoTool(), llmtest.MalformedPlan()} {
			b := setup(t, format)
			b.provider.Inject("plan", fault, llmtest.CutLate())
			rec := enginetest.NewRecorder()
			plan, _, err := b.Plan(t.Context(), enginetest.Request(), rec.Sink())
			if err != nil || plan.Title != "Salon Iris" || rec.Text != whole.Text || len(rec.Made) != 3 {
				t.Errorf("without a plan: %v, said %q in %d calls", err, rec.Text, len(rec.Made))
			}
			if last := b.provider.Requests()[2]; last.Forced != (format == llmtest.OpenAI) {
				t.Errorf("forced: %v", last.Forced)
			}
		}
	})
}

// A context that ends closes the request, and the provider sees it soon.
func TestCancelClosesTheRequest(t *testing.T) {
	t.Parallel()
	stop := errors.New("stop")
	both(t, func(t *testing.T, format llmtest.Format) {
		b := setup(t, format)
		hold := b.provider.Hold(write)
		ctx, cancel := context.WithCancelCause(t.Context())
		go func() { <-hold.Arrived; cancel(stop) }()
		rec := enginetest.NewRecorder()
		_, err := b.Write(ctx, enginetest.Request(), onePage(), nil, rec.Sink())
		begun := time.Now()
		if !errors.Is(err, stop) || len(rec.Made) != 1 || !rec.Made[0].Failed || rec.Calls() != 0 {
			t.Errorf("got %v, calls %+v", err, rec.Made)
		}
		for b.provider.Closed() == 0 {
			if time.Since(begun) > 2*time.Second {
				t.Fatal("the provider does not see it")
			}
			time.Sleep(5 * time.Millisecond) //nolint:forbidigo // polls the provider, bounded
		}
	})
}

func TestTheWaitEndsWithTheContext(t *testing.T) {
	t.Parallel()
	stop := errors.New("stop")
	both(t, func(t *testing.T, format llmtest.Format) {
		b := setup(t, format, func(o *llm.Options) { o.Wait = nil })
		b.provider.Inject("", llmtest.Status(429, "20"))
		ctx, cancel := context.WithCancelCause(t.Context())
		defer time.AfterFunc(100*time.Millisecond, func() { cancel(stop) }).Stop()
		begun := time.Now()
		_, err := b.Write(ctx, enginetest.Request(), onePage(), nil, enginetest.NewRecorder().Sink())
		if !errors.Is(err, stop) || time.Since(begun) > 10*time.Second {
			t.Errorf("%v after %v", err, time.Since(begun))
		}
	})
}

// A key goes nowhere but where it was sent.
func TestRedirectsAreNotFollowed(t *testing.T) {
	t.Parallel()
	followed := false
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { followed = true }))
	t.Cleanup(other.Close)
	both(t, func(t *testing.T, format llmtest.Format) {
		first := httptest.NewServer(http.RedirectHandler(other.URL, http.StatusTemporaryRedirect))
		t.Cleanup(first.Close)
		e := llm.New(wire(format, first.URL), llm.Options{})
		t.Cleanup(e.CloseIdle)
		_, err := e.Write(t.Context(), enginetest.Request(), onePage(), nil, enginetest.NewRecorder().Sink())
		if p, ok := errors.AsType[*engine.ProviderError](err); !ok || p.Retryable || followed {
			t.Errorf("%v, followed: %v", err, followed)
		}
	})
}

func TestNobodyThere(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, format llmtest.Format) {
		gone := httptest.NewServer(http.NotFoundHandler())
		gone.Close()
		tries := 0
		e := llm.New(wire(format, gone.URL), llm.Options{Wait: func(context.Context, time.Duration) error { tries++; return nil }})
		_, err := e.Write(t.Context(), enginetest.Request(), onePage(), nil, enginetest.NewRecorder().Sink())
		if p, ok := errors.AsType[*engine.ProviderError](err); !ok || !p.Retryable || tries != 3 {
			t.Errorf("%v after %d waits", err, tries)
		}
	})
}

// A stream of arguments without an end is cut long before it fills the memory.
func TestArgumentsWithoutAnEnd(t *testing.T) {
	t.Parallel()
	piece := `data: {"choices":[{"delta":{"tool_calls":[{"index":0,"function":{"name":"write_file","arguments":"` +
		strings.Repeat("x", 4<<20) + `"}}]}}]}` + "\n\n"
	sent := 0
	endless := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		for range 40 {
			if _, err := w.Write([]byte(piece)); err != nil {
				return
			}
			sent++
		}
	}))
	t.Cleanup(endless.Close)
	e := llm.New(wire(llmtest.OpenAI, endless.URL), llm.Options{})
	t.Cleanup(e.CloseIdle)
	_, err := e.Write(t.Context(), enginetest.Request(), onePage(), nil, enginetest.NewRecorder().Sink())
	endless.Close()
	if !errors.Is(err, engine.ErrTooLong) || sent >= 40 {
		t.Errorf("%v after %d pieces", err, sent)
	}
}
