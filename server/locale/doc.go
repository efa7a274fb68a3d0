// Package locale decides which language a person is answered in and holds the
// texts that a person reads.
//
// # Words
//
// A locale is one of the nine canonical BCP 47 tags of [Supported]. Its chain
// is the locale, its language and English: ar-EG, ar, en. A catalogue is the
// file of one locale, catalogue/<tag>.json, a flat object of key to message. A
// message may hold placeholders such as {brand}.
//
// # Invariants
//
//   - [Resolve] always answers with a supported locale and never fails.
//   - The chain is walked per message, not per file. A regional catalogue
//     holds only what is said differently there.
//   - en, ar, fr, es and de hold every key, with the same placeholders and
//     counted by the same one.
//   - Every key in the catalogues is used and every key used is in them.
//     Domains write a key as a literal where they use it; keys that are put
//     together from parts, such as event.phase.<phase>.title, are listed in
//     the test that compares the two.
//   - An argument is data: braces in it are never expanded, and where it may
//     run against the direction of the message it is isolated, so that a file
//     name in an Arabic sentence keeps its order.
//
// # Counts
//
// A message that counts is an object instead of a string: it names the
// placeholder that it counts with, and holds a form for each plural category
// (CLDR) that the language has.
//
//	"event.step.check.description": {
//	  "count": {"one": "{count} file to check", "other": "{count} files to check"}
//	}
//
// English, German and Spanish have one and other; French too, where one is said
// of 0 as well; Arabic has all six: zero, one, two, few, many and other. Only a
// form of a single number may write that number as a word. A place in a row,
// such as "file 3 of 12", agrees with nothing and needs no forms.
//
// # Numbers
//
// A whole number is written as the locale's readers expect it:
//
//	en, ar, ar-AE       12,345
//	ar-EG, ar-SA        ١٢٬٣٤٥
//	fr                  12 345 (the space does not break)
//	fr-MA, es, de       12.345 (but 1234 in Spanish, up to four digits)
//
// CLDR gives Egypt and Saudi Arabia Arabic digits, and the Emirates and the
// Maghreb those of the rest of the world; ar alone, which is also what all other
// countries get, takes the latter as the web does. Strings are never
// reformatted: a version or a file name is an argument of type string.
//
// # Placeholders
//
// A caller passes all that the message names; one that is not passed stays
// visible as it is written.
//
//	event.phase.coding.description     {brand}
//	event.phase.deploying.description  {brand}
//	event.phase.complete.description   {brand}
//	event.phase.fixing.description     {attempt} {limit}
//	event.step.plan.description        {brand}
//	event.step.write.title             {file}
//	event.step.write.description       {index} {count}
//	event.step.check.description       {count}
//	event.step.version.description     {count}
//	event.retry.files                  {count}
//	billing.packageOf.minutes.title    {minutes}
//
// # What it does not do
//
// It formats no dates and no fractions, because no message holds one: a time
// leaves the server as a timestamp, for the client to write in the reader's time
// zone. It does not escape; whoever puts a message into HTML does. It knows no
// domain, and all domains may use it.
//
// Everything in the package is safe for concurrent use.
package locale
