package lossyfs

import (
	"maps"
	"math/rand/v2"
	"slices"
	"syscall"
	"time"
)

// Op is a kind of operation.
type Op int

// The operations. Look reads names or attributes; Open opens a file for writing.
const (
	Look Op = iota
	Open
	Create
	Read
	Write
	Truncate
	Rename
	Remove
	Sync
	SyncNames // the fsync of the directory
)

// The operations that fail on a full disk, and on a read-only one.
var (
	Growing  = []Op{Create, Write}
	Changing = []Op{Open, Create, Write, Truncate, Rename, Remove}
)

// Fault makes operations fail or hang.
type Fault struct {
	Ops    []Op
	Of     func(name string) bool // nil means every file
	Chance float64                // that an operation is affected; 0 means always
	Delay  time.Duration          // before the operation continues or fails
	Err    syscall.Errno          // 0 means that the operation continues
}

type fault struct{ Fault }

// Inject adds a fault until remove is called.
func (d *Disk) Inject(f Fault) (remove func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	one := &fault{f}
	d.faults = append(d.faults, one)
	return func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.faults = slices.DeleteFunc(d.faults, func(f *fault) bool { return f == one })
	}
}

// faultOf returns how long an operation hangs, and how it fails. The caller holds the lock.
func (d *Disk) faultOf(op Op, name string) (delay time.Duration, err syscall.Errno) {
	for _, f := range d.faults {
		switch {
		case !slices.Contains(f.Ops, op):
		case op == Read && volatile(name):
			// Linux 6.18 does not retry a page of a mapped file that it once failed to get from FUSE:
			// the mapping would stay broken after the fault.
		case f.Of != nil && !f.Of(name):
		case f.Chance > 0 && d.rng.Float64() >= f.Chance:
		default:
			delay = max(delay, f.Delay)
			if err == 0 {
				err = f.Err
			}
		}
	}
	return delay, err
}

// do runs an operation, unless it fails or the disk is frozen. failed may be nil; it runs if the
// operation fails.
func (d *Disk) do(op Op, name string, effect func() syscall.Errno, failed func()) syscall.Errno {
	d.mu.Lock()
	delay, err := d.faultOf(op, name)
	if delay > 0 {
		thawed := d.thawed
		d.mu.Unlock()
		select {
		case <-time.After(delay):
		case <-thawed:
		}
		d.mu.Lock()
	}
	stopped, thawed := d.stopped, d.thawed
	switch {
	case stopped:
	case err == 0:
		err = effect()
	case failed != nil:
		failed()
	}
	if !stopped && d.trigger != nil && d.trigger(op, name) {
		d.freeze()
		stopped = true
	}
	d.mu.Unlock()
	if stopped {
		<-thawed
		return syscall.EIO
	}
	return err
}

// Damage overwrites bytes of a file, durably, as a failing disk would. repair restores them.
func (d *Disk) Damage(rng *rand.Rand, name string, off, size int) (repair func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	f := d.names[name]
	old := slices.Clone(f.data[off : off+size])
	set := func(b []byte) {
		copy(f.data[off:], b)
		if len(f.durable) >= off+size {
			copy(f.durable[off:], b)
		}
	}
	set(garbage(rng, size))
	return func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		set(old)
	}
}

func sortedNames(m map[string]*file) []string { return slices.Sorted(maps.Keys(m)) }
