// Package rules decides, without a model, a store or a clock, what a site may
// do next. It imports the standard library only.
//
// # How a list is made
//
//  1. What the prompt left out, in the order in which it was noticed.
//  2. What suits the business, by weight: a table per kind of business, moved a
//     little by the audience and the tone.
//  3. What suits every site, by weight. Unless one has come up before, the
//     last place of a list of two or more is kept for it.
//
// Facts are words, written by people or models in any of five languages. They
// are folded (case, accents, Arabic spelling variants, camelCase) and looked up
// in tables of aliases: "contact details", "téléphone" and "رقم الهاتف" all mean
// [Contact]. Words that the tables do not know mean nothing.
//
// # Invariants
//
//   - The same facts give the same list.
//   - No kind comes twice, and none that the site has or was asked to have.
//   - Every kind is one of the nineteen of [Kinds], and each can be reached.
//   - A list is shorter than its limit only when nothing that fits is left.
//
// It does not word suggestions; server/recommend does. Everything here is safe
// for concurrent use.
package rules
