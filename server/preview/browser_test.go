package preview_test

import (
	"context"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/sheenapps/sheen/server/preview"
)

// A site under the exact policy in a real browser: everything of its own works,
// nothing else is reached, and no storage or cookie is to be had.
func TestPreviewInBrowser(t *testing.T) {
	t.Parallel()
	chromium, err := exec.LookPath("chromium")
	if err != nil {
		t.Skip("no chromium in PATH")
	}
	const page = `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>T</title>
<link rel="stylesheet" href="css/a.css"><style>#inline{color:rgb(1,2,3)}</style></head><body>
<p id="sheet">x</p><p id="inline">x</p><img id="img" src="i.svg" alt=""><p id="attr" style="color:rgb(4,5,6)">x</p>
<iframe name="answer" hidden></iframe><form id="form" action="thanks.html"><input name="q" value="1"></form>
<pre id="result">waiting</pre><script src="a.js"></script><script type="module" src="m.js"></script></body></html>`
	const code = `
const results = [];
const color = id => getComputedStyle(document.getElementById(id)).color;
const note = (name, ok) => results.push(name + "=" + (ok ? "yes" : "no"));
addEventListener("load", async () => {
  note("sheet", color("sheet") === "rgb(7, 8, 9)");
  note("inline", color("inline") === "rgb(1, 2, 3)");
  note("attr", color("attr") === "rgb(4, 5, 6)");
  note("img", document.getElementById("img").naturalWidth === 5);
  note("module", window.moduleRan === true);
  note("fetch", await fetch("d.json").then(r => r.json()).then(d => d.a === 1, () => false));
  note("opaque", self.origin === "null");
  try { document.cookie = "a=b"; note("cookie", true) } catch { note("cookie", false) }
  try { localStorage.a = 1; note("storage", true) } catch { note("storage", false) }
  note("outside", await fetch(OUTSIDE, {mode: "no-cors"}).then(() => true, () => false));
  note("sibling", await fetch(SIBLING, {mode: "no-cors"}).then(() => true, () => false));
  document.getElementById("result").textContent = results.join(" ");
  document.title = "done";
  if (location.hash === "#send") document.getElementById("form").submit();
});`
	outside := setup(t, map[string]string{"x.txt": "x"})
	sibling := "http://" + outside.host + ":" + portOf(outside.address) + "/x.txt"
	b := setup(t, map[string]string{
		"index.html":  page,
		"a.js":        "const OUTSIDE='http://" + outside.address + "/x.txt', SIBLING='" + sibling + "';" + code,
		"m.js":        "import {v} from './n.js'; window.moduleRan = v;",
		"n.js":        "export const v = true;",
		"css/a.css":   "@import 'b.css';",
		"css/b.css":   "#sheet{color:rgb(7,8,9)}",
		"i.svg":       `<svg xmlns="http://www.w3.org/2000/svg" width="5" height="5"/>`,
		"d.json":      `{"a":1}`,
		"thanks.html": `<!doctype html><title>sent</title><p id="thanks">thank you</p>`,
	})
	origin := preview.Origin{Scheme: "http", Domain: domain, Port: atoi(t, portOf(b.address))}
	dom := dumpDOM(t, chromium, origin.URL(b.version))
	want := "sheet=yes inline=yes attr=yes img=yes module=yes fetch=yes opaque=yes cookie=no storage=no " +
		"outside=no sibling=no"
	if !strings.Contains(dom, want) {
		t.Errorf("the page says\n%s\nwant %s", dom, want)
	}
	if dom := dumpDOM(t, chromium, origin.URL(b.version)+"#send"); !strings.Contains(dom, "thank you") {
		t.Errorf("the form led to\n%s", dom)
	}
}

// dumpDOM returns the page's markup once it has settled.
func dumpDOM(t *testing.T, chromium, address string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, chromium, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run",
		"--user-data-dir="+t.TempDir(), "--virtual-time-budget=5000", "--dump-dom", address).Output()
	if err != nil {
		t.Fatalf("chromium: %v", err)
	}
	return string(out)
}

func portOf(address string) string { return address[strings.LastIndex(address, ":")+1:] }

func atoi(t *testing.T, s string) int {
	t.Helper()
	n, err := strconv.Atoi(s)
	if err != nil {
		t.Fatal(err)
	}
	return n
}
