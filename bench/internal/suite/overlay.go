package suite

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
)

// The one line of the store that says how durable a commit is, and what it is replaced by.
var (
	fullDurability   = []byte(`{"synchronous", "full", "2"}`)
	normalDurability = []byte(`{"synchronous", "normal", "1"}`)
)

// normalOverlay writes an overlay for the go command with which the product is built as it is but for
// synchronous=NORMAL. The product has no setting for it, and is not meant to have one.
func (l *lab) normalOverlay() (path string, err error) {
	source := filepath.Join(l.root, "internal", "sqlite", "conn.go")
	text, err := os.ReadFile(source)
	if err != nil {
		return "", err
	}
	if bytes.Count(text, fullDurability) != 1 {
		return "", fmt.Errorf("%s does not hold %s exactly once: tell overlay.go how it sets its durability now", source, fullDurability)
	}
	changed := l.path("conn_normal.go")
	if err := os.WriteFile(changed, bytes.Replace(text, fullDurability, normalDurability, 1), 0o600); err != nil {
		return "", err
	}
	overlay, err := json.Marshal(map[string]map[string]string{"Replace": {source: changed}})
	if err != nil {
		return "", err
	}
	path = l.path("overlay.json")
	return path, os.WriteFile(path, overlay, 0o600)
}
