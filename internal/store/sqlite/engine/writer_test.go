package engine

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	sqlite3 "modernc.org/sqlite/lib"
)

func TestQueuedFunctionsShareATransaction(t *testing.T) {
	t.Parallel()
	var commits []Commit
	db, _ := newDB(t, Options{Observe: func(c Commit) { commits = append(commits, c) }})
	release := holdWriter(t, db)
	var calls sync.WaitGroup
	for n := range int64(50) {
		calls.Go(func() {
			if err := db.Write(t.Context(), insert(n)); err != nil {
				t.Error(err)
			}
		})
	}
	waitFor(t, func() bool { return db.Queued() == 50 })
	release()
	calls.Wait()
	if len(commits) != 1 || commits[0].Functions != 50 || commits[0].Err != nil {
		t.Errorf("%+v", commits)
	}
	if n := count(t, db); n != 50 {
		t.Errorf("%d rows", n)
	}
}

// waitFor polls until the condition holds.
func waitFor(t testing.TB, condition func() bool) {
	t.Helper()
	tick, limit := time.NewTicker(time.Millisecond), time.After(20*time.Second)
	defer tick.Stop()
	for !condition() {
		select {
		case <-tick.C:
		case <-limit:
			t.Fatal("the condition does not hold")
		}
	}
}

func TestBatchSizeBoundsATransaction(t *testing.T) {
	t.Parallel()
	var commits []Commit
	db, _ := newDB(t, Options{BatchSize: 2, Observe: func(c Commit) { commits = append(commits, c) }})
	release := holdWriter(t, db)
	var calls sync.WaitGroup
	for n := range int64(6) {
		calls.Go(func() { _ = db.Write(t.Context(), insert(n)) })
	}
	waitFor(t, func() bool { return db.Queued() == 6 })
	release()
	calls.Wait()
	if len(commits) != 3 || commits[0].Functions != 2 {
		t.Errorf("%+v", commits)
	}
}

func TestFailedFunctionDoesNotAffectOthers(t *testing.T) {
	t.Parallel()
	db, _ := newDB(t, Options{})
	release := holdWriter(t, db)
	var calls sync.WaitGroup
	var runs atomic.Int64
	failed := errors.New("failed")
	for n := range int64(10) {
		calls.Go(func() {
			err := db.Write(t.Context(), func(c *Conn) error {
				runs.Add(1)
				if n == 3 {
					return failed
				}
				return insert(n)(c)
			})
			if want := n == 3; errors.Is(err, failed) != want || (err != nil) != want {
				t.Errorf("function %d: %v", n, err)
			}
		})
	}
	waitFor(t, func() bool { return db.Queued() == 10 })
	release()
	calls.Wait()
	if n := count(t, db); n != 9 {
		t.Errorf("%d rows", n)
	}
	if n := runs.Load(); n <= 10 {
		t.Errorf("%d runs: nothing was rolled back and repeated", n)
	}
}

func TestAbandonedFunctionDoesNotRun(t *testing.T) {
	t.Parallel()
	db, _ := newDB(t, Options{})
	release := holdWriter(t, db)
	ctx, cancel := context.WithCancel(t.Context())
	result := make(chan error)
	go func() { result <- db.Write(ctx, insert(1)) }()
	waitFor(t, func() bool { return db.Queued() == 1 })
	cancel()
	if err := <-result; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	release()
	if err := db.Write(t.Context(), insert(2)); err != nil {
		t.Error(err)
	}
	if n := count(t, db); n != 1 {
		t.Errorf("%d rows", n)
	}
}

func TestFullQueueRejectsWrites(t *testing.T) {
	t.Parallel()
	db, _ := newDB(t, Options{})
	release := holdWriter(t, db)
	for range maxQueue {
		db.writes <- newCall(t.Context(), func(*Conn) error { return nil })
	}
	if err := db.Write(t.Context(), insert(1)); !errors.Is(err, ErrQueueFull) {
		t.Error(err)
	}
	release()
}

func TestClosedDatabaseAnswersWhatIsQueued(t *testing.T) {
	t.Parallel()
	db, _ := newDB(t, Options{})
	release := holdWriter(t, db)
	results := make(chan error)
	for n := range int64(5) {
		go func() { results <- db.Write(t.Context(), insert(n)) }()
	}
	waitFor(t, func() bool { return db.Queued() == 5 })
	closed := make(chan error)
	go func() { closed <- db.Close() }()
	<-db.closed
	release()
	for range 5 {
		if err := <-results; err != nil && !errors.Is(err, ErrClosed) {
			t.Error(err)
		}
	}
	if err := <-closed; err != nil {
		t.Error(err)
	}
	for name, err := range map[string]error{
		"Write": db.Write(t.Context(), insert(9)), "WriteAlone": db.WriteAlone(t.Context(), insert(9)),
		"Read":       db.Read(t.Context(), func(*Conn) error { return nil }),
		"ReadShared": db.ReadShared(t.Context(), func(*Conn) error { return nil }),
	} {
		if !errors.Is(err, ErrClosed) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestBulkWriterLetsLiveCallsThrough(t *testing.T) {
	t.Parallel()
	db, _ := newDB(t, Options{})
	ctx, cancel := context.WithCancel(t.Context())
	bulk := make(chan int)
	go func() {
		batches := 0
		for ctx.Err() == nil {
			if db.WriteBulk(ctx, func(c *Conn) error { return c.Query(`SELECT 1`).Get(nil) }) == nil {
				batches++
			}
		}
		bulk <- batches
	}()
	for n := range int64(100) {
		if err := db.Write(t.Context(), insert(n)); err != nil {
			t.Error(err)
		}
	}
	cancel()
	t.Logf("%d bulk transactions between 100 live calls", <-bulk)
}

func TestCommandWaitsForLockOfAnotherProcessUntilItsContextEnds(t *testing.T) {
	t.Parallel()
	db, path := newDB(t, Options{})
	other, err := openConn(path, accessShared, true)
	if err != nil {
		t.Fatal(err)
	}
	defer other.discard()
	if _, err := other.Exec("BEGIN IMMEDIATE"); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if err := db.WriteAlone(ctx, insert(1)); !errors.Is(err, ErrLocked) || !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
	result := make(chan error)
	go func() { result <- db.WriteAlone(t.Context(), insert(2)) }()
	if _, err := other.Exec("ROLLBACK"); err != nil {
		t.Error(err)
	}
	if err := <-result; err != nil {
		t.Error(err)
	}
}

func TestSharedReadsOfABatchSeeOneMoment(t *testing.T) {
	t.Parallel()
	db, _ := newDB(t, Options{})
	var before, after int64
	read := func(n *int64) *call {
		return newCall(t.Context(), func(c *Conn) error {
			_, err := c.Query(`SELECT count(*) FROM t`).One(n)
			return err
		})
	}
	write := newCall(t.Context(), func(*Conn) error { return db.Write(t.Context(), insert(1)) })
	err := db.Read(t.Context(), func(c *Conn) error { return readAll(c, []*call{read(&before), write, read(&after)}) })
	if err != nil || write.err != nil || before != 0 || after != 0 {
		t.Errorf("%d, then %d rows: %v, %v", before, after, err, write.err)
	}
	if n := count(t, db); n != 1 {
		t.Errorf("%d rows after the batch", n)
	}
}

func TestSharedReadKeepsItsOwnError(t *testing.T) {
	t.Parallel()
	db, _ := newDB(t, Options{})
	failed := errors.New("failed")
	var reads sync.WaitGroup
	for n := range 100 {
		reads.Go(func() {
			var want error
			if n%2 == 0 {
				want = failed
			}
			if err := db.ReadShared(t.Context(), func(*Conn) error { return want }); !errors.Is(err, want) || (err == nil) != (want == nil) {
				t.Errorf("read %d: %v", n, err)
			}
		})
	}
	reads.Wait()
}

func TestCounterOfWrittenPagesMayWrap(t *testing.T) {
	t.Parallel()
	var b backlog
	for _, step := range []struct {
		counter int
		pages   int64
	}{{10, 10}, {1<<31 - 1, 1<<31 - 1}, {0, 1 << 31}, {99, 1<<31 + 99}, {99, 1<<31 + 99}} {
		if b.add(step.counter); b.pages != step.pages {
			t.Errorf("%d pages at %d, want %d", b.pages, step.counter, step.pages)
		}
	}
}

func TestEveryKindOfErrorHasItsHint(t *testing.T) {
	t.Parallel()
	for code, want := range map[int]string{
		sqlite3.SQLITE_FULL:        "free space on the database's disk",
		sqlite3.SQLITE_BUSY:        "wait for the other process that uses the database, or stop it",
		sqlite3.SQLITE_READONLY:    "make the database and its directory writable for the user of this process",
		sqlite3.SQLITE_CANTOPEN:    "make the database and its directory writable for the user of this process",
		sqlite3.SQLITE_CORRUPT:     "check the disk, run db check, and restore a backup if it reports damage",
		sqlite3.SQLITE_IOERR_READ:  "check the disk, run db check, and restore a backup if it reports damage",
		sqlite3.SQLITE_IOERR_FSYNC: "check the database's disk and the system log",
		sqlite3.SQLITE_IOERR_WRITE: "check the database's disk and the system log",
		sqlite3.SQLITE_CONSTRAINT:  "check the database's disk and the system log",
	} {
		if got := Hint(Error{code}); got != want {
			t.Errorf("%v: %q", Error{code}, got)
		}
	}
}

func TestErrorOfAFunctionDoesNotAffectReadiness(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	now := time.Unix(0, 0)
	db, _ := newDB(t, Options{Now: func() time.Time {
		mu.Lock()
		defer mu.Unlock()
		now = now.Add(10 * time.Millisecond)
		return now
	}})
	failed := errors.New("failed")
	for name, write := range map[string]func(context.Context, func(*Conn) error) error{"Write": db.Write, "WriteAlone": db.WriteAlone} {
		if err := write(t.Context(), insert(1)); err != nil {
			t.Error(err)
		}
		if err := write(t.Context(), func(*Conn) error { return failed }); !errors.Is(err, failed) {
			t.Errorf("%s: %v", name, err)
		}
		if proven, _ := db.health.state(); !proven {
			t.Errorf("%s: the error of one function counts against the disk", name)
		}
		if err := write(t.Context(), func(c *Conn) error { _, err := c.Exec(`DELETE FROM t`); return err }); err != nil {
			t.Error(err)
		}
	}
}
