// Package histories attacks the promises about order: random operations of several people at once, on
// so few users and codes that they collide, recorded with the moments at which each began and
// returned, and held against a model that does one thing at a time. A history passes when there is
// one order of its operations, within those moments, in which the model gives every answer that was
// given and writes the audit log that was written, line by line.
//
// Calls of the main endpoint go to the real server over HTTP. All that an operator does comes from a
// second process with its own connection to the same file: the test itself, through the store that the
// commands use, or, in some histories, the real commands. A call counts as two steps, the look at the
// session and the decision, for the session may be revoked between the two; so does a replay of
// refusals, which reads the log first.
//
// What the model insists on, and the defence of the product that each needs:
//
//   - One attribution for an invitee, for ever, and no ring of referrers: the facts are read in the
//     transaction that writes the rows.
//   - A code credits its owner and nobody else, a disabled one nobody: codes are never handed on, and
//     their state is read in that same transaction.
//   - Every answer's reason is the first of the documented ones that holds.
//   - A session that was revoked, or whose user was disabled, is refused from the next request on:
//     sessions are looked up anew for each request, in a transaction that begins after it.
//   - An attempt is recorded once, however often it is replayed, and counted as documented.
//   - The order of the audit log is the order in which things happened.
//
// A failure prints the seed and the number of the history. Its operations, not their timing, are
// repeated with -args -seed N -history N, as often as the form has histories.
package histories

import (
	"flag"
	"os"
	"testing"

	"github.com/triport/triport-console/test/torture/harness"
)

var (
	seedFlag    = flag.Uint64("seed", 0, "`number` from which the histories are drawn; 0 draws one")
	historyFlag = flag.Int("history", -1, "run this `number` of the seed again and again")
)

func TestMain(m *testing.M) { os.Exit(harness.Main(m)) }
