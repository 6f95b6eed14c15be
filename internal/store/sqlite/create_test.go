package sqlite_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/triport/triport-console/internal/store/sqlite"
)

func TestCreateRejectsFilesOfAnEarlierDatabase(t *testing.T) {
	t.Parallel()
	for _, suffix := range []string{"-wal", ".spool", ".spool.1", ".spool.27"} {
		t.Run(suffix, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "triport.db")
			writeFile(t, path+suffix, "content")
			_, err := sqlite.Open(t.Context(), path, sqlite.Options{Mode: sqlite.Create})
			if !errors.Is(err, sqlite.ErrLeftBehind) || !strings.Contains(err.Error(), "triport.db"+suffix) || !strings.Contains(err.Error(), "move them away") {
				t.Errorf("%v", err)
			}
			if _, err := os.Lstat(path); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("a database was created: %v", err)
			}
			if _, err := sqlite.Open(t.Context(), path, sqlite.Options{Mode: sqlite.ReadWrite}); !errors.Is(err, sqlite.ErrNoDatabase) {
				t.Errorf("without creation: %v", err)
			}
		})
	}
}

func TestCreateIgnoresEmptyAndOtherFiles(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "triport.db")
	for name, content := range map[string]string{"-wal": "", ".spool": "", ".spool.1": "", ".spool.bad": "x", ".spool.lock": "x", ".spool.": "x", "2-wal": "x"} {
		writeFile(t, path+name, content)
	}
	wantSound(t, reopen(t, path, sqlite.Create))
}
