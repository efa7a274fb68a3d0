package headless_test

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/sheenapps/sheen/server/preview/headless"
)

// noted is a browser whose process and home become known.
type noted struct {
	*headless.Browser

	t    *testing.T
	file string
}

// note makes a script that notes its process and home, and becomes the browser.
func note(t *testing.T) *noted {
	t.Helper()
	dir := t.TempDir()
	n := &noted{t: t, file: filepath.Join(dir, "noted")}
	script := filepath.Join(dir, "browser")
	content := "#!/bin/sh\necho $$ $HOME >" + n.file + "\nexec " + find(t) + ` "$@"` + "\n"
	if err := os.WriteFile(script, []byte(content), 0o700); err != nil {
		t.Fatal(err)
	}
	n.Browser = headless.New(script)
	return n
}

func (n *noted) told() (pid int, home string) {
	raw, err := os.ReadFile(n.file)
	fields := strings.Fields(string(raw))
	if err != nil || len(fields) != 2 {
		n.t.Fatalf("noted %q, %v", raw, err)
	}
	if pid, err = strconv.Atoi(fields[0]); err != nil {
		n.t.Fatal(err)
	}
	return pid, fields[1]
}

// leftNothing checks that neither a process nor a file of the browser is there.
func (n *noted) leftNothing() {
	n.t.Helper()
	_, home := n.told()
	if _, err := os.Stat(home); !errors.Is(err, os.ErrNotExist) {
		n.t.Errorf("its home: %v", err)
	}
	left := func() (pids []string) {
		environments, err := filepath.Glob("/proc/[0-9]*/environ")
		if err != nil {
			n.t.Fatal(err)
		}
		for _, path := range environments {
			if raw, err := os.ReadFile(path); err == nil && bytes.Contains(raw, []byte("HOME="+home+"\x00")) {
				pids = append(pids, filepath.Base(filepath.Dir(path)))
			}
		}
		return pids
	}
	if pids := left(); len(pids) > 0 {
		n.t.Errorf("processes %v are left", pids)
	}
}

// A browser that stands still costs its time, and is gone afterwards.
func TestABrowserThatHangs(t *testing.T) {
	t.Parallel()
	browser := note(t)
	const limit = 8 * time.Second // A busy machine needs some for the start.
	browser.Limit(limit)
	var once sync.Once
	stopped := false
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		once.Do(func() {
			pid, _ := browser.told()
			stopped = syscall.Kill(pid, syscall.SIGSTOP) == nil
		})
	}))
	defer server.Close()
	address := server.Listener.Addr().String()
	_, port, _ := strings.Cut(address, ":")
	began := time.Now()
	failures, err := browser.Open(t.Context(), "http://site.candidate.localhost:"+port+"/", address, []string{"/a.html", "/b.html"})
	if !errors.Is(err, headless.ErrBrowser) || len(failures) > 0 {
		t.Errorf("failures %v, error %v", failures, err)
	}
	if took := time.Since(began); took > limit+4*time.Second || !stopped {
		t.Errorf("took %v, stopped: %v", took, stopped)
	}
	browser.leftNothing()
}

// bomb is an image of 100 KB that has 900 million pixels.
func bomb(t *testing.T) string {
	t.Helper()
	const side = 30_000
	var out bytes.Buffer
	chunk := func(kind string, data []byte) {
		out.Write(binary.BigEndian.AppendUint32(nil, uint32(len(data))))
		out.WriteString(kind)
		out.Write(data)
		out.Write(binary.BigEndian.AppendUint32(nil, crc32.ChecksumIEEE(append([]byte(kind), data...))))
	}
	var pixels bytes.Buffer
	writer := zlib.NewWriter(&pixels)
	row := make([]byte, 1+side/8)
	for range side {
		if _, err := writer.Write(row); err != nil {
			t.Fatal(err)
		}
	}
	if err := writer.Close(); err != nil {
		t.Fatal(err)
	}
	out.WriteString("\x89PNG\r\n\x1a\n")
	header := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, side), side)
	chunk("IHDR", append(header, 1, 0, 0, 0, 0))
	chunk("IDAT", pixels.Bytes())
	chunk("IEND", nil)
	return out.String()
}

// Pages that ask, download, open windows, start workers and fill the memory end in
// time, do not keep the next page from being opened, and leave nothing behind.
func TestHostilePages(t *testing.T) {
	t.Parallel()
	browser := note(t)
	const spin = "new Worker(URL.createObjectURL(new Blob(['for(;;);'])))"
	files := map[string]string{
		"ask.html":      html("", "<script>alert(1);confirm(2);prompt(3);print();addEventListener('beforeunload',e=>{e.preventDefault();e.returnValue='stay'})</script>"),
		"download.html": html("", "<a id=a href=a.bin download>a</a><script>for(let i=0;i<50;i++)a.click();location.href='a.bin'</script>"),
		"windows.html":  html("", "<script>for(let i=0;i<100;i++)open('good.html')</script>"),
		"workers.html":  html("", "<script>for(let i=0;i<4;i++)"+spin+"</script>"),
		"image.html":    html("", "<img src=bomb.png alt=x>"),
		"timers.html":   html("", "<script>setInterval(()=>document.body.append('x'.repeat(1000)),1)</script>"),
		"good.html":     html("", "<script>late()</script>"),
		"bomb.png":      bomb(t),
		"a.bin":         "x",
	}
	base, address := serve(t, files)
	pages := []string{"/download.html", "/ask.html", "/windows.html", "/image.html", "/timers.html", "/workers.html", "/good.html"}
	began := time.Now()
	failures, err := browser.Open(t.Context(), base, address, pages)
	if err != nil {
		t.Fatal(err)
	}
	if took := time.Since(began); took > 50*time.Second {
		t.Errorf("took %v", took)
	}
	seen := false
	for _, f := range failures {
		seen = seen || f.Path == "good.html" && strings.Contains(f.Message, "late is not defined")
	}
	if !seen {
		t.Error("the last page was not opened")
	}
	browser.leftNothing()
}
