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
	// maxLoss is the maximum age of an acknowledgement that is lost with the machine. Litestream reads the
	// database every second, and sends what it found at most every second. The rest is for a busy
	// machine.
	maxLoss = 6 * time.Second
	// maxWAL bounds the WAL with Litestream: the writes of some seconds at the rate of this suite. Only
	// Litestream's checkpoint, once a second, lets the WAL restart.
	maxWAL = 128 << 20
)

func TestLitestreamRestoresAcknowledgedAttributions(t *testing.T) {
	rounds, seconds, perSecond := harness.Scale(1, 3), harness.Scale(6, 20), 800
	f := newFixture(t, rounds*(seconds+5)*perSecond)
	ls := newLitestream(f)
	var lost, duplicates int
	var oldest time.Duration
	var wal int64
	for range rounds {
		srv, replication := f.StartServer(), ls.replicate()
		stop := f.load(srv, perSecond)
		wal = max(wal, f.watchWAL(time.Duration(seconds)*time.Second+rand.N(time.Second)))
		killed := time.Now()
		replication.kill()
		srv.Kill()
		stop()
		f.wipe()
		ls.restore()
		n, age := f.lostSince(killed)
		lost, oldest = lost+n, max(oldest, age)
		r, _ := f.callAgain(f.Users[1:f.called])
		duplicates += len(r.Duplicates)
	}
	calls, acknowledged := f.ledger.Count("attributed")
	harness.Figures(t, "backups/litestream", "kills", 2*rounds, "requests", calls, "acknowledged", acknowledged,
		"lost_with_the_disk", lost, "oldest_lost", oldest.Round(time.Millisecond), "duplicates", duplicates, "wal_max", wal)
	if oldest > maxLoss {
		t.Errorf("an acknowledgement is lost that was sent %s before the end, the bound is %s", oldest, maxLoss)
	}
	if wal > maxWAL {
		t.Errorf("the WAL grew to %d bytes, the bound is %d", wal, maxWAL)
	}
}

// watchWAL waits for d and returns the largest size of the WAL.
func (f *fixture) watchWAL(d time.Duration) (largest int64) {
	end := time.After(d)
	poll := time.NewTicker(20 * time.Millisecond)
	defer poll.Stop()
	for {
		select {
		case <-end:
			return largest
		case <-poll.C:
			if info, err := os.Stat(f.Database + "-wal"); err == nil {
				largest = max(largest, info.Size())
			}
		}
	}
}

// lostSince counts the acknowledged attributions that the restored database does not have, and returns
// the age of the oldest at the end.
func (f *fixture) lostSince(end time.Time) (n int, oldest time.Duration) {
	f.t.Helper()
	attributed := f.attributed(f.Database)
	f.mu.Lock()
	defer f.mu.Unlock()
	for invitee, at := range f.acknowledged {
		if !attributed[invitee] {
			n++
			oldest = max(oldest, end.Sub(at))
		}
	}
	return n, oldest
}

// litestream is the real Litestream, configured for one database.
type litestream struct {
	f              *fixture
	binary, config string
}

func newLitestream(f *fixture) *litestream {
	f.t.Helper()
	cmd := exec.Command("go", "tool", "-n", "litestream") // builds it and prints its path
	cmd.Dir = filepath.Join("..", "..", "..", "tools")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		f.t.Fatalf("build Litestream: %v\n%s", err, stderr.Bytes())
	}
	dir := f.t.TempDir()
	ls := &litestream{f: f, binary: strings.TrimSpace(string(out)), config: filepath.Join(dir, "litestream.yml")}
	text := fmt.Sprintf("dbs:\n  - path: %s\n    replica:\n      type: file\n      path: %s\n", f.Database, filepath.Join(dir, "replica"))
	if err := os.WriteFile(ls.config, []byte(text), 0o600); err != nil {
		f.t.Fatal(err)
	}
	return ls
}

// replication is a running Litestream.
type replication struct {
	cmd *exec.Cmd
	log bytes.Buffer
}

// replicate starts Litestream and returns once it has read the database.
func (ls *litestream) replicate() *replication {
	t := ls.f.t
	t.Helper()
	r := &replication{cmd: exec.Command(ls.binary, "replicate", "-config", ls.config)}
	r.cmd.Stdout, r.cmd.Stderr = &r.log, &r.log
	if err := r.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		r.kill()
		if t.Failed() {
			t.Logf("Litestream's log:\n%s", r.log.Bytes())
		}
	})
	meta := filepath.Join(ls.f.Dir, "."+filepath.Base(ls.f.Database)+"-litestream", "ltx", "0")
	harness.WaitFor(t, "Litestream has read the database", func() bool {
		files, err := os.ReadDir(meta)
		return err == nil && len(files) > 0
	})
	return r
}

// kill kills Litestream. It may be called twice.
func (r *replication) kill() {
	_ = r.cmd.Process.Kill()
	_ = r.cmd.Wait()
}

// restore restores the database into the empty directory.
func (ls *litestream) restore() {
	ls.f.t.Helper()
	out, err := exec.Command(ls.binary, "restore", "-config", ls.config, ls.f.Database).CombinedOutput()
	if err != nil {
		ls.f.t.Fatalf("restore: %v\n%s", err, out)
	}
	if err := os.Chmod(ls.f.Database, 0o600); err != nil {
		ls.f.t.Fatal(err)
	}
}
