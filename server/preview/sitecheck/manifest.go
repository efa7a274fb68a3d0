package sitecheck

import "encoding/json"

// webManifest is what of a web application manifest is judged.
type webManifest struct {
	StartURL string `json:"start_url"`
	Icons    []struct {
		Src string `json:"src"`
	} `json:"icons"`
}

// checkManifest judges a web application manifest, and collects what it names.
func (c *checker) checkManifest(s source) {
	if !c.checkJSON(s) {
		return
	}
	var manifest webManifest
	if err := json.Unmarshal([]byte(s.text), &manifest); err != nil {
		c.fail(RuleJSON, s.file, 0, "not a manifest: %s", err)
		return
	}
	c.refer(reference{file: s.file, kind: kindLink, address: manifest.StartURL, what: "start_url"})
	for _, icon := range manifest.Icons {
		c.refer(reference{file: s.file, kind: kindAsset, address: icon.Src, what: "icon"})
	}
}

// readImportMap keeps the names that an import map explains, and what they mean.
func (c *checker) readImportMap(s source) {
	if !c.checkJSON(s) {
		return
	}
	var table struct {
		Imports map[string]string `json:"imports"`
	}
	if err := json.Unmarshal([]byte(s.text), &table); err != nil {
		c.fail(RuleJSON, s.file, s.line, "not an import map: %s", err)
		return
	}
	for name, address := range table.Imports {
		c.mapped = append(c.mapped, name)
		if address != "" && address[len(address)-1] != '/' {
			c.refer(reference{file: s.file, line: s.line, kind: kindModule, address: address, what: "import map", base: s.base})
		}
	}
}
