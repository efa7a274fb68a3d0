package server_test

import (
	"bytes"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"buf.build/go/protovalidate"
	"github.com/golang-jwt/jwt/v5"
	"github.com/google/uuid"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"

	billingv1 "github.com/sheenapps/sheen/gen/sheen/billing/v1"
	buildv1 "github.com/sheenapps/sheen/gen/sheen/build/v1"
	eventv1 "github.com/sheenapps/sheen/gen/sheen/event/v1"
	"github.com/sheenapps/sheen/server"
	"github.com/sheenapps/sheen/server/auth"
	"github.com/sheenapps/sheen/server/servertest"
)

// forServices and forAdmins are the procedures that users may not call.
var (
	forServices = []string{"AppendEvents", "Reserve", "ExtendHold", "Commit", "Release", "GetHold"}
	forAdmins   = []string{"ListInternalEvents", "GrantCredits", "VoidGrant", "VerifyLedger"}
)

// ids are those of things that a request can be about.
type ids struct{ build, project, version, hold, deployment, endpoint, delivery string }

func randomIDs() ids {
	return ids{
		uuid.NewString(), uuid.NewString(), uuid.NewString(), uuid.NewString(),
		uuid.NewString(), uuid.NewString(), "msg_" + uuid.NewString(),
	}
}

// wellFormed is a request of a procedure that passes the schema and names these
// things.
func wellFormed(t *testing.T, m protoreflect.MethodDescriptor, of ids) string {
	t.Helper()
	values := map[string]any{
		"build_id": of.build, "project_id": of.project, "version_id": of.version, "hold_id": of.hold,
		"base_version_id": of.version, "deployment_id": of.deployment,
		"webhook_endpoint_id": of.endpoint, "webhook_delivery_id": of.delivery,
		"grant_id": uuid.NewString(), "recommendation_id": "qs-booking",
		"prompt": "A site for my café", "path": "index.html", "idempotency_key": uuid.NewString(),
		"url": "https://example.com/hook", "success_url": "https://example.com/yes", "cancel_url": "https://example.com/no",
		"package_id": "mini", "actual": "1s", "outcome": 1, "operation": 1, "seconds": 10, "kind": 1, "interaction": 1,
		"lease_token": 1, "expected_seq": 1, "build_session_id": "bs_" + uuid.NewString(), "metrics": []any{map[string]any{"name": "ttfb", "duration": "1s"}},
		"events":      []any{map[string]any{"logLine": map[string]any{"level": 1, "text": "x"}}},
		"event_types": []any{"build_completed"},
	}
	request := map[string]any{}
	fields := m.Input().Fields()
	inOneof := map[protoreflect.Name]bool{}
	for i := range fields.Len() {
		field := fields.Get(i)
		value, ok := values[string(field.Name())]
		if oneof := field.ContainingOneof(); oneof != nil && ok {
			if inOneof[oneof.Name()] {
				continue
			}
			inOneof[oneof.Name()] = true
		}
		if ok {
			request[field.JSONName()] = value
		}
	}
	data, err := json.Marshal(request)
	if err != nil {
		t.Fatal(err)
	}
	message := dynamicpb.NewMessage(m.Input())
	if err := protojson.Unmarshal(data, message); err != nil {
		t.Fatalf("%s: %v", m.FullName(), err)
	}
	if err := protovalidate.Validate(message); err != nil {
		t.Fatalf("%s: %v in %s", m.FullName(), err, data)
	}
	return string(data)
}

// expired signs a token with the server's own key that has run out.
func expired(t *testing.T, dataDir string) string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(dataDir, "jwt.key"))
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(raw)
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	sign := func(end time.Time) string {
		token, err := jwt.NewWithClaims(jwt.SigningMethodEdDSA, jwt.MapClaims{
			"iss": auth.Issuer, "aud": auth.Audience, "sub": uuid.NewString(), "role": "admin", "exp": end.Unix(),
		}).SignedString(key)
		if err != nil {
			t.Fatal(err)
		}
		return token
	}
	return sign(time.Now().Add(-time.Minute))
}

func TestWhoMayCallWhat(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	b := servertest.Start(t, func(c *server.Config) { c.DataDir = dir; c.Roles.Worker = false })
	client := servertest.Transport(t)
	tokens := map[string]string{
		"nobody": "", "garbage": "garbage", "expired": expired(t, dir),
		"user": b.User(t).Token, "service": b.As(t, uuid.New(), auth.RoleService).Token, "admin": b.As(t, uuid.New(), auth.RoleAdmin).Token,
	}
	for _, m := range methods() {
		for who, token := range tokens {
			got := do(t, client, post(t, b.URL(), m, "{}", token)).err
			code := ""
			if got != nil {
				got.reason(t)
				code = got.Code
			}
			name, want := string(m.Name()), ""
			switch {
			case who == "nobody" || who == "garbage" || who == "expired":
				want = "unauthenticated"
			case who == "user" && (slices.Contains(forServices, name) || slices.Contains(forAdmins, name)),
				who == "service" && slices.Contains(forAdmins, name):
				want = "permission_denied"
			}
			if refused := code == "unauthenticated" || code == "permission_denied"; refused && code != want || want != "" && code != want {
				t.Errorf("%s calls %s: %q, want %q", who, m.FullName(), code, want)
			}
		}
	}
}

// Nothing of the contract is left to later.
func TestEveryProcedureIsServed(t *testing.T) {
	t.Parallel()
	b := servertest.Start(t, func(c *server.Config) { c.Roles.Worker = false })
	client, admin := servertest.Transport(t), b.As(t, uuid.New(), auth.RoleAdmin)
	for _, m := range methods() {
		res := do(t, client, post(t, b.URL(), m, wellFormed(t, m, randomIDs()), admin.Token))
		if res.err.reason(t) == "UNIMPLEMENTED" {
			t.Errorf("%s is not served", procedure(m))
		}
	}
}

// What is another's does not exist: byte for byte the same answer, whether an id
// is another's or nobody's.
func TestAnothersThingsDoNotExist(t *testing.T) {
	t.Parallel()
	b := servertest.Start(t, allowLoopback(t))
	owner := b.As(t, uuid.New(), auth.RoleService)
	receiver := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer receiver.Close()
	endpoint, err := owner.Events.CreateWebhookEndpoint(t.Context(), &eventv1.CreateWebhookEndpointRequest{Url: receiver.URL, IdempotencyKey: "k"})
	if err != nil {
		t.Fatal(err)
	}
	started, err := owner.Builds.StartBuild(t.Context(), &buildv1.StartBuildRequest{Prompt: "A site for my café"})
	if err != nil {
		t.Fatal(err)
	}
	events := watch(t, owner, started.GetBuild().GetId())
	hold, err := owner.Billing.Reserve(t.Context(), &billingv1.ReserveRequest{
		IdempotencyKey: "k", Operation: billingv1.Operation_OPERATION_UPDATE, Seconds: 10,
	})
	if err != nil {
		t.Fatal(err)
	}
	version := events[len(events)-1].GetBuildCompleted().GetVersionId()
	deployed, err := owner.Builds.DeployVersion(t.Context(), &buildv1.DeployVersionRequest{VersionId: version, IdempotencyKey: "k"})
	if err != nil {
		t.Fatal(err)
	}
	deliveries, err := owner.Events.ListWebhookDeliveries(t.Context(), &eventv1.ListWebhookDeliveriesRequest{
		WebhookEndpointId: endpoint.GetWebhookEndpoint().GetId(),
	})
	if err != nil || len(deliveries.GetWebhookDeliveries()) == 0 {
		t.Fatalf("%v, %v", deliveries, err)
	}
	foreign := ids{
		started.GetBuild().GetId(), started.GetBuild().GetProjectId(), version, hold.GetHold().GetId(),
		deployed.GetDeployment().GetId(), endpoint.GetWebhookEndpoint().GetId(), deliveries.GetWebhookDeliveries()[0].GetId(),
	}
	// A hold for another's build is the caller's own; workers and admins act on
	// everybody's builds.
	exempt := []string{
		"/sheen.billing.v1.BillingService/Reserve",
		"/sheen.event.v1.EventService/AppendEvents",
		"/sheen.event.v1.EventService/ListInternalEvents",
	}
	client, stranger := servertest.Transport(t), b.As(t, uuid.New(), auth.RoleAdmin)
	var asked int
	for _, m := range methods() {
		if !namesThings(m) || slices.Contains(exempt, procedure(m)) {
			continue
		}
		asked++
		var bodies [][]byte
		for _, of := range []ids{foreign, randomIDs()} {
			res := do(t, client, post(t, b.URL(), m, wellFormed(t, m, of), stranger.Token))
			if res.err.reason(t) != "NOT_FOUND" || res.err.Code != "not_found" {
				t.Errorf("%s: %+v", procedure(m), res.err)
			}
			bodies = append(bodies, res.body)
		}
		if !bytes.Equal(bodies[0], bodies[1]) {
			t.Errorf("%s tells them apart:\n%s\n%s", procedure(m), bodies[0], bodies[1])
		}
	}
	if asked < 10 {
		t.Errorf("only %d procedures were asked", asked)
	}
	// The owner's own is there.
	own := []string{"GetBuild", "GetProject", "GetVersion", "CompareVersions", "GetDeployment", "ListWebhookDeliveries", "RedeliverWebhook", "ListDeployments", "ListVersions", "ListFiles", "GetFile", "GetReceipt", "ListEvents", "GetQuickSuggestions", "GetRecommendations", "RetryRecommendations"}
	for _, m := range methods() {
		if !slices.Contains(own, string(m.Name())) {
			continue
		}
		if res := do(t, client, post(t, b.URL(), m, wellFormed(t, m, foreign), owner.Token)); res.err != nil {
			t.Errorf("the owner's %s: %+v", m.Name(), res.err)
		}
	}
}

// namesThings reports whether a request names something that has an owner.
func namesThings(m protoreflect.MethodDescriptor) bool {
	for _, name := range []protoreflect.Name{
		"build_id", "project_id", "version_id", "hold_id", "deployment_id", "webhook_endpoint_id", "webhook_delivery_id",
	} {
		if m.Input().Fields().ByName(name) != nil {
			return true
		}
	}
	return false
}
