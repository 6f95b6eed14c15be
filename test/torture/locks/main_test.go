// Package locks tests that no caller waits longer than promised for a lock of another process, and that no
// message mentions one.
//
//   - While another process holds the write lock: every call is answered within the deadline plus the
//     spool's time, and its attempt is spooled and attributed later. Commands that read work, commands
//     that write wait, /readyz reports it. This relies on the bounded wait of the one writer, the
//     deadline of a call, and the spool.
//   - Without a long reader, the WAL stays within walBound under full load. With one it grows with every
//     commit, without a bound: SQLite must keep what the reader may still read. Once the reader ends, the
//     file shrinks to walLimit. This relies on journal_size_limit.
//   - All commands succeed under full load, and the latency of calls recovers. This relies on the
//     writer polling for the lock instead of failing at once.
//   - During an import of any length, a call waits for one batch at most. This relies on small batches,
//     and on the pause after each batch or the writer's short polls: one of the two is enough.
//
// Answers, the server's log and the output of commands are searched for SQLite's words for locks.
package locks

import (
	"os"
	"testing"

	"github.com/triport/triport-console/test/torture/harness"
)

func TestMain(m *testing.M) { os.Exit(harness.Main(m)) }
