package app

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/triport/triport-console/internal/store/sqlite"
)

// waitForEnd waits until the server ends by itself, and returns the error of Run.
func (w *testServer) waitForEnd() error {
	w.t.Helper()
	select {
	case err := <-w.done:
		return err
	case <-time.After(waitLimit):
		w.t.Fatal("the server still runs")
		return nil
	}
}

// TestLostDatabaseEndsTheServer removes or replaces the database of a running server. The call after that is never
// acknowledged; if it was answered, its attempt is in the spool.
func TestLostDatabaseEndsTheServer(t *testing.T) {
	t.Parallel()
	for name, lose := range map[string]func(t *testing.T, db string){
		"removed": func(t *testing.T, db string) {
			if err := os.Remove(db); err != nil {
				t.Error(err)
			}
		},
		"replaced": func(t *testing.T, db string) {
			copied, err := os.ReadFile(db)
			if err != nil {
				t.Error(err)
			}
			if err := os.WriteFile(db+".new", copied, 0o600); err != nil {
				t.Error(err)
			}
			if err := os.Rename(db+".new", db); err != nil {
				t.Error(err)
			}
		},
		"moved away": func(t *testing.T, db string) {
			if err := os.Rename(db, filepath.Join(t.TempDir(), "elsewhere.db")); err != nil {
				t.Error(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newServer(t, nil)
			ann, bob := w.newClient("ann"), w.newClient("bob")
			lose(t, w.db)
			began := time.Now()
			if answer := w.tryAttribute(bob, ann.code); strings.Contains(answer, "true") {
				t.Errorf("the lost database acknowledged: %s", answer)
			} else if strings.Contains(answer, "internal_error") {
				if spool, err := os.ReadFile(w.db + ".spool"); err != nil || !strings.Contains(string(spool), ann.code) {
					t.Errorf("the attempt is not in the spool: %s %v", spool, err)
				}
			}
			if err := w.waitForEnd(); !errors.Is(err, errLost) {
				t.Errorf("Run returned %v", err)
			}
			if took := time.Since(began); took > 5*time.Second { // it must be one second; the machine may be busy
				t.Errorf("the end took %v", took)
			}
			const want = `level=ERROR msg="database file was removed or replaced, stopping"`
			const hint = `hint="restart the server; restore a backup first if the file is gone"`
			if log := w.log.String(); strings.Count(log, want) != 1 || !strings.Contains(log, hint) {
				t.Errorf("the log: %s", log)
			}
		})
	}
}

// TestLostDatabaseDoesNotWaitForOpenRequests keeps a request open. The server must end long before shutdown_timeout.
func TestLostDatabaseDoesNotWaitForOpenRequests(t *testing.T) {
	t.Parallel()
	w := newServer(t, map[string]string{"TRIPORT_SHUTDOWN_TIMEOUT": "1h"})
	w.holdRequest()
	began := time.Now()
	if err := os.Remove(w.db); err != nil {
		t.Fatal(err)
	}
	if err := w.waitForEnd(); !errors.Is(err, errLost) {
		t.Errorf("Run returned %v", err)
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("the end took %v", took)
	}
}

// TestLeftBehindSpoolIsRejected: a new database next to the spool of a lost one would reject its attempts.
func TestLeftBehindSpoolIsRejected(t *testing.T) {
	t.Parallel()
	db := filepath.Join(t.TempDir(), "t.db")
	if err := os.WriteFile(db+".spool", []byte("attempts\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	err := Run(t.Context(), Options{Config: testConfig(t, db, nil), Log: slog.New(slog.DiscardHandler), Now: time.Now})
	if !errors.Is(err, sqlite.ErrLeftBehind) {
		t.Errorf("Run returned %v", err)
	}
	if _, err := os.Stat(db); !os.IsNotExist(err) {
		t.Errorf("the database was created: %v", err)
	}
}
