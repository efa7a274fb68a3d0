package webhook

import (
	"testing"
)

func TestAddresses(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		url, allow string
		ok         bool
	}{
		{"https://example.com", "", true},
		{"https://example.com/hook?a=b", "", true},
		{"https://EXAMPLE.com:443/", "", true},
		{"https://example.com./", "", true},
		{"https://xn--bcher-kva.example/", "", true},
		{"https://93.184.216.34/", "", true},
		{"https://[2606:2800:220:1::1]/", "", true},
		{"http://example.com/", "", false},
		{"ftp://example.com/", "", false},
		{"https:example.com", "", false},
		{"https://", "", false},
		{"https:///path", "", false},
		{"https://./", "", false},
		{"https://a..com/", "", false},
		{"https://user@example.com/", "", false},
		{"https://user:secret@example.com/", "", false},
		{"https://example.com/#part", "", false},
		{"https://example.com/#", "", false},
		{"https://example.com:80/", "", false},
		{"https://example.com:8443/", "", false},
		{"https://bücher.example/", "", false},
		{"https://127。0。0。1/", "", false},
		{"https://①②⑦.0.0.1/", "", false},
		{"https://example.com%00.local/", "", false},
		{"https://localhost/", "", false},
		{"https://internal/", "", false},
		{"https://1.2.3/", "", false},
		{"https://1.2.3.4.5/", "", false},
		{"https://example.0x7f/", "", false},
		{"http://localhost:9000/", "localhost:9000", true},
		{"https://localhost:9000/", "localhost:9000", true},
		{"http://LocalHost:9000/", "LOCALHOST:9000", true},
		{"http://localhost:9001/", "localhost:9000", false},
		{"http://localhost/", "localhost:80", true},
		{"http://127.0.0.1:1234/", "127.0.0.0/8", true},
		{"http://[::ffff:127.0.0.1]:1234/", "127.0.0.0/8", true},
		{"http://128.0.0.1:1234/", "127.0.0.0/8", false},
		{"https://hooks.internal:8443/", "10.0.0.0/8", true},
		{"https://hooks/", "10.0.0.0/8", true},
		{"http://hooks.internal/", "10.0.0.0/8", false},
		{"https://192.168.0.1/", "10.0.0.0/8", false},
		{"https://0x7f000001/", "10.0.0.0/8", false},
	} {
		var allow Allow
		if test.allow != "" {
			var err error
			if allow, err = ParseAllow(test.allow); err != nil {
				t.Fatal(err)
			}
		}
		if refusal := newGuard(allow, nil).check(test.url); (refusal == nil) != test.ok {
			t.Errorf("%s with %q: %v", test.url, test.allow, refusal)
		}
	}
}

func TestParseAllow(t *testing.T) {
	t.Parallel()
	if _, err := ParseAllow(" localhost:80 , 10.0.0.0/8,[::1]:443,fd00::/8"); err != nil {
		t.Error(err)
	}
	for _, raw := range []string{"", ",", "localhost", ":80", "host:0", "host:65536", "host:http", "10.0.0.0/33", "10.0.0.1", "https://host:80"} {
		if allow, err := ParseAllow(raw); err == nil {
			t.Errorf("%q is %+v", raw, allow)
		}
	}
}
