package webhook

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	eventv1 "github.com/sheenapps/sheen/gen/sheen/event/v1"
	"github.com/sheenapps/sheen/store"
)

// body is what a delivery sends: the same bytes each time. It is made from the
// stored event, whose payload is a BuildEvent without its header.
func body(d *store.WebhookDeliveryNextRow) ([]byte, error) {
	e := &eventv1.BuildEvent{}
	if err := proto.Unmarshal(d.Payload, e); err != nil {
		return nil, fmt.Errorf("decode a delivery's event: %w", err)
	}
	e.BuildId, e.Seq, e.CreateTime = d.BuildID.String(), d.Seq, timestamppb.New(d.CreateTime)
	e.EventClass = eventv1.EventClass(d.Class)
	data, err := protojson.Marshal(e)
	if err != nil {
		return nil, fmt.Errorf("encode a delivery's event: %w", err)
	}
	// An event has a header, so there is a member behind the first brace.
	whole := fmt.Appendf(nil, `{"type":%q,"timestamp":%q,"data":{"projectId":%q,%s}`,
		typeOf(d.Kind), d.CreateTime.UTC().Format(time.RFC3339Nano), d.ProjectID.String(), data[1:])
	// The encoder puts in spaces at random, on purpose.
	var compact bytes.Buffer
	if err := json.Compact(&compact, whole); err != nil {
		return nil, fmt.Errorf("write a delivery's body: %w", err)
	}
	return compact.Bytes(), nil
}
