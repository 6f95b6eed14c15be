// Package lossyfs is a disk that can lose power: a filesystem of one directory, served from memory
// through FUSE, that knows of every file what an fsync has made durable and what has only been written.
//
// It promises a program no more than POSIX does. What was written and not fsynced may be gone after a
// cut, or there in part, in another order, or torn between two sectors. The fsync of a file says
// nothing about its name: that a file was made, renamed or removed is durable after the fsync of the
// directory. After an fsync that failed, what it should have brought to disk stays visible and never gets
// there, also when the next fsync succeeds. What a program maps as shared memory (SQLite's -shm) may
// hold anything after a cut.
//
// The same disk can be sick: operations fail or hang on command or by chance.
//
// The daemon lives in the process that made the Disk. That process must not map a file of the disk: a
// page fault would stop the goroutines that could answer it. It looks at the disk with Export.
package lossyfs

import (
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/hanwen/go-fuse/v2/fuse"
)

// Disk is what outlives a cut. The zero value is not ready; see New.
type Disk struct {
	mu      sync.Mutex
	rng     *rand.Rand
	lastIno uint64
	names   map[string]*file // what a process sees
	durable map[string]*file // what a cut leaves
	pending []renaming       // what lies between the two, in order
	byIno   map[uint64]*file
	faults  []*fault
	server  *fuse.Server

	trigger func(Op, string) bool
	frozen  chan struct{} // closed when the disk stops
	stopped bool
	thawed  chan struct{} // closed when what hangs may fail
}

// file is an inode.
type file struct {
	ino      uint64
	lookups  uint64
	name     string // the last it had
	mode     uint32
	uid, gid uint32
	links    uint32
	changed  time.Time

	data    []byte   // what a process reads
	durable []byte   // what a cut leaves
	pending []change // what lies between the two, in order
}

// change is a write or, without data, a truncation.
type change struct {
	off  int64
	data []byte
	size int64
	lost bool // an fsync that failed had it in its hands
}

// renaming is one change of the directory, whole or not at all. A name without a file was removed.
type renaming map[string]*file

// New returns an empty disk. Its faults by chance come from seed.
func New(seed uint64) *Disk {
	d := &Disk{rng: rand.New(rand.NewPCG(seed, 1)), lastIno: fuse.FUSE_ROOT_ID, durable: make(map[string]*file)}
	d.boot()
	return d
}

// boot makes what is durable all there is.
func (d *Disk) boot() {
	d.names, d.pending, d.byIno = maps.Clone(d.durable), nil, make(map[uint64]*file)
	for _, f := range d.names {
		f.data, f.pending, f.lookups, f.links = slices.Clone(f.durable), nil, 0, 1
		d.byIno[f.ino] = f
	}
	d.trigger, d.stopped = nil, false
	d.frozen, d.thawed = make(chan struct{}), make(chan struct{})
}

// Import puts the files of a directory on the disk, durably.
func (d *Disk) Import(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, e := range entries {
		b, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			return err
		}
		f := d.newFile(e.Name(), 0o600)
		f.durable = b
		d.durable[e.Name()] = f
	}
	d.boot()
	return nil
}

// Export writes what a process would see at this moment into a directory. What is shared memory stays
// behind.
func (d *Disk) Export(dir string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	for name, f := range d.names {
		if volatile(name) {
			continue
		}
		if err := os.WriteFile(filepath.Join(dir, name), f.data, 0o600); err != nil {
			return err
		}
	}
	return nil
}

// Sizes returns the names that a process would see, and the sizes.
func (d *Disk) Sizes() map[string]int64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	sizes := make(map[string]int64, len(d.names))
	for name, f := range d.names {
		sizes[name] = int64(len(f.data))
	}
	return sizes
}

// volatile tells whether a file is shared memory, of which nothing is expected.
func volatile(name string) bool { return strings.HasSuffix(name, "-shm") }

func (d *Disk) newFile(name string, mode uint32) *file {
	d.lastIno++
	f := &file{ino: d.lastIno, name: name, mode: syscall.S_IFREG | mode&0o7777, links: 1, changed: time.Now()}
	d.byIno[f.ino] = f
	return f
}

// rename changes names, as one act.
func (d *Disk) rename(r renaming) {
	for name, f := range r {
		if old := d.names[name]; old != nil && old != f {
			old.links = 0
		}
		if f == nil {
			delete(d.names, name)
			continue
		}
		d.names[name], f.name = f, name
	}
	for _, f := range r {
		if f != nil {
			f.links = 1
		}
	}
	d.pending = append(d.pending, r)
}

// syncNames makes the directory durable.
func (d *Disk) syncNames() {
	d.durable, d.pending = maps.Clone(d.names), nil
}

func (f *file) change(c change) {
	f.data = c.apply(f.data)
	f.changed = time.Now()
	if !volatile(f.name) {
		f.pending = append(f.pending, c)
	}
}

// sync makes the file's content durable, though not its name.
func (f *file) sync() {
	for _, c := range f.pending {
		if !c.lost {
			f.durable = c.apply(f.durable)
		}
	}
	f.pending = slices.DeleteFunc(f.pending, func(c change) bool { return !c.lost })
}

// lose is an fsync that fails: the system takes the pages for clean.
func (f *file) lose() {
	for i := range f.pending {
		f.pending[i].lost = true
	}
}

func (c change) apply(b []byte) []byte {
	if c.data == nil {
		return resize(b, c.size)
	}
	if end := c.off + int64(len(c.data)); end > int64(len(b)) {
		b = resize(b, end)
	}
	copy(b[c.off:], c.data)
	return b
}

func resize(b []byte, size int64) []byte {
	if n := int64(len(b)); size > n {
		return append(b, make([]byte, size-n)...)
	}
	clear(b[size:]) // so that growing again shows zeros
	return b[:size]
}
