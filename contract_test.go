package sheen_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go/buf/validate"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"

	billingv1 "github.com/sheenapps/sheen/gen/sheen/billing/v1"
	buildv1 "github.com/sheenapps/sheen/gen/sheen/build/v1"
	eventv1 "github.com/sheenapps/sheen/gen/sheen/event/v1"
	recommendationv1 "github.com/sheenapps/sheen/gen/sheen/recommendation/v1"
)

// TestContract holds what the linter of the protos cannot see: every request is
// bounded, reads are declared as such, lists page.
func TestContract(t *testing.T) {
	t.Parallel()
	for _, file := range []protoreflect.FileDescriptor{
		billingv1.File_sheen_billing_v1_billing_service_proto,
		buildv1.File_sheen_build_v1_build_service_proto,
		eventv1.File_sheen_event_v1_event_service_proto,
		recommendationv1.File_sheen_recommendation_v1_recommendation_service_proto,
	} {
		if file.Services().Len() != 1 {
			t.Errorf("%s: want one service", file.Path())
		}
		for i := range file.Services().Len() {
			for _, fault := range serviceFaults(file.Services().Get(i)) {
				t.Error(fault)
			}
		}
	}
}

// readVerbs begin the names of the procedures that change nothing.
var readVerbs = []string{"Get", "List", "Stream", "Analyze", "Quote", "Estimate", "Export", "Verify", "Compare"}

// names are ids that are no UUIDs: words of a catalog that is code or
// configuration, and others' ids.
var names = map[protoreflect.FullName]string{
	"sheen.billing.v1.CreateCheckoutRequest.package_id":                    "such as mini",
	"sheen.billing.v1.SetAutoTopUpRequest.package_id":                      "such as mini",
	"sheen.build.v1.Answer.question_id":                                    "such as business_type",
	"sheen.build.v1.Answer.choice_id":                                      "such as salon",
	"sheen.event.v1.RedeliverWebhookRequest.webhook_delivery_id":           "as the delivery's header gives it",
	"sheen.recommendation.v1.RecordInteractionRequest.recommendation_id":   "a UUID or qs-…",
	"sheen.recommendation.v1.ApplyRecommendationRequest.recommendation_id": "a UUID or qs-…",
}

// serviceFaults returns what a service breaks of the contract's rules, a
// sentence each.
func serviceFaults(service protoreflect.ServiceDescriptor) []string {
	var faults []string
	for i := range service.Methods().Len() {
		method := service.Methods().Get(i)
		in, out := method.Input(), method.Output()
		if in.Name() != method.Name()+"Request" || out.Name() != method.Name()+"Response" {
			faults = append(faults, fmt.Sprintf("%s: want a request and a response of its own", method.FullName()))
		}
		faults = append(faults, levelFaults(method)...)
		faults = append(faults, pageFaults(in, out)...)
		faults = append(faults, messageFaults(in, map[protoreflect.FullName]bool{})...)
	}
	return faults
}

func levelFaults(method protoreflect.MethodDescriptor) []string {
	options, _ := method.Options().(*descriptorpb.MethodOptions)
	declared := options.GetIdempotencyLevel() == descriptorpb.MethodOptions_NO_SIDE_EFFECTS
	reads := slices.ContainsFunc(readVerbs, func(verb string) bool {
		return strings.HasPrefix(string(method.Name()), verb)
	})
	switch {
	case reads && !declared:
		return []string{fmt.Sprintf("%s: a read is NO_SIDE_EFFECTS", method.FullName())}
	case declared && !reads:
		return []string{fmt.Sprintf("%s: NO_SIDE_EFFECTS, but its name is not a read's", method.FullName())}
	}
	return nil
}

// pageFaults says what a paged procedure lacks. A list is paged by a token, or
// like the event log by seq; a list without page_size is a short, fixed one.
func pageFaults(in, out protoreflect.MessageDescriptor) []string {
	size, token := in.Fields().ByName("page_size"), in.Fields().ByName("page_token")
	next := out.Fields().ByName("next_page_token")
	var faults []string
	if (token == nil) != (next == nil) {
		faults = append(faults, fmt.Sprintf("%s: page_token and next_page_token come together", in.FullName()))
	}
	if token != nil && size == nil {
		faults = append(faults, fmt.Sprintf("%s: page_token without page_size", in.FullName()))
	}
	if size != nil && token == nil && in.Fields().ByName("after_seq") == nil {
		faults = append(faults, fmt.Sprintf("%s: page_size without page_token", in.FullName()))
	}
	if size != nil {
		rules := fieldRules(size).GetInt32()
		if rules == nil || !rules.HasGte() || rules.GetGte() != 0 || !rules.HasLte() {
			faults = append(faults, fmt.Sprintf("%s: want 0 (the default) to a maximum", size.FullName()))
		}
	}
	return faults
}

// messageFaults walks a message and all that it holds, each message once.
func messageFaults(message protoreflect.MessageDescriptor, seen map[protoreflect.FullName]bool) []string {
	if seen[message.FullName()] {
		return nil
	}
	seen[message.FullName()] = true
	var faults []string
	for i := range message.Fields().Len() {
		field := message.Fields().Get(i)
		if field.Name() == "user_id" {
			faults = append(faults, fmt.Sprintf("%s: who calls is in the credentials only", field.FullName()))
		}
		for _, fault := range fieldFaults(field) {
			faults = append(faults, fmt.Sprintf("%s: %s", field.FullName(), fault))
		}
		if field.IsMap() {
			field = field.MapValue()
		}
		if field.Message() != nil {
			faults = append(faults, messageFaults(field.Message(), seen)...)
		}
	}
	return faults
}

func fieldFaults(field protoreflect.FieldDescriptor) []string {
	rules := fieldRules(field)
	switch {
	case field.IsMap():
		var faults []string
		if !rules.GetMap().HasMaxPairs() {
			faults = append(faults, "a map without max_pairs")
		}
		faults = append(faults, valueFaults(field.MapKey(), rules.GetMap().GetKeys())...)
		return append(faults, valueFaults(field.MapValue(), rules.GetMap().GetValues())...)
	case field.IsList():
		var faults []string
		if !rules.GetRepeated().HasMaxItems() {
			faults = append(faults, "a list without max_items")
		}
		return append(faults, valueFaults(field, rules.GetRepeated().GetItems())...)
	default:
		return valueFaults(field, rules)
	}
}

// valueFaults judges one value: a field that stands alone, an item, a key.
func valueFaults(field protoreflect.FieldDescriptor, rules *validate.FieldRules) []string {
	var faults []string
	switch field.Kind() {
	case protoreflect.StringKind:
		text := rules.GetString()
		if !boundedText(text) {
			faults = append(faults, "a string without max_len, max_bytes, len or uuid")
		}
		if isID(field) && !text.GetUuid() && !text.HasPattern() {
			faults = append(faults, "an id that is neither uuid nor of a pattern")
		}
	case protoreflect.BytesKind:
		if !rules.GetBytes().HasMaxLen() && !rules.GetBytes().HasLen() {
			faults = append(faults, "bytes without max_len or len")
		}
	case protoreflect.EnumKind:
		if !rules.GetEnum().GetDefinedOnly() && len(rules.GetEnum().GetIn()) == 0 {
			faults = append(faults, "an enum without defined_only or in")
		}
	}
	return faults
}

func boundedText(rules *validate.StringRules) bool {
	return rules.HasMaxLen() || rules.HasMaxBytes() || rules.HasLen() || rules.HasLenBytes() || rules.GetUuid() ||
		len(rules.GetIn()) > 0 || rules.HasConst()
}

func isID(field protoreflect.FieldDescriptor) bool {
	name := string(field.Name())
	return names[field.FullName()] == "" &&
		(name == "id" || strings.HasSuffix(name, "_id") || strings.HasSuffix(name, "_ids"))
}

// fieldRules returns a field's rules; nil, which has none, if it has none.
func fieldRules(field protoreflect.FieldDescriptor) *validate.FieldRules {
	rules, _ := proto.GetExtension(field.Options(), validate.E_Field).(*validate.FieldRules)
	return rules
}
