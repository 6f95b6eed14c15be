// Package lossyfs is a disk that can lose power: a file system of one directory, in memory, served through
// FUSE. It tracks which bytes of every file an fsync has made durable.
//
// It promises a program no more than POSIX does:
//
//   - After a power cut, data that was not fsynced may be lost, partly written, reordered, or torn
//     between two sectors.
//   - The fsync of a file does not cover its name. Creating, renaming or removing a file is durable after
//     the fsync of the directory.
//   - After a failed fsync, its data stays visible and never reaches the disk, even if the next fsync
//     succeeds.
//   - Shared memory (SQLite's -shm) may hold anything after a power cut.
//
// Operations can also fail or hang, always or by chance; see Fault.
//
// The process that created the Disk also serves it. It must not map a file of the disk: a page fault
// would stop the goroutines that answer it. It reads the disk with Export.
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

// Disk is a disk. New returns one; the zero value is not usable.
type Disk struct {
	mu      sync.Mutex
	rng     *rand.Rand
	lastIno uint64
	names   map[string]*file // visible to processes
	durable map[string]*file // left after a power cut
	pending []nameChange     // not durable yet, in order
	byIno   map[uint64]*file
	faults  []*fault
	server  *fuse.Server

	trigger func(Op, string) bool
	frozen  chan struct{} // closed when the disk freezes
	stopped bool
	thawed  chan struct{} // closed when hanging operations may fail
}

// file is an inode.
type file struct {
	ino      uint64
	lookups  uint64
	name     string // its last name
	mode     uint32
	uid, gid uint32
	links    uint32
	changed  time.Time

	data    []byte   // visible to processes
	durable []byte   // left after a power cut
	pending []change // not durable yet, in order
}

// change is a write or, without data, a truncation.
type change struct {
	off  int64
	data []byte
	size int64
	lost bool // an fsync of it failed
}

// nameChange is one atomic change of the directory. A nil file means that the name was removed.
type nameChange map[string]*file

// New returns an empty disk. seed determines the faults that occur by chance.
func New(seed uint64) *Disk {
	d := &Disk{rng: rand.New(rand.NewPCG(seed, 1)), lastIno: fuse.FUSE_ROOT_ID, durable: make(map[string]*file)}
	d.reboot()
	return d
}

// reboot makes the durable state the visible state.
func (d *Disk) reboot() {
	d.names, d.pending, d.byIno = maps.Clone(d.durable), nil, make(map[uint64]*file)
	for _, f := range d.names {
		f.data, f.pending, f.lookups, f.links = slices.Clone(f.durable), nil, 0, 1
		d.byIno[f.ino] = f
	}
	d.trigger, d.stopped = nil, false
	d.frozen, d.thawed = make(chan struct{}), make(chan struct{})
}

// Import copies the files of a directory to the disk. They are durable.
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
	d.reboot()
	return nil
}

// Export copies the files that are visible to processes into a directory, except shared memory.
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

// Sizes returns the sizes of the files that are visible to processes, by name.
func (d *Disk) Sizes() map[string]int64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	sizes := make(map[string]int64, len(d.names))
	for name, f := range d.names {
		sizes[name] = int64(len(f.data))
	}
	return sizes
}

// volatile reports whether a file is shared memory, which is never durable.
func volatile(name string) bool { return strings.HasSuffix(name, "-shm") }

func (d *Disk) newFile(name string, mode uint32) *file {
	d.lastIno++
	f := &file{ino: d.lastIno, name: name, mode: syscall.S_IFREG | mode&0o7777, links: 1, changed: time.Now()}
	d.byIno[f.ino] = f
	return f
}

// rename changes names, atomically.
func (d *Disk) rename(r nameChange) {
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

// sync makes the content of the file durable, but not its name.
func (f *file) sync() {
	for _, c := range f.pending {
		if !c.lost {
			f.durable = c.apply(f.durable)
		}
	}
	f.pending = slices.DeleteFunc(f.pending, func(c change) bool { return !c.lost })
}

// failSync is an fsync that fails: the kernel marks the pages clean.
func (f *file) failSync() {
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
	clear(b[size:]) // growing again must show zeros
	return b[:size]
}
