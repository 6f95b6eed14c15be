package lossyfs

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"syscall"
	"time"
)

// Loss says which changes that were not fsynced survive a power cut.
type Loss int

// The losses. Random chooses one of the others for every file, and one for the directory.
const (
	Random     Loss = iota
	LoseAll         // no change survives
	LoseNone        // every change survives: the disk was fast, or only the program was killed
	KeepOldest      // the first changes survive
	KeepNewest      // the last changes survive
	KeepMixed       // some changes survive, in any order, and some of those are torn
	losses
)

const sector = 512

// Process is a process that a power cut ends.
type Process interface {
	Signal(syscall.Signal)
	Kill() // returns once the process has ended
}

// Freeze makes every operation hang from now on.
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

// FreezeWhen freezes the disk at the first operation that matches: after its effect, before its caller
// gets the answer. The channel is closed then.
func (d *Disk) FreezeWhen(match func(op Op, name string) bool) <-chan struct{} {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.trigger = match
	return d.frozen
}

// FreezeAfter freezes the disk after n more operations that change something.
func (d *Disk) FreezeAfter(n int) <-chan struct{} {
	return d.FreezeWhen(func(op Op, _ string) bool {
		if op != Read && op != Look {
			n--
		}
		return n < 0
	})
}

// Cut cuts the power now. The processes end without another answer from the disk. loss says which
// changes survive that were not fsynced. The caller mounts the disk again.
func (d *Disk) Cut(rng *rand.Rand, loss Loss, all ...Process) error {
	d.Freeze()
	for _, p := range all {
		p.Signal(syscall.SIGKILL)
	}
	close(d.thawed) // a process inside an operation cannot end before it gets an answer
	for _, p := range all {
		p.Kill()
	}
	if err := d.Unmount(); err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.lose(rng, loss)
	d.reboot()
	return nil
}

// Unmount unmounts the disk. No process may have a file of it open.
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

// lose makes the surviving changes durable.
func (d *Disk) lose(rng *rand.Rand, loss Loss) {
	for _, i := range survivors(rng, loss.choose(rng), len(d.pending)) {
		d.settle(d.pending[i])
	}
	for _, name := range sortedNames(d.durable) {
		f := d.durable[name]
		f.name = name
		if volatile(name) {
			f.durable = garbage(rng, len(f.data))
			continue
		}
		f.lose(rng, loss.choose(rng))
	}
}

// settle makes one change of the directory durable. A file keeps only one name.
func (d *Disk) settle(r nameChange) {
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

func (f *file) lose(rng *rand.Rand, loss Loss) {
	pending := slices.DeleteFunc(slices.Clone(f.pending), func(c change) bool { return c.lost })
	order := survivors(rng, loss, len(pending))
	if loss == KeepMixed {
		rng.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
	}
	for _, i := range order {
		if loss == KeepMixed && rng.IntN(2) == 0 {
			f.durable = pending[i].tear(rng, f.durable)
		} else {
			f.durable = pending[i].apply(f.durable)
		}
	}
}

// survivors returns the indexes of the surviving changes out of n, in order.
func survivors(rng *rand.Rand, loss Loss, n int) []int {
	from, to := 0, n
	switch loss {
	case LoseAll:
		to = 0
	case KeepOldest:
		to = rng.IntN(n + 1)
	case KeepNewest:
		from = rng.IntN(2)
		if n > 1 {
			from = 1 + rng.IntN(n-1)
		}
	}
	var kept []int
	for i := from; i < to; i++ {
		if loss != KeepMixed || rng.IntN(2) == 0 {
			kept = append(kept, i)
		}
	}
	return kept
}

func (loss Loss) choose(rng *rand.Rand) Loss {
	if loss == Random {
		return 1 + Loss(rng.IntN(int(losses)-1))
	}
	return loss
}

// tear applies some of the sectors of a write. Where the file grew without its data it contains zeros,
// or old content of the disk.
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
