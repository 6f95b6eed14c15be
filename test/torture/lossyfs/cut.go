package lossyfs

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"syscall"
	"time"
)

// Fate is what becomes, at a cut, of what was not fsynced.
type Fate int

// The fates. Drawn draws one of the others for every file, and one for the directory.
const (
	Drawn    Fate = iota
	Nothing       // all of it is lost
	All           // all of it survives: the disk was quick, or the program was only killed
	Oldest        // what came first survives
	Newest        // what came last survives
	Shuffled      // some of it survives, in any order, and some of that is torn
	fates
)

const sector = 512

// Process is what a cut ends.
type Process interface {
	Signal(syscall.Signal)
	Kill() // returns when the process is gone
}

// Freeze stops the disk: from now on every operation hangs.
func (d *Disk) Freeze() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.freeze()
}

func (d *Disk) freeze() {
	if !d.stopped {
		d.stopped = true
		close(d.frozen)
	}
}

// FreezeWhen stops the disk at the first operation that matches, when its effect is there and its
// caller has no answer yet. The channel is closed when that has happened.
func (d *Disk) FreezeWhen(match func(op Op, name string) bool) <-chan struct{} {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.trigger = match
	return d.frozen
}

// FreezeAfter stops the disk after n more operations that change something.
func (d *Disk) FreezeAfter(n int) <-chan struct{} {
	return d.FreezeWhen(func(op Op, _ string) bool {
		if op != Read && op != Look {
			n--
		}
		return n < 0
	})
}

// Cut cuts the power at this moment: the processes end without another answer from the disk, and of
// what was not fsynced the fate says what survives. The disk is to be mounted anew afterwards.
func (d *Disk) Cut(rng *rand.Rand, fate Fate, all ...Process) error {
	d.Freeze()
	for _, p := range all {
		p.Signal(syscall.SIGKILL)
	}
	close(d.thawed) // a process in the middle of an operation cannot end before it has an answer
	for _, p := range all {
		p.Kill()
	}
	if err := d.Unmount(); err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.lose(rng, fate)
	d.boot()
	return nil
}

// Unmount takes the disk off the directory. Nobody may have a file of it open.
func (d *Disk) Unmount() error {
	if d.server == nil {
		return nil
	}
	var err error
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); {
		if err = d.server.Unmount(); err == nil {
			d.server = nil
			return nil
		}
	}
	return fmt.Errorf("unmount the disk: %w", err)
}

// lose makes durable what is left.
func (d *Disk) lose(rng *rand.Rand, fate Fate) {
	for _, i := range survivors(rng, fate.drawn(rng), len(d.pending)) {
		d.settle(d.pending[i])
	}
	for _, name := range sortedNames(d.durable) {
		f := d.durable[name]
		f.name = name
		if volatile(name) {
			f.durable = garbage(rng, len(f.data))
			continue
		}
		f.lostChanges(rng, fate.drawn(rng))
	}
}

// settle makes one change of the directory durable. A file has one name, whatever was lost on the way.
func (d *Disk) settle(r renaming) {
	for _, f := range r {
		for name, other := range d.durable {
			if f != nil && f == other {
				delete(d.durable, name)
			}
		}
	}
	for name, f := range r {
		if f == nil {
			delete(d.durable, name)
		} else {
			d.durable[name] = f
		}
	}
}

func (f *file) lostChanges(rng *rand.Rand, fate Fate) {
	pending := slices.DeleteFunc(slices.Clone(f.pending), func(c change) bool { return c.lost })
	order := survivors(rng, fate, len(pending))
	if fate == Shuffled {
		rng.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
	}
	for _, i := range order {
		if fate == Shuffled && rng.IntN(2) == 0 {
			f.durable = pending[i].tear(rng, f.durable)
		} else {
			f.durable = pending[i].apply(f.durable)
		}
	}
}

// survivors returns which of n changes survive, in order.
func survivors(rng *rand.Rand, fate Fate, n int) []int {
	from, to := 0, n
	switch fate {
	case Nothing:
		to = 0
	case Oldest:
		to = rng.IntN(n + 1)
	case Newest:
		from = rng.IntN(2)
		if n > 1 {
			from = 1 + rng.IntN(n-1)
		}
	}
	var kept []int
	for i := from; i < to; i++ {
		if fate != Shuffled || rng.IntN(2) == 0 {
			kept = append(kept, i)
		}
	}
	return kept
}

func (fate Fate) drawn(rng *rand.Rand) Fate {
	if fate == Drawn {
		return 1 + Fate(rng.IntN(int(fates)-1))
	}
	return fate
}

// tear applies some of the sectors of a write. Where the file grew and the data did not arrive there are
// zeros, or whatever lay on the disk.
func (c change) tear(rng *rand.Rand, b []byte) []byte {
	if c.data == nil {
		return c.apply(b)
	}
	old := int64(len(b))
	if end := c.off + int64(len(c.data)); end > old {
		b = resize(b, end)
		if rng.IntN(4) == 0 {
			copy(b[old:], garbage(rng, int(end-old)))
		}
	}
	for at := int64(0); at < int64(len(c.data)); {
		next := min(int64(len(c.data)), (c.off+at)/sector*sector+sector-c.off)
		if rng.IntN(2) == 0 {
			copy(b[c.off+at:], c.data[at:next])
		}
		at = next
	}
	return b
}

func garbage(rng *rand.Rand, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(rng.Uint32())
	}
	return b
}
