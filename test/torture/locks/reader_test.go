package locks

import (
	"errors"
	"io/fs"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"github.com/triport/triport-console/test/torture/harness"
)

const (
	// walLimit is what the file shrinks to once nobody reads what it holds any more.
	walLimit = 16 << 20
	// walBound is what it stays within under full load, while no reader stays: the server's writer copies it
	// into the database once it has added 1,000 pages, about 4 MiB, after the answers of that commit. The
	// next commit begins it anew unless somebody is reading just then, so that it may be some times as
	// long.
	walBound = walLimit
)

// TestTheLogOfWritesIsBoundedAndShrinksAfterALongReader holds a read transaction open under full load,
// which keeps SQLite from using the write-ahead log anew.
func TestTheLogOfWritesIsBoundedAndShrinksAfterALongReader(t *testing.T) {
	s := harness.NewSite(t, t.TempDir())
	part := harness.Scale(8000, 25000)
	s.Populate(1 + 3*part)
	srv := s.Serve()
	ledger := harness.NewLedger()
	referrer, people := s.People[0], s.People[1:]
	wal := watchSize(t, s.Database+"-wal")

	free := call(t, srv.Address, conns, people[:part], referrer.Code, ledger)
	unread := wal.reset()
	if unread > walBound {
		t.Errorf("without a long reader the log of writes grew to %d bytes; the bound is %d", unread, walBound)
	}

	db := s.Open()
	reader := begin(t, db, "BEGIN")
	var n int
	if err := reader.QueryRowContext(t.Context(), "SELECT count(*) FROM attributions").Scan(&n); err != nil || n != part {
		t.Fatalf("%d attributions, %v", n, err)
	}
	held := call(t, srv.Address, conns, people[part:2*part], referrer.Code, ledger)
	if err := reader.QueryRowContext(t.Context(), "SELECT count(*) FROM attributions").Scan(&n); err != nil || n != part {
		t.Fatalf("the reader sees %d attributions, %v", n, err)
	}
	if err := errors.Join(reader.Close(), db.Close()); err != nil {
		t.Fatal(err)
	}
	grown := size(t, s.Database+"-wal")
	if grown <= walLimit+walLimit/8 {
		t.Fatalf("beside the reader the log of writes has only %d bytes: the load is too small to tell anything", grown)
	}

	last := &load{outcomes: make(map[string]int)}
	shrunk := wal.whenAtMost(walLimit, &last.answered)
	last.run(t, srv.Address, conns, people[2*part:], referrer.Code, ledger)
	after := size(t, s.Database+"-wal")
	if after > walLimit {
		t.Errorf("%d calls after the reader has gone the log of writes has still %d bytes; the limit is %d", part, after, walLimit)
	}
	awaitDrained(t, s)
	srv.Stop()
	silent(t, "the server's log", srv.Log())
	v := s.Check(ledger, true)
	if v.Bad() || v.Rows != 3*part {
		t.Errorf("%d people: %+v", 3*part, v)
	}
	harness.Figures(t, "locks/long-reader", "requests", 3*part, "acknowledged", v.Acknowledged, "lost", len(v.Lost), "doubled", len(v.Doubled),
		"wal_max_without_reader", unread, "wal_beside_reader", grown, "bytes_per_attribution_beside_reader", grown/int64(part),
		"wal_after_reader", after, "calls_until_shrunk", shrunk.Load(), "p99_before", milliseconds(free.percentile(99)),
		"p99_beside_reader", milliseconds(held.percentile(99)), "p99_after", milliseconds(last.percentile(99)))
}

// size is the length of a file; 0 while there is none.
func size(t *testing.T, name string) int64 {
	t.Helper()
	info, err := os.Stat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return 0
	}
	if err != nil {
		t.Fatal(err)
	}
	return info.Size()
}

// sizeWatch knows the greatest length that a file had.
type sizeWatch struct {
	most  atomic.Int64
	watch atomic.Pointer[func(size int64)]
}

// watchSize looks at a file five hundred times a second until the end of the test.
func watchSize(t *testing.T, name string) *sizeWatch {
	t.Helper()
	w := &sizeWatch{}
	tick := time.NewTicker(2 * time.Millisecond)
	go func() {
		defer tick.Stop()
		for {
			select {
			case <-t.Context().Done():
				return
			case <-tick.C:
			}
			info, err := os.Stat(name)
			if err != nil {
				continue // there is none while nobody has the database open
			}
			if info.Size() > w.most.Load() {
				w.most.Store(info.Size())
			}
			if f := w.watch.Load(); f != nil {
				(*f)(info.Size())
			}
		}
	}()
	return w
}

// reset returns the greatest length so far and forgets it.
func (w *sizeWatch) reset() int64 { return w.most.Swap(0) }

// whenAtMost returns what the counter will have stood at when the file is first no longer than limit;
// -1 while it is not.
func (w *sizeWatch) whenAtMost(limit int64, counter *atomic.Int64) *atomic.Int64 {
	var at atomic.Int64
	at.Store(-1)
	look := func(size int64) {
		if size <= limit {
			at.CompareAndSwap(-1, counter.Load())
		}
	}
	w.watch.Store(&look)
	return &at
}
