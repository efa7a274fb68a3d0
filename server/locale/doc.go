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
//   - en, ar, fr, es and de hold every key, with the same placeholders.
//   - Every key in the catalogues is used and every key used is in them.
//     Domains write a key as a literal where they use it; keys that are put
//     together from parts, such as event.phase.<phase>.title, are listed in
//     the test that compares the two.
//   - An argument is data: braces in it are never expanded, and where it may
//     run against the direction of the message it is isolated, so that a file
//     name in an Arabic sentence keeps its order.
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
// It formats no numbers, dates or plurals: messages with a number are written
// so that they read well with any. It does not escape; whoever puts a message
// into HTML does. It knows no domain, and all domains may use it.
//
// Everything in the package is safe for concurrent use.
package locale
