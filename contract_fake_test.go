package sheen_test

import (
	"strings"
	"testing"

	"buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go/buf/validate"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
)

// TestContractRulesCanFail gives every rule of [TestContract] a service that
// breaks that rule only.
func TestContractRulesCanFail(t *testing.T) {
	t.Parallel()
	uuid := validate.FieldRules_builder{String: validate.StringRules_builder{Uuid: new(true)}.Build()}.Build()
	short := validate.FieldRules_builder{String: validate.StringRules_builder{MaxBytes: proto.Uint64(9)}.Build()}.Build()
	few := validate.FieldRules_builder{Repeated: validate.RepeatedRules_builder{MaxItems: proto.Uint64(9)}.Build()}.Build()
	page := validate.FieldRules_builder{Int32: validate.Int32Rules_builder{Gte: proto.Int32(0), Lte: proto.Int32(9)}.Build()}.Build()
	unbounded := validate.FieldRules_builder{Int32: validate.Int32Rules_builder{Gte: proto.Int32(0)}.Build()}.Build()

	for _, test := range []struct {
		name   string
		method string
		reads  bool
		in     []*descriptorpb.FieldDescriptorProto
		out    []*descriptorpb.FieldDescriptorProto
		want   string
	}{
		{"good", "GetThing", true, fields(text("thing_id", uuid), text("note", short)), nil, ""},
		{"string", "GetThing", true, fields(text("note", nil)), nil, "a string without"},
		{"deep string", "GetThing", true, fields(nested("inner")), nil, "Inner.note: a string without"},
		{"id", "GetThing", true, fields(text("thing_id", short)), nil, "an id that is neither"},
		{"user", "GetThing", true, fields(text("user_id", uuid)), nil, "credentials only"},
		{"bytes", "GetThing", true, fields(scalar("data", descriptorpb.FieldDescriptorProto_TYPE_BYTES)), nil, "bytes without"},
		{"enum", "GetThing", true, fields(enum("color")), nil, "an enum without"},
		{"list", "GetThing", true, fields(repeated(scalar("n", descriptorpb.FieldDescriptorProto_TYPE_INT32), nil)), nil, "a list without"},
		{"items", "GetThing", true, fields(repeated(text("notes", nil), few)), nil, "a string without"},
		{"map", "GetThing", true, fields(mapped("counts")), nil, "a map without"},
		{"read undeclared", "ListThings", false, nil, nil, "a read is NO_SIDE_EFFECTS"},
		{"write declared a read", "StartThing", true, nil, nil, "not a read's"},
		{
			"page", "ListThings", true, fields(number("page_size", page), text("page_token", short)),
			fields(text("next_page_token", nil)), "",
		},
		{"page without next", "ListThings", true, fields(number("page_size", page), text("page_token", short)), nil, "come together"},
		{"page without token", "ListThings", true, fields(number("page_size", page)), nil, "page_size without page_token"},
		{
			"page without size", "ListThings", true, fields(text("page_token", short)),
			fields(text("next_page_token", nil)), "page_token without page_size",
		},
		{
			"page without end", "ListThings", true, fields(number("page_size", unbounded), text("page_token", short)),
			fields(text("next_page_token", nil)), "0 (the default) to a maximum",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			expect(t, serviceFaults(fakeService(t, test.method, test.reads, test.in, test.out)), test.want)
		})
	}
	t.Run("shared request", func(t *testing.T) {
		t.Parallel()
		file := fakeFile("GetThing", true, nil, nil)
		file.Service[0].Method[0].InputType = new(".fake.v1.Inner")
		file.MessageType[2].Field[0].Options = text("note", short).GetOptions()
		expect(t, serviceFaults(register(t, file)), "of its own")
	})
}

// expect wants exactly one fault that contains a text, or none for an empty one.
func expect(t *testing.T, faults []string, want string) {
	t.Helper()
	if want == "" {
		if len(faults) != 0 {
			t.Errorf("faults %q, want none", faults)
		}
		return
	}
	if len(faults) != 1 || !strings.Contains(faults[0], want) {
		t.Errorf("faults %q, want one with %q", faults, want)
	}
}

func fakeService(t *testing.T, method string, reads bool, in, out []*descriptorpb.FieldDescriptorProto) protoreflect.ServiceDescriptor {
	t.Helper()
	return register(t, fakeFile(method, reads, in, out))
}

func register(t *testing.T, file *descriptorpb.FileDescriptorProto) protoreflect.ServiceDescriptor {
	t.Helper()
	built, err := protodesc.NewFile(file, protoregistry.GlobalFiles)
	if err != nil {
		t.Fatal(err)
	}
	return built.Services().Get(0)
}

func fakeFile(method string, reads bool, in, out []*descriptorpb.FieldDescriptorProto) *descriptorpb.FileDescriptorProto {
	level := descriptorpb.MethodOptions_IDEMPOTENT
	if reads {
		level = descriptorpb.MethodOptions_NO_SIDE_EFFECTS
	}
	number := []*descriptorpb.EnumValueDescriptorProto{{Name: new("COLOR_UNSPECIFIED"), Number: proto.Int32(0)}}
	return &descriptorpb.FileDescriptorProto{
		Name:    new("fake/v1/fake.proto"),
		Package: new("fake.v1"),
		Syntax:  new("proto3"),
		MessageType: []*descriptorpb.DescriptorProto{
			{Name: new(method + "Request"), Field: in, NestedType: []*descriptorpb.DescriptorProto{{
				Name:    new("CountsEntry"),
				Options: &descriptorpb.MessageOptions{MapEntry: new(true)},
				Field: []*descriptorpb.FieldDescriptorProto{
					scalar("key", descriptorpb.FieldDescriptorProto_TYPE_INT32),
					numbered(scalar("value", descriptorpb.FieldDescriptorProto_TYPE_INT32), 2),
				},
			}}},
			{Name: new(method + "Response"), Field: out},
			{Name: new("Inner"), Field: fields(text("note", nil))},
		},
		EnumType: []*descriptorpb.EnumDescriptorProto{{Name: new("Color"), Value: number}},
		Service: []*descriptorpb.ServiceDescriptorProto{{
			Name: new("FakeService"),
			Method: []*descriptorpb.MethodDescriptorProto{{
				Name:       new(method),
				InputType:  new(".fake.v1." + method + "Request"),
				OutputType: new(".fake.v1." + method + "Response"),
				Options:    &descriptorpb.MethodOptions{IdempotencyLevel: &level},
			}},
		}},
	}
}

// fields numbers fields from 1.
func fields(list ...*descriptorpb.FieldDescriptorProto) []*descriptorpb.FieldDescriptorProto {
	for i, field := range list {
		numbered(field, int32(i+1))
	}
	return list
}

func numbered(field *descriptorpb.FieldDescriptorProto, n int32) *descriptorpb.FieldDescriptorProto {
	field.Number = new(n)
	return field
}

func scalar(name string, kind descriptorpb.FieldDescriptorProto_Type) *descriptorpb.FieldDescriptorProto {
	return &descriptorpb.FieldDescriptorProto{
		Name:   new(name),
		Number: proto.Int32(1),
		Type:   &kind,
		Label:  descriptorpb.FieldDescriptorProto_LABEL_OPTIONAL.Enum(),
	}
}

func text(name string, rules *validate.FieldRules) *descriptorpb.FieldDescriptorProto {
	return ruled(scalar(name, descriptorpb.FieldDescriptorProto_TYPE_STRING), rules)
}

func number(name string, rules *validate.FieldRules) *descriptorpb.FieldDescriptorProto {
	return ruled(scalar(name, descriptorpb.FieldDescriptorProto_TYPE_INT32), rules)
}

func enum(name string) *descriptorpb.FieldDescriptorProto {
	field := scalar(name, descriptorpb.FieldDescriptorProto_TYPE_ENUM)
	field.TypeName = new(".fake.v1.Color")
	return field
}

func nested(name string) *descriptorpb.FieldDescriptorProto {
	field := scalar(name, descriptorpb.FieldDescriptorProto_TYPE_MESSAGE)
	field.TypeName = new(".fake.v1.Inner")
	return field
}

func mapped(name string) *descriptorpb.FieldDescriptorProto {
	field := repeated(scalar(name, descriptorpb.FieldDescriptorProto_TYPE_MESSAGE), nil)
	field.TypeName = new(".fake.v1.GetThingRequest.CountsEntry")
	return field
}

func repeated(field *descriptorpb.FieldDescriptorProto, rules *validate.FieldRules) *descriptorpb.FieldDescriptorProto {
	field.Label = descriptorpb.FieldDescriptorProto_LABEL_REPEATED.Enum()
	return ruled(field, rules)
}

func ruled(field *descriptorpb.FieldDescriptorProto, rules *validate.FieldRules) *descriptorpb.FieldDescriptorProto {
	if rules != nil {
		field.Options = &descriptorpb.FieldOptions{}
		proto.SetExtension(field.GetOptions(), validate.E_Field, rules)
	}
	return field
}
