package llm

import (
	"encoding/json"
	"maps"
	"slices"

	"github.com/sheenapps/sheen/server/engine/analysis"
)

// The tools.
const (
	planTool = "submit_plan"
	fileTool = "write_file"
)

// object is a JSON Schema, or a part of one.
type object map[string]any

// tools are those of every call: a provider that remembers the beginning of a
// request remembers them too.
func tools() []Tool {
	return []Tool{
		{
			Name:        planTool,
			Description: "Hands in the plan of the site. Call it once, after you have told the customer about it.",
			Schema: schema(object{
				"title":         text("The site's name as a person would say it."),
				"summary":       text("One sentence about the site, in the site's language."),
				"business_type": object{"type": "string", "enum": analysis.BusinessTypes()},
				"locale":        text("BCP 47 tag of the site's main language, such as en or fr-MA."),
				"features": object{
					"type": "array", "items": object{"type": "string", "enum": analysis.Kinds()},
					"description": "What the site offers after this build.",
				},
				"design": text("What the files must share, for those who write them one by one: colors, fonts, spacing, " +
					"every CSS class and what it looks like, the exact markup of header, navigation and footer, the ids of sections that are linked to, what each script does."),
				"files": object{
					"type": "array", "maxItems": maxPlanned,
					"description": "The files to write, in that order: style sheets and scripts first, then the pages. In an update, only those that change or are new.",
					"items": schemaOf(object{
						"path":    text("Relative path with forward slashes, such as index.html or css/site.css."),
						"purpose": text("A few words for the customer, in the site's language."),
					}),
				},
			}),
		},
		{
			Name:        fileTool,
			Description: "Writes one file, whole.",
			Schema: schema(object{
				"path":    text("The path that was asked for, unchanged."),
				"content": text("All of the file's content."),
			}),
		},
	}
}

func text(description string) object { return object{"type": "string", "description": description} }

// schemaOf is that of an object that has all the properties and no others.
func schemaOf(properties object) object {
	return object{"type": "object", "properties": properties, "required": slices.Sorted(maps.Keys(properties)), "additionalProperties": false}
}

// schema is the JSON of an object with properties: strings, numbers and lists of
// them, which always have one.
func schema(properties object) json.RawMessage {
	raw, err := json.Marshal(schemaOf(properties))
	if err != nil {
		return json.RawMessage(`{"type":"object"}`)
	}
	return raw
}
