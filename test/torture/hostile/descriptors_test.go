package hostile

import (
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/triport/triport-console/test/torture/harness"
)

// maxDescriptors is the limit of the server in this test. Twice as many connections are opened.
const maxDescriptors = 200

// More clients connect than the server has descriptors for. Connected clients are still served, an attempt
// can still be spooled, and new connections are accepted as soon as others close.
func TestServerWorksWhenDescriptorsRunOut(t *testing.T) {
	a := newAttack(t, 1, clientOptions{keptOnly: true, noCode: true})
	limit := unix.Rlimit{Cur: maxDescriptors, Max: maxDescriptors}
	if err := unix.Prlimit(a.srv.PID, unix.RLIMIT_NOFILE, &limit, nil); err != nil {
		t.Fatal(err)
	}
	conns := a.openConns(2*maxDescriptors, func(*rawConn) {})
	harness.WaitFor(t, "the descriptors are used up", func() bool { return a.usage().Descriptors > maxDescriptors*3/4 })
	u := a.newUser()
	a.spoolBehindLock(u)
	held := a.usage().Descriptors
	closeAll(conns)
	a.sendOnce(healthRequest, []answer{page})
	a.site.WaitDrained()
	a.finish(bounds{descriptors: maxDescriptors}, "limit", maxDescriptors, "connections", len(conns), "held", held)
}

// spoolBehindLock makes an attempt while another process holds the write lock: it must be spooled.
func (a *attack) spoolBehindLock(u harness.User) {
	db := a.site.Open()
	defer func() { _ = db.Close() }()
	if _, err := db.Exec(`BEGIN IMMEDIATE`); err != nil {
		a.Fatal(err)
	}
	ans, err := a.regular.kept.Attribute(a.Context(), a.srv.Address, u, a.code)
	if err != nil || ans.Reason != "internal_error" {
		a.problem("while the lock was held: %+v, %v", ans, err)
	}
	a.ledger.AddAnswer(u, a.code, ans)
	if _, err := os.Stat(a.site.Database + ".spool"); err != nil {
		a.problem("the attempt is not in the spool: %v\n%s", err, a.srv.Log())
	}
	if _, err := db.Exec(`ROLLBACK`); err != nil {
		a.Fatal(err)
	}
}
