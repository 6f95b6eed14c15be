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

// messages returns what each line says up to its colon.
func (l *logged) messages() (all []string) {
	for line := range strings.Lines(l.String()) {
		var entry struct{ Msg string }
		if err := json.Unmarshal([]byte(line), &entry); err != nil {
			entry.Msg = line
		}
		msg, _, _ := strings.Cut(entry.Msg, ":")
		all = append(all, msg)
	}
	return all
}

// openLogged is openStore with a log.
func openLogged(t testing.TB) (*logged, *sqlite.Store, string) {
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
