package preview

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"math/bits"
	"slices"
	"strings"
)

// Domains of the hashes, so that the hash of one kind of thing can never be
// taken for that of another. They are part of every root that was ever stored:
// a change of what is hashed is a new version of the text.
const (
	leafDomain = "sheen.version.file.v1"
	nodeDomain = "sheen.version.node.v1"
	rootDomain = "sheen.version.root.v1"
)

// FileEntry is a file of a version, by its digest.
type FileEntry struct {
	Path   string
	Digest Digest
	// Size is the content's length in bytes.
	Size int64
}

// Manifest is everything that makes a version what it is.
type Manifest struct {
	// Files are the version's files, in any order.
	Files []FileEntry
	// Prompt is what the user wrote, and Engine the name of what answered.
	Prompt string
	Engine string
	// Parent is the root of the version that this one was made from; zero when
	// there was none.
	Parent Digest
}

// Root returns the digest that stands for m as a whole: a Merkle tree over the
// files sorted by path, of the shape of RFC 6962, section 2.1, hashed together
// with the prompt, the engine and the parent. Two manifests have the same root
// only if they differ in nothing but the order of the files.
func Root(m Manifest) Digest {
	files := slices.Clone(m.Files)
	slices.SortFunc(files, func(a, b FileEntry) int {
		return cmp.Or(
			strings.Compare(a.Path, b.Path),
			slices.Compare(a.Digest[:], b.Digest[:]),
			cmp.Compare(a.Size, b.Size),
		)
	})
	leaves := make([]Digest, len(files))
	for i, f := range files {
		leaves[i] = hashParts(leafDomain, []byte(f.Path), f.Digest[:], uint64Bytes(uint64(f.Size))) //nolint:gosec // never negative
	}
	tree := treeHash(leaves)
	return hashParts(rootDomain, uint64Bytes(uint64(len(files))), tree[:],
		[]byte(m.Prompt), []byte(m.Engine), m.Parent[:])
}

// treeHash returns the head of the tree over leaves, zero for none.
func treeHash(leaves []Digest) Digest {
	switch len(leaves) {
	case 0:
		return Digest{}
	case 1:
		return leaves[0]
	}
	// The left side is the largest power of two below the number of leaves.
	split := 1 << (bits.Len(uint(len(leaves)-1)) - 1)
	left, right := treeHash(leaves[:split]), treeHash(leaves[split:])
	return hashParts(nodeDomain, left[:], right[:])
}

// hashParts hashes the domain and the parts, each after its length in eight
// big-endian bytes, so that no two lists of parts give the same input.
func hashParts(domain string, parts ...[]byte) Digest {
	h := sha256.New()
	for _, part := range append([][]byte{[]byte(domain)}, parts...) {
		h.Write(uint64Bytes(uint64(len(part))))
		h.Write(part)
	}
	return Digest(h.Sum(nil))
}

func uint64Bytes(n uint64) []byte { return binary.BigEndian.AppendUint64(nil, n) }
