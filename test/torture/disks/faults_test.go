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

// With these faults, sessions can still be looked up.
func TestUnwritableDiskSpoolsAttemptsAndRecovers(t *testing.T) {
	for name, fault := range map[string]lossyfs.Fault{
		"full":          {Ops: lossyfs.Growing, Err: syscall.ENOSPC},
		"read-only":     {Ops: lossyfs.Changing, Err: syscall.EROFS},
		"write-errors":  {Ops: []lossyfs.Op{lossyfs.Write}, Err: syscall.EIO},
		"fsync-errors":  {Ops: []lossyfs.Op{lossyfs.Sync, lossyfs.SyncNames}, Err: syscall.EIO},
		"only-database": {Ops: []lossyfs.Op{lossyfs.Write, lossyfs.Sync}, Of: isDatabase, Err: syscall.EIO},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newLossyFixture(t)
			f.wantAttributed("before")
			before := f.attributed()
			remove := f.lossy.Disk.Inject(fault)
			f.callUntilUnready()
			if n := f.attributed() - before; n != 0 {
				t.Errorf("%d calls were acknowledged although nothing could be written", n)
			}
			f.wantOnly200()
			remove()
			f.waitRecovered()
			f.wantAttributed("after")
			f.finish(name)
		})
	}
}

func isDatabase(name string) bool { return name == "triport.db" || name == "triport.db-wal" }

// Every fsync takes five seconds.
func TestHangingFsyncDelaysNoAnswerBeyondDeadline(t *testing.T) {
	t.Parallel()
	f := newLossyFixture(t)
	f.wantAttributed("before")
	remove := f.lossy.Disk.Inject(lossyfs.Fault{Ops: []lossyfs.Op{lossyfs.Sync, lossyfs.SyncNames}, Delay: 5 * time.Second})
	f.callUntilUnready()
	f.wantOnly200()
	remove()
	f.waitRecovered()
	f.wantAttributed("after")
	f.finish("fsync-5s")
}

// No page of the database can be read, so no session can be checked. The answer is 503, not 401.
func TestReadErrorsSignNoUserOut(t *testing.T) {
	t.Parallel()
	f := newLossyFixture(t)
	remove := f.lossy.Disk.Inject(lossyfs.Fault{Ops: []lossyfs.Op{lossyfs.Read}, Of: isDatabase, Err: syscall.EIO})
	f.callUntilUnready()
	if !strings.Contains(f.unready, "check the disk") {
		t.Errorf("/readyz reports %q, which does not name the disk", f.unready)
	}
	remove()
	f.waitRecovered()
	f.wantAttributed("after")
	f.finish("read-errors")
}

// Every lookup of a name takes six seconds. Requests to /readyz must not pile up.
func TestReadyzAnswersWhileNameLookupsHang(t *testing.T) {
	t.Parallel()
	f := newLossyFixture(t)
	f.wantAttributed("before")
	remove := f.lossy.Disk.Inject(lossyfs.Fault{Ops: []lossyfs.Op{lossyfs.Look}, Delay: 6 * time.Second})
	for range 3 {
		started := time.Now()
		ready, _, err := f.client.Ready(t.Context(), f.srv.Address)
		if took := time.Since(started); ready || err != nil || took > 4*time.Second {
			t.Errorf("ready=%v after %s, %v", ready, took, err)
		}
	}
	remove()
	f.waitRecovered()
	f.wantAttributed("after")
	f.finish("lookups-6s")
}

// One in four operations fails, and the power is cut at the end.
func TestRandomErrorsLoseNothing(t *testing.T) {
	t.Parallel()
	for range harness.Scale(1, 6) {
		f := newLossyFixture(t)
		f.wantAttributed("before")
		remove := f.lossy.Disk.Inject(lossyfs.Fault{
			Ops: []lossyfs.Op{lossyfs.Read, lossyfs.Write, lossyfs.Sync, lossyfs.SyncNames, lossyfs.Truncate}, Chance: 0.25, Err: syscall.EIO,
		})
		for range 5 {
			f.callAll()
		}
		remove()
		f.waitRecovered()
		f.wantAttributed("after")
		f.finish("random-errors")
	}
}

// A tmpfs is filled to its last byte. Attempts may be in the log only.
func TestFullDiskLosesNoAttemptAndRecovers(t *testing.T) {
	t.Parallel()
	f := newFixture(t, tmpfs(t), users)
	f.wantAttributed("before")
	ballast := fill(t, f.Dir)
	f.callUntilUnready()
	f.wantOnly200()
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	f.waitRecovered()
	f.wantAttributed("after")
	f.finish("full-tmpfs")
}

// tmpfs mounts a small tmpfs.
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
		t.Fatalf("filling the disk: %v", err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	return f.Name()
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }
