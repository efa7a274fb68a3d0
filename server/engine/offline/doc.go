// Package offline is the engine that needs no model and no key: it writes real
// sites from rules, templates and copy that are part of the binary.
//
// # How a site comes about
//
// The analysis of the prompt becomes a [brief]: business, brand, place,
// languages, theme, sections. The brief is the private part of the plan and
// all that writing needs. A blueprint per business lists its pages and their
// sections; templates/ holds one template per section, shared by the
// businesses, and one stylesheet per business on top of the common one; copy/
// holds what the pages say, a file per language and business. Illustrations
// are SVG drawn by code from a seed.
//
// # Updates
//
// An update reads what its prompt asks for (wish.go), and puts it into the files
// as they stand: the base's manifest holds the brief of before, and the lines in
// which the two briefs' sites differ are merged into each file, which a person may
// have changed since. kinds.go says what each kind of the suggestions adds to
// which business. A site of another origin gets sections with a look of their own
// in its first page (guest.go).
//
// # Languages
//
// A language is a folder under copy/ with a file per business, and its name in
// languages. What is special about its money, hours and places stands in
// number.go, hours.go, region.go and place.go.
//
// A region's folder, such as copy/ar-EG, holds only what its people say
// differently. Copy is read along the locale's chain, text by text: the file of
// "en" first, the language's over it, the region's over that. Of two files laid
// over each other, an object changes the keys that it has, and all else, lists
// too, takes the place of what was there. An object may lie over a list as well:
// then its keys name entries, by their ID or by their position from 0.
//
//	{"lists": {"faq": {"2": {"Text": "نقدًا أو عبر إنستاباي."}}}}
//
// Which region's words a site uses is a matter of where the business is, like its
// currency; the locale's region counts where the prompt names no place.
//
// Digits are Latin in all languages, as shops in Arab countries write them.
//
// # Recommendations
//
// What to do next is a kind that the plan lacks, in an order that each business has
// of its own (recommend.go), worded from next.json. Its prompt is one that an update
// reads as that kind and no other.
//
// # Invariants
//
//   - The same request gives the same bytes: no clock, no map order, no
//     unseeded randomness.
//   - A site makes no request to another host. Its links are relative, name
//     the file and lead to something that exists.
//   - User text reaches a page only through html/template or JSON encoding.
//   - It works in a sandbox without storage, cookies or a same origin. What an
//     optional part would remember, it then forgets.
//   - An update writes the files that it changes and no others, and puts lines
//     into them; it replaces a line only where what the line says has changed. The
//     same update again changes nothing.
//
// It does not store files, check them or know what a build is.
package offline
