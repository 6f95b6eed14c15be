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
	// walLimit is the size that the WAL shrinks to once no process reads it any more.
	walLimit = 16 << 20
	// walBound is the largest size under full load without a long reader. The server's writer copies the
	// WAL into the database after 1,000 new pages, about 4 MiB. The next commit restarts it unless a
	// process is reading at that moment. So it may be several times as long.
	walBound = walLimit
)

// A read transaction is held open under full load: SQLite cannot restart the WAL meanwhile.
func TestWALIsBoundedAndShrinksAfterLongReader(t *testing.T) {
	s := harness.NewSite(t, t.TempDir())
	part := harness.Scale(8000, 25000)
	s.AddUsers(1 + 3*part)
	srv := s.StartServer()
	ledger := harness.NewLedger()
	referrer, users := s.Users[0], s.Users[1:]
	wal := watchSize(t, s.Database+"-wal")

	free := call(t, srv.Address, conns, users[:part], referrer.Code, ledger)
	unheld := wal.reset()
	if unheld > walBound {
		t.Errorf("without a long reader the WAL grew to %d bytes, the bound is %d", unheld, walBound)
	}

	db := s.Open()
	reader := begin(t, db, "BEGIN")
	var n int
	if err := reader.QueryRowContext(t.Context(), "SELECT count(*) FROM attributions").Scan(&n); err != nil || n != part {
		t.Fatalf("%d attributions, %v", n, err)
	}
	// Small batches: they change more pages for each call.
	held := call(t, srv.Address, conns/8, users[part:2*part], referrer.Code, ledger)
	if err := reader.QueryRowContext(t.Context(), "SELECT count(*) FROM attributions").Scan(&n); err != nil || n != part {
		t.Fatalf("the reader sees %d attributions, %v", n, err)
	}
	if err := errors.Join(reader.Close(), db.Close()); err != nil {
		t.Fatal(err)
	}
	grown := size(t, s.Database+"-wal")
	if grown <= walLimit+walLimit/8 {
		t.Fatalf("with the reader the WAL has only %d bytes: the load is too small to prove anything", grown)
	}

	last := newLoad()
	shrunk := wal.whenAtMost(walLimit, &last.answered)
	last.run(t, srv.Address, conns, users[2*part:], referrer.Code, ledger)
	after := size(t, s.Database+"-wal")
	if after > walLimit {
		t.Errorf("%d calls after the end of the reader the WAL still has %d bytes, the limit is %d", part, after, walLimit)
	}
	r := stop(t, s, srv, ledger)
	if r.Attributions != 3*part {
		t.Errorf("%d of %d users are attributed", r.Attributions, 3*part)
	}
	harness.Figures(t, "locks/long-reader", "requests", 3*part, "acknowledged", r.Acknowledged, "lost", len(r.Lost), "duplicates", len(r.Duplicates),
		"wal_max_without_reader", unheld, "wal_with_reader", grown, "bytes_per_attribution_with_reader", grown/int64(part),
		"wal_after_reader", after, "calls_until_shrunk", shrunk.Load(), "p99_before", milliseconds(free.percentile(99)),
		"p99_with_reader", milliseconds(held.percentile(99)), "p99_after", milliseconds(last.percentile(99)))
}

// size returns the size of a file, 0 if there is none.
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

// sizeWatch knows the largest size that a file had.
type sizeWatch struct {
	most  atomic.Int64
	watch atomic.Pointer[func(size int64)]
}

// watchSize polls the size of a file every 2 ms until the end of the test.
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
				continue // no process has the database open
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

// reset returns the largest size so far and forgets it.
func (w *sizeWatch) reset() int64 { return w.most.Swap(0) }

// whenAtMost returns the value of the counter when the size is first at most limit. It is -1 until then.
func (w *sizeWatch) whenAtMost(limit int64, counter *atomic.Int64) *atomic.Int64 {
	var at atomic.Int64
	at.Store(-1)
	check := func(size int64) {
		if size <= limit {
			at.CompareAndSwap(-1, counter.Load())
		}
	}
	w.watch.Store(&check)
	return &at
}
