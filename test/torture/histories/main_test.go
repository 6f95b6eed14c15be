// Package histories tests the promises about order. Several workers run random operations at the same time, on
// so few users and codes that they collide. Each operation is recorded with the times at which it began
// and ended, and the history is checked against a sequential model. It passes if there is one order
// of its operations, within those times, in which the model gives every answer that was given and writes
// the audit log that was written, line by line (linearizability).
//
// Calls of the main endpoint go to the real server over HTTP. Operator commands come from a second process
// with its own connection to the same file: the test itself, through the store that the commands use, or in
// some histories the real commands. A call counts as two steps, the session check and the decision: the
// session may be revoked between the two. A replay of rejections has two steps as well: it reads the
// audit log first.
//
// What the model requires, and what each relies on:
//
//   - One attribution for an invitee, permanently, and no cycle of referrers: the facts are read in the
//     transaction that writes the rows.
//   - A code credits its owner only, a disabled code nothing: codes never change their owner, and their state
//     is read in the same transaction.
//   - Every answer's reason is the first documented one that applies.
//   - A session that was revoked, or whose user was disabled, is rejected from the next request on:
//     each request looks it up in a transaction that begins after the request.
//   - An attempt is recorded once, however often it is replayed, and counted as documented.
//   - The order of the audit log is the order of the decisions.
//
// A failure prints the seed and the number of the history. -args -seed N -history N repeats its operations,
// but not their timing, as often as the form has histories.
package histories

import (
	"flag"
	"os"
	"testing"

	"github.com/triport/triport-console/test/torture/harness"
)

var (
	seedFlag    = flag.Uint64("seed", 0, "`seed` of the histories; 0 chooses one")
	historyFlag = flag.Int("history", -1, "repeat this `number` of the seed")
)

func TestMain(m *testing.M) { os.Exit(harness.Main(m)) }
