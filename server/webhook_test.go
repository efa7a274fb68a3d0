package server_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"connectrpc.com/connect"
	"github.com/google/uuid"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	buildv1 "github.com/sheenapps/sheen/gen/sheen/build/v1"
	eventv1 "github.com/sheenapps/sheen/gen/sheen/event/v1"
	"github.com/sheenapps/sheen/server"
	"github.com/sheenapps/sheen/server/servertest"
	"github.com/sheenapps/sheen/server/webhook"
)

// hook is a receiver on loopback that notes what it takes.
type hook struct {
	*httptest.Server

	mu     sync.Mutex
	bodies []hookBody
	errs   []error
	secret string
	hang   chan struct{} // Open: nobody is answered.
}

type hookBody struct {
	Type string
	Data struct {
		BuildID, ProjectID, Seq string
		CreateTime              time.Time
	}
	// arrived is when it came.
	arrived time.Time
}

func newHook(t *testing.T) *hook {
	t.Helper()
	h := &hook{}
	h.Server = httptest.NewServer(h)
	t.Cleanup(h.Close)
	return h
}

// ServeHTTP implements [http.Handler].
func (h *hook) ServeHTTP(_ http.ResponseWriter, r *http.Request) {
	raw, err := io.ReadAll(r.Body)
	var b hookBody
	if err == nil {
		err = json.Unmarshal(raw, &b)
	}
	b.arrived = time.Now()
	h.mu.Lock()
	if verifier, verr := standardwebhooks.NewWebhook(h.secret); verr != nil {
		h.errs = append(h.errs, verr)
	} else if verr := verifier.Verify(raw, r.Header); verr != nil {
		h.errs = append(h.errs, verr)
	}
	if err != nil {
		h.errs = append(h.errs, err)
	}
	h.bodies = append(h.bodies, b)
	hang := h.hang
	h.mu.Unlock()
	if hang != nil {
		select {
		case <-hang:
		case <-r.Context().Done():
		}
	}
}

func (h *hook) got() []hookBody {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.bodies)
}

// connectTo makes an endpoint for the hook.
func (h *hook) connectTo(t *testing.T, c *servertest.Clients, types ...string) *eventv1.WebhookEndpoint {
	t.Helper()
	res, err := c.Events.CreateWebhookEndpoint(t.Context(), &eventv1.CreateWebhookEndpointRequest{
		Url: h.URL, EventTypes: types, IdempotencyKey: uuid.NewString(),
	})
	if err != nil {
		t.Fatal(err)
	}
	h.mu.Lock()
	h.secret = res.GetSecret()
	h.mu.Unlock()
	return res.GetWebhookEndpoint()
}

func allowLoopback(t *testing.T) servertest.Option {
	t.Helper()
	allow, err := webhook.ParseAllow("127.0.0.0/8")
	if err != nil {
		t.Fatal(err)
	}
	return func(c *server.Config) { c.WebhookAllow = allow }
}

// await waits until something is so.
func await(t *testing.T, what string, so func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !so(); time.Sleep(5 * time.Millisecond) { //nolint:forbidigo // polls, bounded
		if time.Now().After(deadline) {
			t.Fatalf("never so: %s", what)
		}
	}
}

// A build's life reaches its user's webhook, in order, signed, and soon.
func TestWebhooksOfABuild(t *testing.T) {
	t.Parallel()
	b := servertest.Start(t, allowLoopback(t))
	user := b.User(t)
	h := newHook(t)
	endpoint := h.connectTo(t, user)
	started, err := user.Builds.StartBuild(t.Context(), &buildv1.StartBuildRequest{Prompt: "A café in Lyon"})
	if err != nil {
		t.Fatal(err)
	}
	id := started.GetBuild().GetId()
	var want []string
	for _, e := range watch(t, user, id) {
		name := payloadName(e)
		if slices.Contains(endpoint.GetEventTypes(), name) {
			want = append(want, fmt.Sprintf("%d %s", e.GetSeq(), name))
		}
	}
	if len(want) < 5 || !strings.HasPrefix(want[0], "1 phase_changed") || !strings.HasSuffix(want[len(want)-1], "build_completed") {
		t.Fatalf("the build's life is %v", want)
	}
	await(t, "all have come", func() bool { return len(h.got()) >= len(want) })
	var got []string
	for _, g := range h.got() {
		got = append(got, g.Data.Seq+" "+g.Type)
		if g.Data.BuildID != id || g.Data.ProjectID != started.GetBuild().GetProjectId() {
			t.Errorf("%+v", g)
		}
	}
	if !slices.Equal(got, want) || len(h.errs) != 0 {
		t.Errorf("came %v, want %v; %v", got, want, h.errs)
	}
	first := h.got()[0]
	t.Logf("the first event took %v", first.arrived.Sub(first.Data.CreateTime))
	if late := first.arrived.Sub(first.Data.CreateTime); late > 5*time.Second {
		t.Errorf("the first event took %v", late)
	}
	await(t, "all are noted", func() bool {
		res, err := user.Events.ListWebhookDeliveries(t.Context(), &eventv1.ListWebhookDeliveriesRequest{WebhookEndpointId: endpoint.GetId()})
		return err == nil && len(res.GetWebhookDeliveries()) == len(want) && !slices.ContainsFunc(res.GetWebhookDeliveries(),
			func(d *eventv1.WebhookDelivery) bool {
				return d.GetState() != eventv1.WebhookDeliveryState_WEBHOOK_DELIVERY_STATE_DELIVERED || d.GetLastStatus() != 200
			})
	})
}

func payloadName(e *eventv1.BuildEvent) string {
	m := e.ProtoReflect()
	return string(m.WhichOneof(m.Descriptor().Oneofs().ByName("payload")).Name())
}

// A receiver that hangs is not waited for: the build is over before it answers
// anything.
func TestAHangingWebhookDelaysNoBuild(t *testing.T) {
	t.Parallel()
	b := servertest.Start(t, allowLoopback(t))
	user := b.User(t)
	h := newHook(t)
	hang := make(chan struct{})
	h.hang = hang
	defer close(hang)
	h.connectTo(t, user)
	started, err := user.Builds.StartBuild(t.Context(), &buildv1.StartBuildRequest{Prompt: "A café in Lyon"})
	if err != nil {
		t.Fatal(err)
	}
	await(t, "the first one is being sent", func() bool { return len(h.got()) == 1 })
	events := watch(t, user, started.GetBuild().GetId())
	if events[len(events)-1].GetBuildCompleted() == nil || len(h.got()) != 1 {
		t.Errorf("%d were sent, the build ended with %v", len(h.got()), events[len(events)-1])
	}
}

// Endpoints and deliveries are their owner's, and page.
func TestWebhookEndpoints(t *testing.T) {
	t.Parallel()
	b := servertest.Start(t, allowLoopback(t))
	user, stranger := b.User(t), b.User(t)
	h := newHook(t)
	var ids []string
	for range 5 {
		ids = append(ids, h.connectTo(t, user, "build_completed", "version_created").GetId())
	}
	slices.Reverse(ids)
	var listed []string
	for token, page := "", 0; page == 0 || token != ""; page++ {
		res, err := user.Events.ListWebhookEndpoints(t.Context(), &eventv1.ListWebhookEndpointsRequest{PageSize: 2, PageToken: token})
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range res.GetWebhookEndpoints() {
			listed = append(listed, e.GetId())
			if !slices.Equal(e.GetEventTypes(), []string{"version_created", "build_completed"}) || e.GetUrl() != h.URL || e.GetDisabled() {
				t.Errorf("%v", e)
			}
		}
		token = res.GetNextPageToken()
	}
	if !slices.Equal(listed, ids) {
		t.Errorf("listed %v, want %v", listed, ids)
	}
	others, err := stranger.Events.ListWebhookEndpoints(t.Context(), &eventv1.ListWebhookEndpointsRequest{})
	if err != nil || len(others.GetWebhookEndpoints()) != 0 {
		t.Errorf("a stranger has %v, %v", others, err)
	}

	_, builds := built(t, user, 2)
	var first *eventv1.WebhookDelivery
	await(t, "four deliveries", func() bool {
		var all []*eventv1.WebhookDelivery
		for token, page := "", 0; page == 0 || token != ""; page++ {
			res, err := user.Events.ListWebhookDeliveries(t.Context(), &eventv1.ListWebhookDeliveriesRequest{
				WebhookEndpointId: ids[0], PageSize: 3, PageToken: token,
			})
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, res.GetWebhookDeliveries()...)
			token = res.GetNextPageToken()
		}
		if len(all) != 4 || all[0].GetLastStatus() == 0 {
			return false
		}
		first = all[3]
		return all[0].GetBuildId() == builds[1] && first.GetBuildId() == builds[0] && first.GetEventType() == "version_created"
	})
	await(t, "what five endpoints get", func() bool { return len(h.got()) == 20 })
	again, err := user.Events.RedeliverWebhook(t.Context(), &eventv1.RedeliverWebhookRequest{WebhookDeliveryId: first.GetId()})
	if err != nil || again.GetWebhookDelivery().GetState() != eventv1.WebhookDeliveryState_WEBHOOK_DELIVERY_STATE_PENDING {
		t.Fatalf("%v, %v", again, err)
	}
	await(t, "the redelivery", func() bool { return len(h.got()) == 21 })

	for name, call := range map[string]func(c *servertest.Clients) error{
		"deliveries": func(c *servertest.Clients) error {
			_, err := c.Events.ListWebhookDeliveries(t.Context(), &eventv1.ListWebhookDeliveriesRequest{WebhookEndpointId: ids[0]})
			return err
		},
		"redeliver": func(c *servertest.Clients) error {
			_, err := c.Events.RedeliverWebhook(t.Context(), &eventv1.RedeliverWebhookRequest{WebhookDeliveryId: first.GetId()})
			return err
		},
		"rotate": func(c *servertest.Clients) error {
			_, err := c.Events.RotateWebhookSecret(t.Context(), &eventv1.RotateWebhookSecretRequest{WebhookEndpointId: ids[0]})
			return err
		},
		"enable": func(c *servertest.Clients) error {
			_, err := c.Events.EnableWebhookEndpoint(t.Context(), &eventv1.EnableWebhookEndpointRequest{WebhookEndpointId: ids[0]})
			return err
		},
		"delete": func(c *servertest.Clients) error {
			_, err := c.Events.DeleteWebhookEndpoint(t.Context(), &eventv1.DeleteWebhookEndpointRequest{WebhookEndpointId: ids[0]})
			return err
		},
	} {
		if err := call(stranger); connect.CodeOf(err) != connect.CodeNotFound {
			t.Errorf("a stranger's %s: %v", name, err)
		}
	}
	if _, err := user.Events.DeleteWebhookEndpoint(t.Context(), &eventv1.DeleteWebhookEndpointRequest{WebhookEndpointId: ids[0]}); err != nil {
		t.Error(err)
	}
	if _, err := user.Events.ListWebhookDeliveries(t.Context(), &eventv1.ListWebhookDeliveriesRequest{WebhookEndpointId: ids[0]}); connect.CodeOf(err) != connect.CodeNotFound {
		t.Errorf("deliveries of a deleted endpoint: %v", err)
	}
}
