package config

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"go.yaml.in/yaml/v3"
)

// readFile reads the named file or the first standard location.
func readFile(in Sources) (path string, values map[string]any, problems []error) {
	path = cmp.Or(in.File, standardFile(in.Getenv))
	if path == "" {
		return "", nil, nil
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return path, nil, []error{fmt.Errorf("the file cannot be read: %w", err)}
	}
	values, problems = parseFile(path, text)
	return path, values, problems
}

// standardFile returns the first location that exists, or nothing. Commands must work in directories it may not enter.
func standardFile(getenv func(string) string) string {
	locations := []string{"./triport-console.yaml"}
	dir := getenv("XDG_CONFIG_HOME")
	if home := getenv("HOME"); dir == "" && home != "" {
		dir = filepath.Join(home, ".config")
	}
	if dir != "" {
		locations = append(locations, filepath.Join(dir, "triport-console", "config.yaml"))
	}
	for _, path := range append(locations, "/etc/triport-console/config.yaml") {
		_, err := os.Stat(path)
		if !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, fs.ErrPermission) && !errors.Is(err, syscall.ENOTDIR) {
			return path
		}
	}
	return ""
}

// parseFile returns the values of a file by key. It accepts keys only as documented, each once.
func parseFile(path string, text []byte) (map[string]any, []error) {
	dec := yaml.NewDecoder(bytes.NewReader(text))
	var doc, more yaml.Node
	if err := dec.Decode(&doc); errors.Is(err, io.EOF) {
		return nil, nil
	} else if err != nil {
		return nil, []error{fmt.Errorf("%s: %w", path, err)}
	}
	if err := dec.Decode(&more); !errors.Is(err, io.EOF) {
		return nil, []error{fmt.Errorf("%s: contains more than one document", path)}
	}
	p := fileParser{path: path, values: map[string]any{}}
	p.section("", doc.Content[0])
	return p.values, p.problems
}

type fileParser struct {
	path     string
	values   map[string]any
	problems []error
}

func (p *fileParser) problem(n *yaml.Node, name, format string, args ...any) {
	p.problems = append(p.problems, fmt.Errorf("%s: %s (%s:%d)", name, fmt.Sprintf(format, args...), p.path, n.Line))
}

// section reads the keys whose names begin with prefix.
func (p *fileParser) section(prefix string, n *yaml.Node) {
	if n = resolve(n); n.Kind != yaml.MappingNode {
		if !isNull(n) {
			p.problem(n, cmp.Or(strings.TrimSuffix(prefix, "."), "the file"), "expected keys and values")
		}
		return
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		node := resolve(n.Content[i])
		name := prefix + node.Value
		if seen[name] {
			p.problem(node, name, "appears twice")
			continue
		}
		seen[name] = true
		p.entry(name, node, n.Content[i+1])
	}
}

// entry reads a key and its value, or a section.
func (p *fileParser) entry(name string, node, value *yaml.Node) {
	i := slices.IndexFunc(keys, func(k key) bool { return k.name == name })
	section := slices.ContainsFunc(keys, func(k key) bool { return strings.HasPrefix(k.name, name+".") })
	switch {
	case i < 0 && !section:
		p.problem(node, name, "unknown key%s", suggestion(name))
	case strings.Contains(node.Value, "."):
		p.problem(node, name, "write it nested: %s", strings.ReplaceAll(name, ".", ": "))
	case section:
		p.section(name+".", value)
	default:
		p.value(keys[i], resolve(value))
	}
}

// value stores a value as it is written: YAML reads 1.10 as 1.1, and no as false.
func (p *fileParser) value(k key, n *yaml.Node) {
	switch {
	case isNull(n):
	case k.isList() && n.Kind == yaml.SequenceNode:
		elements := []string{}
		for _, e := range n.Content {
			if e = resolve(e); !isText(e) || isNull(e) {
				p.problem(e, k.name, "expected a list of strings")
				return
			}
			elements = append(elements, e.Value)
		}
		p.values[k.name] = elements
	case k.isList():
		p.problem(n, k.name, "expected a list, such as [a, b]")
	case isText(n):
		p.values[k.name] = n.Value
	default:
		p.problem(n, k.name, "expected a single value")
	}
}

func resolve(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode {
		return n.Alias
	}
	return n
}

// isText reports whether a node is a text, not base64.
func isText(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.ShortTag() != "!!binary" }

func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null" }

func suggestion(name string) string {
	last := func(s string) string { return s[strings.LastIndexByte(s, '.')+1:] }
	for _, k := range keys {
		if near(k.name, strings.ToLower(name), 2) || last(k.name) == last(name) {
			return fmt.Sprintf(" (did you mean %s?)", k.name)
		}
	}
	return ""
}

// near reports whether at most n bytes must be inserted, deleted or changed to turn a into b.
func near(a, b string, n int) bool {
	for a != "" && b != "" && a[0] == b[0] {
		a, b = a[1:], b[1:]
	}
	if a == "" || b == "" {
		return len(a)+len(b) <= n
	}
	return n > 0 && (near(a[1:], b, n-1) || near(a, b[1:], n-1) || near(a[1:], b[1:], n-1))
}
