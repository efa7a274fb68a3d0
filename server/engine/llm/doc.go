// Package llm writes sites with large language models: the prompts, what is made
// of the answers, the retries and the accounting. How a request and its stream
// look on the wire is a provider's matter, see [Wire]; the folders anthropic and
// openai beside this one hold one each.
//
// # How a site is made
//
// One call plans: the model talks to the user, then hands in the plan with a tool.
// One call per file writes it, with another tool, and one call per file that failed
// a test mends it. So a finished file is a finished call, and a takeover repeats
// none. The files are hidden until their call is whole; only the words of the plan
// are seen while they come.
//
// What to do with the site next is one call more, with rules and a tool of its own.
// It is made once: whoever asked for it decides whether to ask again.
//
// # Invariants
//
//   - Every try of a call is reported to the sink once, whatever became of it.
//   - A try is repeated only while the user has seen nothing of it.
//   - The user's prompt and files are data in a request: JSON in which no tag can
//     be closed. A model's answer is data too: paths go through
//     [engine.CleanPath], kinds and languages are taken from lists.
//   - No prompt, no answer and no key is part of an error.
package llm
