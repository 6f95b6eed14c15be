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

// The operations. Look is all that asks about names and attributes; Open opens a file to write.
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

// What a sick disk refuses: a full one takes nothing new, one that turned read-only changes nothing.
var (
	Growing  = []Op{Create, Write}
	Changing = []Op{Open, Create, Write, Truncate, Rename, Remove}
)

// Fault is a sickness of the disk.
type Fault struct {
	Ops    []Op
	Of     func(name string) bool // nil means every file
	Chance float64                // of each operation to meet it; 0 means always
	Delay  time.Duration          // before the operation goes on or fails
	Err    syscall.Errno          // 0 means that it goes on
}

type fault struct{ Fault }

// Inject makes the disk sick until heal is called.
func (d *Disk) Inject(f Fault) (heal func()) {
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

// strike tells what an operation meets: how long it hangs, and how it fails. The caller holds the lock.
func (d *Disk) strike(op Op, name string) (delay time.Duration, err syscall.Errno) {
	for _, f := range d.faults {
		switch {
		case !slices.Contains(f.Ops, op):
		case op == Read && volatile(name):
			// A page of a mapped file is read from memory. Linux 6.18 does not try again to page in one
			// that it once failed to get from FUSE: the mapping would stay broken when the disk is well.
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

// do carries out an operation, unless the disk is sick or stopped. failed, where there is one, is what a
// failure leaves behind.
func (d *Disk) do(op Op, name string, effect func() syscall.Errno, failed func()) syscall.Errno {
	d.mu.Lock()
	delay, err := d.strike(op, name)
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

// Damage overwrites bytes of a file behind everybody's back, durably, and returns what puts the old
// ones back.
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
