package app

import (
	"bytes"
	"context"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/triport/triport-console/internal/store/sqlite"
)

func TestLockedDatabaseDelaysOnlyTheRecordOfTheSignupWindow(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "t.db")
	store, err := sqlite.Open(t.Context(), path, sqlite.Options{Mode: sqlite.Create})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	release := holdWriteLock(t, path)
	var log bytes.Buffer
	a := &app{store: store, Options: Options{Log: slog.New(slog.NewTextHandler(&log, nil))}}
	a.Config.Referral.SignupWindow = time.Hour
	if a.recorded = a.recordSignupWindow(t.Context()); a.recorded == nil {
		t.Fatal("recorded in a locked database")
	}
	release()
	ticks := make(chan time.Time, 1)
	ticks <- time.Time{}
	a.keepRecording(t.Context(), ticks)
	if n := strings.Count(log.String(), "signup window could not be recorded"); n != 1 {
		t.Errorf("logged %d times: %s", n, &log)
	}
	if window, found, err := store.SignupWindow(context.Background()); window != time.Hour || !found || err != nil {
		t.Errorf("recorded %s, %t, %v", window, found, err)
	}
}
