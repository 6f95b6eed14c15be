// Package locks attacks the promise that nobody ever waits for somebody else's lock longer than was
// said, nor hears of it: another process holds the write lock, a reader never ends, and the command
// line works beside full load.
//
//   - While another process holds the write lock every call is answered within the deadline and the
//     spool's time, its attempt waits in the spool and is attributed afterwards; commands that read
//     work on, commands that write wait; readiness tells. This needs the bounded wait of the one
//     writer, the deadline of a call, and the spool.
//   - Without a long reader the write-ahead log stays within walBound under full load. While a reader
//     stays it grows, with every commit, without a bound: SQLite must keep what the reader may yet
//     read. Once the reader has gone the file shrinks to walLimit: this needs journal_size_limit.
//   - Commands that hammer the store beside full load all end well, and the latency of calls recovers:
//     this needs the wait of the writer, which polls instead of failing at the first refusal.
//   - A call gets its turn beside an import of any length, after one batch: this needs small batches.
//     The pause after each batch and the writer's short polls stand behind each other: with either of
//     the two alone the test passes.
//
// Whatever anybody is told, in answers, in the server's log and by commands, is searched for the
// words with which SQLite speaks of its locks.
package locks

import (
	"os"
	"testing"

	"github.com/triport/triport-console/test/torture/harness"
)

func TestMain(m *testing.M) { os.Exit(harness.Main(m)) }
