// Package llmtest gives a test a model provider on this machine: a server that
// speaks the documented format of Anthropic or OpenAI, replays streams kept in
// testdata, checks what it is asked, and fails in the ways that providers do.
//
// The streams are written after the formats' documentation: with pings, thoughts,
// characters and escapes that are split between pieces, and bytes that arrive as
// the network likes. They make a small site whose first front page has a broken
// link, so that a build has something to mend.
package llmtest
