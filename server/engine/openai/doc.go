// Package openai is the wire format of OpenAI's Chat Completions: streamed, with
// functions. See https://platform.openai.com/docs/api-reference/chat. Many others
// speak it: Ollama, vLLM, OpenRouter; so only what they share is sent, and what
// they leave out is coped with. Who asks what, and when again, is package llm's.
package openai
