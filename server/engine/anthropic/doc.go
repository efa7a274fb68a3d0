// Package anthropic is the wire format of Anthropic's Messages API: streamed, with
// tools and prompt caching. See https://platform.claude.com/docs/en/api/messages.
//
// Tool use is asked for in words and never forced: the newer models answer a
// forced tool with an error. What a model thinks is skipped. Who
// asks what, and when again, is package llm's.
package anthropic
