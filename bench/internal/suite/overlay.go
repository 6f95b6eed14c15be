package suite

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
)

// The line of the store that sets the durability of a commit, and its replacement.
var (
	fullDurability   = []byte(`{"synchronous", "full", "2"}`)
	normalDurability = []byte(`{"synchronous", "normal", "1"}`)
)

// normalOverlay writes an overlay for the go command that builds the product with synchronous=NORMAL. The product
// has no setting for this, on purpose.
func (ws *workspace) normalOverlay() (path string, err error) {
	source := filepath.Join(ws.root, "internal", "store", "sqlite", "engine", "conn.go")
	text, err := os.ReadFile(source)
	if err != nil {
		return "", err
	}
	if bytes.Count(text, fullDurability) != 1 {
		return "", fmt.Errorf("%s does not contain %s exactly once: change overlay.go", source, fullDurability)
	}
	changed := ws.path("conn_normal.go")
	if err := os.WriteFile(changed, bytes.Replace(text, fullDurability, normalDurability, 1), 0o600); err != nil {
		return "", err
	}
	overlay, err := json.Marshal(map[string]map[string]string{"Replace": {source: changed}})
	if err != nil {
		return "", err
	}
	path = ws.path("overlay.json")
	return path, os.WriteFile(path, overlay, 0o600)
}
