package backups

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/triport/triport-console/test/torture/harness"
)

const (
	// maxLoss is how long before the end of the machine an acknowledgement may have been given and be
	// lost with it: Litestream looks at the database every second, and at most every second sends what
	// it found to its replica. The rest is for a busy machine.
	maxLoss = 6 * time.Second
	// maxWAL bounds the WAL beside Litestream, at the pace of this suite: what some seconds bring. Its
	// checkpoint, once a second, is the only one that lets the WAL begin anew.
	maxWAL = 128 << 20
)

func TestLitestreamBringsItBack(t *testing.T) {
	rounds, seconds, perSecond := harness.Scale(1, 3), harness.Scale(6, 20), 800
	h := newHouse(t, rounds*(seconds+5)*perSecond)
	ls := newLitestream(h)
	var lost, doubled int
	var oldest time.Duration
	var wal int64
	for range rounds {
		srv, replica := h.Serve(), ls.replicate()
		stop := h.calls(srv, perSecond)
		wal = max(wal, h.watchWAL(time.Duration(seconds)*time.Second+rand.N(time.Second)))
		killed := time.Now()
		replica.kill()
		srv.Kill()
		stop()
		h.wipe()
		ls.restore()
		n, age := h.lostSince(killed)
		lost, oldest = lost+n, max(oldest, age)
		doubled += h.callAgain()
	}
	sent, acknowledged := h.ledger.Count("attributed")
	harness.Figures(t, "backups/litestream", "kills", 2*rounds, "requests", sent, "acknowledged", acknowledged,
		"lost_with_the_disk", lost, "oldest_lost", oldest.Round(time.Millisecond), "doubled", doubled, "longest_wal", wal)
	if oldest > maxLoss {
		t.Errorf("what was acknowledged %s before the end is lost: %s is the bound", oldest, maxLoss)
	}
	if wal > maxWAL {
		t.Errorf("the WAL grew to %d bytes: %d is the bound", wal, maxWAL)
	}
}

// watchWAL waits for d and returns the longest that the WAL was.
func (h *house) watchWAL(d time.Duration) (longest int64) {
	end := time.After(d)
	look := time.NewTicker(20 * time.Millisecond)
	defer look.Stop()
	for {
		select {
		case <-end:
			return longest
		case <-look.C:
			if info, err := os.Stat(h.Database + "-wal"); err == nil {
				longest = max(longest, info.Size())
			}
		}
	}
}

// lostSince counts what was acknowledged and is not in the restored database, and tells how long before
// the end the oldest of it had been acknowledged. Who is lost may be linked anew.
func (h *house) lostSince(end time.Time) (n int, oldest time.Duration) {
	h.t.Helper()
	linked := h.linked(h.Database)
	h.mu.Lock()
	defer h.mu.Unlock()
	for invitee, at := range h.told {
		if !linked[invitee] {
			n++
			oldest = max(oldest, end.Sub(at))
		}
	}
	return n, oldest
}

// callAgain has everybody who has called call again, and holds that all of them are linked then, once.
func (h *house) callAgain() (doubled int) {
	h.t.Helper()
	srv, again, code := h.Serve(), harness.NewLedger(), h.People[0].Code
	h.Load(h.t.Context(), srv.Address, callers, h.People[1:h.called], func(int) string { return code }, again)
	srv.Stop()
	v := h.Check(again, true)
	if v.Bad() || v.Rows != h.called-1 {
		h.t.Errorf("%d have called, and %d are linked: %v, %+v", h.called-1, v.Rows, again.Answers(), v)
	}
	return len(v.Doubled)
}

// litestream is the real one, with a configuration for one database.
type litestream struct {
	h              *house
	binary, config string
}

func newLitestream(h *house) *litestream {
	h.t.Helper()
	cmd := exec.Command("go", "tool", "-n", "litestream") // builds it, and says where it is
	cmd.Dir = filepath.Join("..", "..", "..", "tools")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		h.t.Fatalf("build Litestream: %v\n%s", err, said.Bytes())
	}
	dir := h.t.TempDir()
	ls := &litestream{h: h, binary: strings.TrimSpace(string(out)), config: filepath.Join(dir, "litestream.yml")}
	text := fmt.Sprintf("dbs:\n  - path: %s\n    replica:\n      type: file\n      path: %s\n", h.Database, filepath.Join(dir, "replica"))
	if err := os.WriteFile(ls.config, []byte(text), 0o600); err != nil {
		h.t.Fatal(err)
	}
	return ls
}

// replica is a running Litestream.
type replica struct {
	cmd *exec.Cmd
	log bytes.Buffer
}

// replicate starts Litestream and returns once it has the database.
func (ls *litestream) replicate() *replica {
	ls.h.t.Helper()
	r := &replica{cmd: exec.Command(ls.binary, "replicate", "-config", ls.config)}
	r.cmd.Stdout, r.cmd.Stderr = &r.log, &r.log
	if err := r.cmd.Start(); err != nil {
		ls.h.t.Fatal(err)
	}
	ls.h.t.Cleanup(func() {
		r.kill()
		if ls.h.t.Failed() {
			ls.h.t.Logf("Litestream says:\n%s", r.log.Bytes())
		}
	})
	meta := filepath.Join(ls.h.Dir, "."+filepath.Base(ls.h.Database)+"-litestream", "ltx", "0")
	harness.Until(ls.h.t, "Litestream's first look at the database", func() bool {
		files, err := os.ReadDir(meta)
		return err == nil && len(files) > 0
	})
	return r
}

// kill ends Litestream at this very moment. It may be called again.
func (r *replica) kill() {
	_ = r.cmd.Process.Kill()
	_ = r.cmd.Wait()
}

// restore brings the database back into the empty directory.
func (ls *litestream) restore() {
	ls.h.t.Helper()
	out, err := exec.Command(ls.binary, "restore", "-config", ls.config, ls.h.Database).CombinedOutput()
	if err != nil {
		ls.h.t.Fatalf("restore: %v\n%s", err, out)
	}
	if err := os.Chmod(ls.h.Database, 0o600); err != nil {
		ls.h.t.Fatal(err)
	}
}
