package cli

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"go.yaml.in/yaml/v3"
)

// parseFile reads the values of a configuration file by their keys. It takes keys exactly as they
// are documented, each once; every fault is returned with its place. A key without a value is as if
// it were not there.
func parseFile(path string, text []byte) (map[string]any, []error) {
	p := fileParser{path: path, values: map[string]any{}}
	dec := yaml.NewDecoder(bytes.NewReader(text))
	var doc, more yaml.Node
	if err := dec.Decode(&doc); errors.Is(err, io.EOF) {
		return p.values, nil
	} else if err != nil {
		return nil, []error{fmt.Errorf("%s: %w", path, err)}
	}
	if err := dec.Decode(&more); !errors.Is(err, io.EOF) {
		return nil, []error{fmt.Errorf("%s: holds more than one document", path)}
	}
	p.section("", doc.Content[0])
	return p.values, p.faults
}

type fileParser struct {
	path   string
	values map[string]any
	faults []error
}

func (p *fileParser) fault(n *yaml.Node, key, format string, args ...any) {
	p.faults = append(p.faults, fmt.Errorf("%s: %s (%s:%d)", key, fmt.Sprintf(format, args...), p.path, n.Line))
}

// section reads the keys below a prefix.
func (p *fileParser) section(prefix string, n *yaml.Node) {
	n = resolve(n)
	switch {
	case isNull(n):
		return
	case n.Kind != yaml.MappingNode:
		p.fault(n, sectionName(prefix), "expected keys and values")
		return
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		name, value := resolve(n.Content[i]), n.Content[i+1]
		key := prefix + name.Value
		switch s := findSetting(key); {
		case seen[key]:
			p.fault(name, key, "appears twice")
		case strings.Contains(name.Value, ".") && (s != nil || isSection(key)):
			p.fault(name, key, "write it nested: %s", strings.ReplaceAll(key, ".", ": "))
		case isSection(key):
			p.section(key+".", value)
		case s == nil:
			p.fault(name, key, "there is no such key%s", suggestKey(key))
		default:
			p.value(*s, resolve(value))
		}
		seen[key] = true
	}
}

// value reads one value as the text it was written as, so that nothing turns 1.10 into 1.1 or no into false.
func (p *fileParser) value(s setting, n *yaml.Node) {
	switch {
	case isNull(n):
	case s.isList() && n.Kind == yaml.SequenceNode:
		elements := []string{}
		for _, e := range n.Content {
			if e = resolve(e); !isText(e) || isNull(e) {
				p.fault(e, s.key, "expected a list of texts")
				return
			}
			elements = append(elements, e.Value)
		}
		p.values[s.key] = elements
	case s.isList():
		p.fault(n, s.key, "expected a list, such as [a, b]")
	case isText(n):
		p.values[s.key] = n.Value
	default:
		p.fault(n, s.key, "expected a single value")
	}
}

func resolve(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode {
		return n.Alias
	}
	return n
}

// isText tells whether a node means what is written there: base64 does not.
func isText(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.ShortTag() != "!!binary" }

func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null" }

// isSection tells whether keys begin with this one and a dot.
func isSection(key string) bool {
	for _, s := range settings {
		if strings.HasPrefix(s.key, key+".") {
			return true
		}
	}
	return false
}

func sectionName(prefix string) string {
	if prefix == "" {
		return "the file"
	}
	return strings.TrimSuffix(prefix, ".")
}

// suggestKey names the key that was probably meant, where one is near.
func suggestKey(key string) string {
	last := key[strings.LastIndex(key, ".")+1:]
	for _, s := range settings {
		if strings.EqualFold(s.key, key) || distance(s.key, strings.ToLower(key)) <= 2 ||
			s.key[strings.LastIndex(s.key, ".")+1:] == last {
			return fmt.Sprintf(" (did you mean %s?)", s.key)
		}
	}
	return ""
}

// distance is Levenshtein's: how many letters must be put in, left out or changed.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
