package preview

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

func sevenFiles() Manifest {
	m := Manifest{Prompt: "é", Engine: "anthropic"}
	for i := range m.Parent {
		m.Parent[i] = byte(i)
	}
	for i := range 7 {
		content := strings.Repeat("x", i)
		m.Files = append(m.Files, FileEntry{
			Path: fmt.Sprintf("f%d.txt", i), Digest: DigestOf([]byte(content)), Size: int64(i),
		})
	}
	return m
}

// The wanted roots were computed by another implementation, in another language.
func TestRootVectors(t *testing.T) {
	t.Parallel()
	tests := []struct {
		manifest Manifest
		want     string
	}{
		{Manifest{}, "75c39b0c405d68d1566668fe46819aa8c6a991645120d55174386a6ac24c5ded"},
		{
			Manifest{Files: []FileEntry{{"index.html", DigestOf([]byte("<h1>")), 4}}, Prompt: "a salon", Engine: "offline"},
			"8d95c9d86b16a851785667e3c3bb41c60a4883c5de4cedca948a472cd0cba4aa",
		},
		{sevenFiles(), "9c57b06810d2ce1a88042ee63dd29ccd25818d96b80b65ad56ac55fe5cf47523"},
	}
	for _, test := range tests {
		if got := Root(test.manifest).String(); got != test.want {
			t.Errorf("Root(%+v) = %s, want %s", test.manifest, got, test.want)
		}
	}
}

func TestRootDependsOnEverythingButOrder(t *testing.T) {
	t.Parallel()
	want := Root(sevenFiles())
	reversed := sevenFiles()
	slices.Reverse(reversed.Files)
	if Root(reversed) != want {
		t.Error("the root depends on the order of the files")
	}
	if reversed.Files[0].Path != "f6.txt" {
		t.Error("Root changed its argument")
	}
	changes := map[string]func(*Manifest){
		"path":            func(m *Manifest) { m.Files[3].Path += "x" },
		"digest":          func(m *Manifest) { m.Files[3].Digest[0]++ },
		"size":            func(m *Manifest) { m.Files[3].Size++ },
		"prompt":          func(m *Manifest) { m.Prompt += " " },
		"engine":          func(m *Manifest) { m.Engine = "openai" },
		"parent":          func(m *Manifest) { m.Parent[31]++ },
		"no parent":       func(m *Manifest) { m.Parent = Digest{} },
		"one file less":   func(m *Manifest) { m.Files = m.Files[:6] },
		"no files":        func(m *Manifest) { m.Files = nil },
		"a file twice":    func(m *Manifest) { m.Files = append(m.Files, m.Files[6]) },
		"swapped content": func(m *Manifest) { m.Files[1].Digest, m.Files[2].Digest = m.Files[2].Digest, m.Files[1].Digest },
		"moved boundary":  func(m *Manifest) { m.Prompt, m.Engine = m.Prompt+m.Engine[:1], m.Engine[1:] },
	}
	seen := map[Digest]string{want: "nothing"}
	for name, change := range changes {
		m := sevenFiles()
		change(&m)
		got := Root(m)
		if other, taken := seen[got]; taken {
			t.Errorf("changing %s gives the root of changing %s", name, other)
		}
		seen[got] = name
	}
}

func TestParseDigest(t *testing.T) {
	t.Parallel()
	d := DigestOf([]byte("x"))
	if got, err := ParseDigest(d.String()); err != nil || got != d {
		t.Errorf("got %s, %v", got, err)
	}
	for _, s := range []string{"", d.String()[1:], d.String() + "0", strings.ToUpper(d.String()), "zz" + d.String()[2:]} {
		if _, err := ParseDigest(s); err == nil {
			t.Errorf("ParseDigest(%q) passed", s)
		}
	}
}
