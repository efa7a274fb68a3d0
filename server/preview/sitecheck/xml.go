package sitecheck

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"path"
	"slices"
	"strings"
)

const svgNamespace = "http://www.w3.org/2000/svg"

// checkXML judges a text that has to be well-formed XML, and returns its root.
// visit, which may be nil, sees each element with its line.
func (c *checker) checkXML(s source, rule Rule, visit func(xml.StartElement, int)) (root xml.Name) {
	c.checks++
	decoder := xml.NewDecoder(strings.NewReader(s.text))
	for {
		token, err := decoder.Token()
		line, _ := decoder.InputPos()
		line += s.line - 1
		if err != nil {
			if !errors.Is(err, io.EOF) {
				c.fail(rule, s.file, line, "not XML: %s", strings.ToValidUTF8(err.Error(), "\uFFFD"))
			} else if root.Local == "" {
				c.fail(rule, s.file, 0, "not XML: there is no element")
			}
			return root
		}
		switch t := token.(type) {
		case xml.Directive:
			// The decoder does not read declarations, so it knows no entity of theirs.
			decoder.Strict = decoder.Strict && !bytes.Contains(t, []byte("ENTITY"))
		case xml.StartElement:
			if prefix := unknownPrefix(t); prefix != "" {
				c.fail(rule, s.file, line, "the prefix %s is not declared", quote(prefix))
				return root
			}
			if root.Local == "" {
				root = t.Name
			}
			if visit != nil {
				visit(t, line)
			}
		}
	}
}

// unknownPrefix returns the prefix of an element or one of its attributes that
// stands for no namespace: the decoder leaves it as it is.
func unknownPrefix(e xml.StartElement) string {
	names := []xml.Name{e.Name}
	for _, a := range e.Attr {
		names = append(names, a.Name)
	}
	for _, name := range names {
		if name.Space != "" && name.Space != "xmlns" && !strings.ContainsAny(name.Space, ":/.") {
			return name.Space
		}
	}
	return ""
}

// checkSVG judges a picture that is a file of its own, which browsers read as
// XML, and collects what it loads.
func (c *checker) checkSVG(s source) {
	failed := len(c.failures)
	root := c.checkXML(s, RuleContent, func(e xml.StartElement, line int) {
		switch e.Name.Local {
		case "image", "use", "feImage", "script":
		default:
			return
		}
		for _, a := range e.Attr {
			if a.Name.Local == "href" {
				c.refer(reference{file: s.file, line: line, kind: kindAsset, address: a.Value, what: "<" + e.Name.Local + " href>"})
			}
		}
	})
	if len(c.failures) == failed {
		c.expect(root.Local == "svg" && root.Space == svgNamespace, RuleContent, s.file, 0,
			"the picture is not shown: its root is not <svg xmlns=%q>", svgNamespace)
	}
}

// checkXMLFile judges a file that is XML, such as a site map.
func (c *checker) checkXMLFile(s source) {
	failed := len(c.failures)
	root := c.checkXML(s, RuleXML, nil)
	if path.Base(s.file) == "sitemap.xml" && len(c.failures) == failed {
		c.expect(slices.Contains([]string{"urlset", "sitemapindex"}, root.Local), RuleXML, s.file, 0,
			"the root of a site map is <urlset>, not <%s>", root.Local)
	}
}
