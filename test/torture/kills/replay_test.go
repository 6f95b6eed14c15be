package kills

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/triport/triport-console/test/torture/harness"
)

// What the replay file contains besides good lines.
const (
	unknownCodes   = 40
	malformedLines = 7
)

// report is what a replay prints.
type report struct {
	Read, Attributed, Unchanged, Malformed int
	Rejected                               map[string]int
}

// TestKillDuringReplay kills the replay of a file, with and without a running server. The next replay of
// the file attributes the rest, the one after it nothing.
func TestKillDuringReplay(t *testing.T) {
	kills, lines := harness.Scale(4, 20), 2300
	f := newFixture(t, lines+unknownCodes)
	input := f.replayFile(lines)
	database, duration := f.timeReplay(input)
	for kill := range kills {
		f.removeDatabase()
		if err := os.WriteFile(f.Database, database, 0o600); err != nil {
			t.Fatal(err)
		}
		// The first kills come early, so one of them interrupts the replay on any machine.
		delay := duration * time.Duration(kill+1) / time.Duration(kills)
		if kill%2 == 1 {
			srv := f.StartServer()
			f.killCommand(f.afterCommit(delay), "referral", "replay", "--from", input)
			f.kill(srv)
		} else {
			f.killCommand(f.afterCommit(delay), "referral", "replay", "--from", input)
		}
		f.replayAgain(input, lines)
	}
	harness.Figures(t, "kills/replay", "kills", f.kills, "lines", kills*lines, "in_commit", f.hits["in_commit"],
		"interrupted", f.hits["interrupted"], "too_late", f.hits["too_late"])
	if f.hits["interrupted"] == 0 {
		t.Error("no kill interrupted a replay: this run proves nothing")
	}
}

// afterCommit returns a function that waits for a commit, and then for a random part of d.
func (f *fixture) afterCommit(d time.Duration) func() {
	before := committedFrames(f.Database)
	return func() {
		harness.WaitFor(f.t, "a commit", func() bool { return committedFrames(f.Database) > before })
		f.pause(d)
	}
}

// replayFile writes a replay file: good lines, then lines that are rejected or malformed.
func (f *fixture) replayFile(lines int) string {
	f.t.Helper()
	var b bytes.Buffer
	at := time.Now().UTC().Format(time.RFC3339)
	for i, u := range f.newUsers(lines) {
		fmt.Fprintf(&b, "{\"user\":%q,\"code\":%q,\"at\":%q}\n", u.ID, f.code(i), at)
	}
	for _, u := range f.Users[referrers+lines:] {
		fmt.Fprintf(&b, "{\"user\":%q,\"code\":\"no-such-code\",\"at\":%q}\n", u.ID, at)
	}
	for range malformedLines {
		fmt.Fprintln(&b, `{"user":`)
	}
	file := filepath.Join(f.t.TempDir(), "attempts.jsonl")
	if err := os.WriteFile(file, b.Bytes(), 0o600); err != nil {
		f.t.Fatal(err)
	}
	return file
}

// timeReplay measures an undisturbed replay and returns the database as it was before.
func (f *fixture) timeReplay(input string) (database []byte, duration time.Duration) {
	f.t.Helper()
	database, err := os.ReadFile(f.Database)
	if err != nil {
		f.t.Fatal(err)
	}
	started := time.Now()
	f.replay(input)
	return database, time.Since(started)
}

// replay runs a replay to its end. It exits with 1 because some lines are malformed.
func (f *fixture) replay(input string) report {
	f.t.Helper()
	out, err := f.Run(nil, "referral", "replay", "--from", input, "-o", "json")
	if code := harness.ExitCode(err); code != 1 {
		f.t.Fatalf("kill %d, seed %d: exit %d: %v", f.kills, *seed, code, err)
	}
	var r report
	if err := json.Unmarshal(out, &r); err != nil {
		f.t.Fatalf("kill %d, seed %d: %v: %s", f.kills, *seed, err, out)
	}
	return r
}

// replayAgain replays the file twice and compares the reports with what the kill left.
func (f *fixture) replayAgain(input string, lines int) {
	f.t.Helper()
	done := f.check().Attributions
	if 0 < done && done < lines {
		f.hits["interrupted"]++
	}
	for _, before := range []int{done, lines} {
		r := f.replay(input)
		if r.Read != lines+unknownCodes+malformedLines || r.Attributed != lines-before || r.Unchanged != before ||
			r.Rejected["unknown_code"] != unknownCodes || len(r.Rejected) != 1 || r.Malformed != malformedLines {
			f.t.Errorf("kill %d, seed %d: %d of %d lines were attributed before, the report is %+v", f.kills, *seed, before, lines, r)
		}
	}
	if r := f.check(); r.Attributions != lines {
		f.t.Errorf("kill %d, seed %d: %d of %d lines are attributed", f.kills, *seed, r.Attributions, lines)
	}
}
