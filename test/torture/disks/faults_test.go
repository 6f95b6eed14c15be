package disks

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/triport/triport-console/test/torture/harness"
	"github.com/triport/triport-console/test/torture/lossyfs"
)

// The faults of a whole disk under which a session can still be looked up.
func TestADiskThatTakesNoWritesLosesNoSignIn(t *testing.T) {
	for name, f := range map[string]lossyfs.Fault{
		"full":          {Ops: lossyfs.Growing, Err: syscall.ENOSPC},
		"read-only":     {Ops: lossyfs.Changing, Err: syscall.EROFS},
		"write-errors":  {Ops: []lossyfs.Op{lossyfs.Write}, Err: syscall.EIO},
		"fsync-errors":  {Ops: []lossyfs.Op{lossyfs.Sync, lossyfs.SyncNames}, Err: syscall.EIO},
		"only-database": {Ops: []lossyfs.Op{lossyfs.Write, lossyfs.Sync}, Of: isDatabase, Err: syscall.EIO},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newLossyHouse(t)
			h.well("before")
			_, before := h.ledger.Count("attributed")
			heal := h.lossy.Disk.Inject(f)
			h.sick()
			if _, after := h.ledger.Count("attributed"); after != before {
				t.Errorf("%d calls were acknowledged, and nothing could be written", after-before)
			}
			h.onlyOK()
			heal()
			h.heals()
			h.well("after")
			h.settle(name)
		})
	}
}

func isDatabase(name string) bool { return name == "triport.db" || name == "triport.db-wal" }

// TestAnFsyncThatHangsHoldsNoSignIn gives every fsync five seconds.
func TestAnFsyncThatHangsHoldsNoSignIn(t *testing.T) {
	t.Parallel()
	h := newLossyHouse(t)
	h.well("before")
	heal := h.lossy.Disk.Inject(lossyfs.Fault{Ops: []lossyfs.Op{lossyfs.Sync, lossyfs.SyncNames}, Delay: 5 * time.Second})
	h.sick()
	h.onlyOK()
	heal()
	h.heals()
	h.well("after")
	h.settle("fsync-5s")
}

// TestReadErrorsAreNoSignOut lets no page of the database be read: nobody can be told who they are, and
// nobody is told that they are signed out.
func TestReadErrorsAreNoSignOut(t *testing.T) {
	t.Parallel()
	h := newLossyHouse(t)
	heal := h.lossy.Disk.Inject(lossyfs.Fault{Ops: []lossyfs.Op{lossyfs.Read}, Of: isDatabase, Err: syscall.EIO})
	h.sick()
	if !strings.Contains(h.unready, "look at the disk") {
		t.Errorf("/readyz says %q, which leads nobody to the disk", h.unready)
	}
	heal()
	h.heals()
	h.well("after")
	h.settle("read-errors")
}

// TestReadinessAnswersWhenLookUpsHang gives every look at a name six seconds. Whoever asks for readiness each
// second must not fill the server with questions.
func TestReadinessAnswersWhenLookUpsHang(t *testing.T) {
	t.Parallel()
	h := newLossyHouse(t)
	h.well("before")
	heal := h.lossy.Disk.Inject(lossyfs.Fault{Ops: []lossyfs.Op{lossyfs.Look}, Delay: 6 * time.Second})
	for range 3 {
		began := time.Now()
		ready, _, err := h.client.Ready(t.Context(), h.srv.Address)
		if took := time.Since(began); ready || err != nil || took > 4*time.Second {
			t.Errorf("ready=%v after %s, %v", ready, took, err)
		}
	}
	heal()
	h.heals()
	h.well("after")
	h.settle("look-ups-6s")
}

// TestErrorsByChanceLoseNothing has one in four operations of every kind fail, and the power fail at the
// end of it.
func TestErrorsByChanceLoseNothing(t *testing.T) {
	t.Parallel()
	for range harness.Scale(1, 6) {
		h := newLossyHouse(t)
		h.well("before")
		heal := h.lossy.Disk.Inject(lossyfs.Fault{
			Ops: []lossyfs.Op{lossyfs.Read, lossyfs.Write, lossyfs.Sync, lossyfs.SyncNames, lossyfs.Truncate}, Chance: 0.25, Err: syscall.EIO,
		})
		for range 5 {
			h.wave()
		}
		heal()
		h.heals()
		h.well("after")
		h.settle("errors-by-chance")
	}
}

// TestAFullDiskLosesNoSignIn fills a file system to its last byte.
func TestAFullDiskLosesNoSignIn(t *testing.T) {
	t.Parallel()
	h := newHouse(t, tmpfs(t))
	h.well("before")
	ballast := fill(t, h.Dir)
	h.sick()
	h.onlyOK()
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	h.heals()
	h.well("after")
	h.settle("full-tmpfs")
}

// tmpfs mounts a small one.
func tmpfs(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=4m,mode=700"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}

func fill(t *testing.T, dir string) (name string) {
	t.Helper()
	f, err := os.Create(filepath.Join(dir, "ballast"))
	if err != nil {
		t.Fatal(err)
	}
	_, err = io.CopyN(f, zeros{}, 1<<30)
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("filling the disk ended with %v", err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	return f.Name()
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }
