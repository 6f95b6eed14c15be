package lossyfs_test

import (
	"bytes"
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/triport/triport-console/test/torture/lossyfs"
)

// fixture is a mounted disk.
type fixture struct {
	*lossyfs.Disk
	t   *testing.T
	dir string
	rng *rand.Rand
}

func mount(t *testing.T) *fixture {
	t.Helper()
	r := &fixture{lossyfs.New(1), t, t.TempDir(), rand.New(rand.NewPCG(1, 2))}
	r.must(r.Mount(r.dir))
	t.Cleanup(func() { r.must(r.Unmount()) })
	return r
}

func (r *fixture) must(err error) {
	r.t.Helper()
	if err != nil {
		r.t.Fatal(err)
	}
}

func (r *fixture) path(name string) string { return filepath.Join(r.dir, name) }

// put appends to a file and, with sync, fsyncs it, but not its name.
func (r *fixture) put(name string, content []byte, sync bool) {
	r.t.Helper()
	f, err := os.OpenFile(r.path(name), os.O_CREATE|os.O_RDWR|os.O_APPEND, 0o600)
	r.must(err)
	_, err = f.Write(content)
	r.must(err)
	if sync {
		r.must(f.Sync())
	}
	r.must(f.Close())
}

func (r *fixture) syncDir() {
	r.t.Helper()
	d, err := os.Open(r.dir)
	r.must(err)
	r.must(d.Sync())
	r.must(d.Close())
}

func (r *fixture) cut(loss lossyfs.Loss) {
	r.t.Helper()
	r.must(r.Cut(r.rng, loss))
	r.must(r.Mount(r.dir))
}

func (r *fixture) wantContent(name, want string) {
	r.t.Helper()
	if got, err := os.ReadFile(r.path(name)); err != nil || string(got) != want {
		r.t.Errorf("%s contains %q (%v), want %q", name, got, err, want)
	}
}

func (r *fixture) wantMissing(name string) {
	r.t.Helper()
	if _, err := os.Stat(r.path(name)); !errors.Is(err, fs.ErrNotExist) {
		r.t.Errorf("%s exists: %v", name, err)
	}
}

func TestPowerCutLosesUnsyncedData(t *testing.T) {
	r := mount(t)
	r.put("a", []byte("one"), true)
	r.syncDir()
	r.put("a", []byte(" two"), false)
	r.wantContent("a", "one two")
	r.cut(lossyfs.LoseAll)
	r.wantContent("a", "one")
}

func TestFsyncOfFileDoesNotCoverItsName(t *testing.T) {
	r := mount(t)
	r.put("a", []byte("one"), true)
	r.cut(lossyfs.LoseAll)
	r.wantMissing("a")
}

func TestRenameIsDurableAfterFsyncOfDirectory(t *testing.T) {
	r := mount(t)
	r.put("a", []byte("one"), true)
	r.syncDir()
	r.must(os.Rename(r.path("a"), r.path("b")))
	r.cut(lossyfs.LoseAll)
	r.wantMissing("b")
	r.must(os.Rename(r.path("a"), r.path("b")))
	r.syncDir()
	r.cut(lossyfs.LoseAll)
	r.wantMissing("a")
	r.wantContent("b", "one")
}

func TestNewNameCanSurviveWithoutEarlierRename(t *testing.T) {
	r := mount(t)
	r.put("a", []byte("old"), true)
	r.syncDir()
	r.must(os.Rename(r.path("a"), r.path("b")))
	r.put("a", []byte("new"), true)
	r.cut(lossyfs.KeepNewest)
	r.wantMissing("b")
}

func TestUnlinkedFileIsReadableUntilClosed(t *testing.T) {
	r := mount(t)
	r.put("a", []byte("one"), true)
	f, err := os.Open(r.path("a"))
	r.must(err)
	defer func() { _ = f.Close() }()
	r.must(os.Remove(r.path("a")))
	var b [3]byte
	if _, err := f.ReadAt(b[:], 0); err != nil || string(b[:]) != "one" {
		t.Errorf("read %q: %v", b, err)
	}
	if info, err := f.Stat(); err != nil || info.Sys().(*syscall.Stat_t).Nlink != 0 {
		t.Errorf("it still has a link: %v %v", info, err)
	}
}

func TestPowerCutTearsWritesBetweenSectors(t *testing.T) {
	r := mount(t)
	r.put("a", make([]byte, 64*512), true)
	r.syncDir()
	torn := false
	for range 50 {
		f, err := os.OpenFile(r.path("a"), os.O_WRONLY, 0)
		r.must(err)
		_, err = f.WriteAt(bytes.Repeat([]byte{'x'}, 64*512), 0)
		r.must(errors.Join(err, f.Close()))
		r.cut(lossyfs.KeepMixed)
		b, err := os.ReadFile(r.path("a"))
		r.must(err)
		n := 0
		for at := 0; at < len(b); at += 512 {
			one := b[at : at+512]
			if !bytes.Equal(one, bytes.Repeat(one[:1], 512)) {
				t.Fatalf("the sector at %d is torn", at)
			}
			if one[0] == 'x' {
				n++
			}
		}
		torn = torn || 0 < n && n < 64
		r.must(os.WriteFile(r.path("a"), make([]byte, 64*512), 0o600))
		r.put("a", nil, true)
	}
	if !torn {
		t.Error("no write was torn in 50 cuts")
	}
}

func TestDataOfFailedFsyncNeverBecomesDurable(t *testing.T) {
	r := mount(t)
	r.put("a", []byte("one"), true)
	r.syncDir()
	f, err := os.OpenFile(r.path("a"), os.O_RDWR|os.O_APPEND, 0)
	r.must(err)
	_, err = f.WriteString(" two")
	r.must(err)
	remove := r.Inject(lossyfs.Fault{Ops: []lossyfs.Op{lossyfs.Sync}, Err: syscall.EIO})
	if err := f.Sync(); !errors.Is(err, syscall.EIO) {
		t.Fatalf("fsync returned %v", err)
	}
	remove()
	r.must(errors.Join(f.Sync(), f.Close()))
	r.wantContent("a", "one two")
	r.cut(lossyfs.LoseNone)
	r.wantContent("a", "one")
}

func TestFrozenDiskAnswersNoOperation(t *testing.T) {
	r := mount(t)
	r.put("a", []byte("one"), true)
	r.syncDir()
	frozen := r.FreezeWhen(func(op lossyfs.Op, name string) bool { return op == lossyfs.Write && name == "a" })
	failed := make(chan error)
	go func() {
		f, err := os.OpenFile(r.path("a"), os.O_RDWR|os.O_APPEND, 0)
		if err != nil {
			failed <- err
			return
		}
		_, err = f.WriteString(" two")
		failed <- errors.Join(err, f.Close())
	}()
	<-frozen
	select {
	case err := <-failed:
		t.Fatalf("the write returned %v", err)
	default:
	}
	done := make(chan error)
	go func() { done <- r.Cut(r.rng, lossyfs.LoseAll) }()
	if err := <-failed; !errors.Is(err, syscall.EIO) {
		t.Errorf("the write returned %v", err)
	}
	r.must(<-done)
	r.must(r.Mount(r.dir))
	r.wantContent("a", "one")
}
