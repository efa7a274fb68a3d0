package server_test

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	_ "github.com/sheenapps/sheen/gen/sheen/error/v1" // registers the details of errors
)

// wireError is an error as Connect tells it.
type wireError struct {
	Code    string `json:"code"`
	Message string `json:"message"`
	Details []struct {
		Type  string `json:"type"`
		Value string `json:"value"`
	} `json:"details"`
}

// answer is what came back to a request.
type answer struct {
	status int
	header http.Header
	body   []byte
	// err is nil for a success.
	err *wireError
}

// do sends a request and reads its answer in whichever protocol it is.
func do(t *testing.T, client http.RoundTripper, req *http.Request) answer {
	t.Helper()
	res, err := client.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	a := answer{status: res.StatusCode, header: res.Header, body: body}
	contentType := res.Header.Get("Content-Type")
	switch {
	case strings.HasPrefix(contentType, "application/grpc"):
		a.err = grpcError(t, res)
	case strings.HasPrefix(contentType, "application/connect+"):
		a.err = endOfStream(t, body)
	case res.StatusCode >= http.StatusBadRequest:
		a.err = &wireError{}
		if err := json.Unmarshal(body, a.err); err != nil {
			t.Fatalf("status %d with %q: %v", res.StatusCode, body, err)
		}
	}
	return a
}

// endOfStream is the error of a stream's last envelope, nil if there is none.
func endOfStream(t *testing.T, body []byte) *wireError {
	t.Helper()
	for len(body) >= 5 {
		size := binary.BigEndian.Uint32(body[1:5])
		message := body[5 : 5+size]
		if body[0]&2 != 0 {
			var end struct {
				Error *wireError `json:"error"`
			}
			if err := json.Unmarshal(message, &end); err != nil {
				t.Fatal(err)
			}
			return end.Error
		}
		body = body[5+size:]
	}
	t.Fatal("the stream has no end")
	return nil
}

// grpcError is the error in the trailers, or in the header where those stand there.
func grpcError(t *testing.T, res *http.Response) *wireError {
	t.Helper()
	header := res.Trailer
	if res.Header.Get("Grpc-Status") != "" {
		header = res.Header
	}
	if code := header.Get("Grpc-Status"); code == "0" || code == "" {
		return nil
	}
	raw, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(header.Get("Grpc-Status-Details-Bin"), "="))
	if err != nil {
		t.Fatal(err)
	}
	var told status.Status
	if err := proto.Unmarshal(raw, &told); err != nil {
		t.Fatal(err)
	}
	e := &wireError{Code: header.Get("Grpc-Status"), Message: told.GetMessage()}
	for _, detail := range told.GetDetails() {
		e.Details = append(e.Details, struct {
			Type  string `json:"type"`
			Value string `json:"value"`
		}{strings.TrimPrefix(detail.GetTypeUrl(), "type.googleapis.com/"), base64.RawStdEncoding.EncodeToString(detail.GetValue())})
	}
	return e
}

// reason is the reason of the one ErrorInfo that every error has.
func (e *wireError) reason(t *testing.T) string {
	t.Helper()
	if e == nil {
		return ""
	}
	var infos []*errdetails.ErrorInfo
	for _, detail := range e.Details {
		if detail.Type == "google.rpc.ErrorInfo" {
			info := &errdetails.ErrorInfo{}
			e.decode(t, detail.Value, info)
			infos = append(infos, info)
		}
	}
	if len(infos) != 1 || infos[0].GetDomain() != "sheen" || e.Message == "" {
		t.Errorf("an error with %d ErrorInfo: %+v", len(infos), e)
		return ""
	}
	return infos[0].GetReason()
}

// detail decodes the detail of m's type into m and says whether there is one.
func (e *wireError) detail(t *testing.T, m proto.Message) bool {
	t.Helper()
	for _, detail := range e.Details {
		if detail.Type == string(m.ProtoReflect().Descriptor().FullName()) {
			e.decode(t, detail.Value, m)
			return true
		}
	}
	return false
}

func (*wireError) decode(t *testing.T, value string, m proto.Message) {
	t.Helper()
	raw, err := base64.RawStdEncoding.DecodeString(value)
	if err == nil {
		err = proto.Unmarshal(raw, m)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// post makes a request of Connect with JSON, unary or for a stream.
func post(t *testing.T, url string, method protoreflect.MethodDescriptor, body, token string) *http.Request {
	t.Helper()
	contentType, data := "application/json", []byte(body)
	if method.IsStreamingServer() {
		contentType, data = "application/connect+json", enveloped(data)
	}
	return request(t, url+procedure(method), contentType, data, token)
}

func request(t *testing.T, url, contentType string, body []byte, token string) *http.Request {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", contentType)
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	return req
}

// enveloped puts a message behind the prefix that gRPC and streams use.
func enveloped(message []byte) []byte {
	prefix := binary.BigEndian.AppendUint32([]byte{0}, uint32(len(message)))
	return append(prefix, message...)
}

func procedure(m protoreflect.MethodDescriptor) string {
	return "/" + string(m.Parent().FullName()) + "/" + string(m.Name())
}

// methods are all procedures of the contract.
func methods() []protoreflect.MethodDescriptor {
	var all []protoreflect.MethodDescriptor
	protoregistry.GlobalFiles.RangeFiles(func(file protoreflect.FileDescriptor) bool {
		if !strings.HasPrefix(string(file.Package()), "sheen.") {
			return true
		}
		for i := range file.Services().Len() {
			for j := range file.Services().Get(i).Methods().Len() {
				all = append(all, file.Services().Get(i).Methods().Get(j))
			}
		}
		return true
	})
	return all
}

func methodNamed(t *testing.T, name string) protoreflect.MethodDescriptor {
	t.Helper()
	for _, m := range methods() {
		if string(m.Name()) == name {
			return m
		}
	}
	t.Fatalf("there is no procedure %s", name)
	return nil
}
