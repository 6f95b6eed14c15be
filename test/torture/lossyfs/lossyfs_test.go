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

// rig is a mounted disk.
type rig struct {
	*lossyfs.Disk
	t   *testing.T
	dir string
	rng *rand.Rand
}

func mount(t *testing.T) *rig {
	t.Helper()
	r := &rig{lossyfs.New(1), t, t.TempDir(), rand.New(rand.NewPCG(1, 2))}
	r.must(r.Mount(r.dir))
	t.Cleanup(func() { r.must(r.Unmount()) })
	return r
}

func (r *rig) must(err error) {
	r.t.Helper()
	if err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) path(name string) string { return filepath.Join(r.dir, name) }

// put makes a file, and with sync fsyncs it. Its name is not.
func (r *rig) put(name string, content []byte, sync bool) {
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

func (r *rig) syncDir() {
	r.t.Helper()
	d, err := os.Open(r.dir)
	r.must(err)
	r.must(d.Sync())
	r.must(d.Close())
}

func (r *rig) cut(fate lossyfs.Fate) {
	r.t.Helper()
	r.must(r.Cut(r.rng, fate))
	r.must(r.Mount(r.dir))
}

func (r *rig) holds(name, want string) {
	r.t.Helper()
	if got, err := os.ReadFile(r.path(name)); err != nil || string(got) != want {
		r.t.Errorf("%s holds %q (%v) instead of %q", name, got, err, want)
	}
}

func (r *rig) gone(name string) {
	r.t.Helper()
	if _, err := os.Stat(r.path(name)); !errors.Is(err, fs.ErrNotExist) {
		r.t.Errorf("%s is there: %v", name, err)
	}
}

func TestWhatWasNotFsyncedIsGone(t *testing.T) {
	r := mount(t)
	r.put("a", []byte("one"), true)
	r.syncDir()
	r.put("a", []byte(" two"), false)
	r.holds("a", "one two")
	r.cut(lossyfs.Nothing)
	r.holds("a", "one")
}

func TestTheFsyncOfAFileSaysNothingAboutItsName(t *testing.T) {
	r := mount(t)
	r.put("a", []byte("one"), true)
	r.cut(lossyfs.Nothing)
	r.gone("a")
}

func TestARenameIsDurableAfterTheFsyncOfTheDirectory(t *testing.T) {
	r := mount(t)
	r.put("a", []byte("one"), true)
	r.syncDir()
	r.must(os.Rename(r.path("a"), r.path("b")))
	r.cut(lossyfs.Nothing)
	r.gone("b")
	r.must(os.Rename(r.path("a"), r.path("b")))
	r.syncDir()
	r.cut(lossyfs.Nothing)
	r.gone("a")
	r.holds("b", "one")
}

func TestANewNameCanOutliveTheRenameBeforeIt(t *testing.T) {
	r := mount(t)
	r.put("a", []byte("old"), true)
	r.syncDir()
	r.must(os.Rename(r.path("a"), r.path("b")))
	r.put("a", []byte("new"), true)
	r.cut(lossyfs.Newest)
	r.gone("b")
}

func TestAnUnlinkedFileIsReadUntilItIsClosed(t *testing.T) {
	r := mount(t)
	r.put("a", []byte("one"), true)
	f, err := os.Open(r.path("a"))
	r.must(err)
	defer func() { _ = f.Close() }()
	r.must(os.Remove(r.path("a")))
	var b [3]byte
	if _, err := f.ReadAt(b[:], 0); err != nil || string(b[:]) != "one" {
		t.Errorf("it reads %q: %v", b, err)
	}
	if info, err := f.Stat(); err != nil || info.Sys().(*syscall.Stat_t).Nlink != 0 {
		t.Errorf("it has a name: %v %v", info, err)
	}
}

func TestWritesAreTornBetweenSectors(t *testing.T) {
	r := mount(t)
	r.put("a", make([]byte, 64*512), true)
	r.syncDir()
	torn := false
	for range 50 {
		f, err := os.OpenFile(r.path("a"), os.O_WRONLY, 0)
		r.must(err)
		_, err = f.WriteAt(bytes.Repeat([]byte{'x'}, 64*512), 0)
		r.must(errors.Join(err, f.Close()))
		r.cut(lossyfs.Shuffled)
		b, err := os.ReadFile(r.path("a"))
		r.must(err)
		n := 0
		for at := 0; at < len(b); at += 512 {
			one := b[at : at+512]
			if !bytes.Equal(one, bytes.Repeat(one[:1], 512)) {
				t.Fatalf("the sector at %d is torn itself", at)
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

func TestWhatAFailedFsyncHeldNeverGetsThere(t *testing.T) {
	r := mount(t)
	r.put("a", []byte("one"), true)
	r.syncDir()
	f, err := os.OpenFile(r.path("a"), os.O_RDWR|os.O_APPEND, 0)
	r.must(err)
	_, err = f.WriteString(" two")
	r.must(err)
	heal := r.Inject(lossyfs.Fault{Ops: []lossyfs.Op{lossyfs.Sync}, Err: syscall.EIO})
	if err := f.Sync(); !errors.Is(err, syscall.EIO) {
		t.Fatalf("the fsync says %v", err)
	}
	heal()
	r.must(errors.Join(f.Sync(), f.Close()))
	r.holds("a", "one two")
	r.cut(lossyfs.All)
	r.holds("a", "one")
}

func TestAFrozenDiskAnswersNobody(t *testing.T) {
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
		t.Fatalf("the write was answered with %v", err)
	default:
	}
	done := make(chan error)
	go func() { done <- r.Cut(r.rng, lossyfs.Nothing) }()
	if err := <-failed; !errors.Is(err, syscall.EIO) {
		t.Errorf("the write ended with %v", err)
	}
	r.must(<-done)
	r.must(r.Mount(r.dir))
	r.holds("a", "one")
}
