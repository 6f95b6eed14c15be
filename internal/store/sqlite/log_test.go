package sqlite_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/triport/triport-console/internal/store/sqlite"
)

// logged is what a store logged.
type logged struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

// messages returns the message of each line.
func (l *logged) messages() (all []string) {
	for line := range strings.Lines(l.String()) {
		var entry struct{ Msg string }
		if err := json.Unmarshal([]byte(line), &entry); err != nil {
			entry.Msg = line
		}
		all = append(all, entry.Msg)
	}
	return all
}

// newLoggedStore is newStore with a logger. No line may show a path.
func newLoggedStore(t testing.TB) (*logged, *sqlite.Store, string) {
	t.Helper()
	l, path := &logged{}, filepath.Join(t.TempDir(), "triport.db")
	s, err := sqlite.Open(t.Context(), path, sqlite.Options{
		Mode: sqlite.Create, Log: slog.New(slog.NewJSONHandler(l, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close the store: %v", err)
		}
		if strings.Contains(l.String(), path) {
			t.Error("the log shows a path")
		}
	})
	return l, s, path
}
