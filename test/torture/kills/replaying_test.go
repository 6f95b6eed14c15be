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

// What the file to replay holds beside good lines.
const (
	unknownCodes = 40
	brokenLines  = 7
)

// report is what a replay prints.
type report struct {
	Read, Attributed, Unchanged, Malformed int
	Rejected                               map[string]int
}

// TestKilledWhileReplaying kills the replay of a file, with and without a server beside. The same file
// again does what is left, and a third time nothing.
func TestKilledWhileReplaying(t *testing.T) {
	kills, lines := harness.Scale(4, 20), 2300
	a := newAttack(t, lines+unknownCodes)
	input := a.inputFile(lines)
	template, whole := a.template(input)
	for kill := range kills {
		a.restore(template)
		// The first kills come early, so that one of them interrupts the replay on any machine.
		rest := whole * time.Duration(kill+1) / time.Duration(kills)
		if kill%2 == 1 {
			srv := a.Serve()
			a.killCommand(a.begun(rest), "referral", "replay", "--from", input)
			a.kill(srv)
		} else {
			a.killCommand(a.begun(rest), "referral", "replay", "--from", input)
		}
		a.again(input, lines)
	}
	harness.Figures(t, "kills/replaying", "kills", a.kills, "lines", kills*lines, "in_commit", a.hits["in_commit"],
		"interrupted", a.hits["interrupted"], "too_late", a.hits["too_late"])
	if a.hits["interrupted"] == 0 {
		t.Error("no kill interrupted a replay half-way: this run proves nothing")
	}
}

// begun returns what waits until something is committed, and for a random part of d.
func (a *attack) begun(d time.Duration) func() {
	before := committed(a.Database)
	return func() {
		harness.Until(a.t, "a commit", func() bool { return committed(a.Database) > before })
		a.moment(d)
	}
}

// inputFile writes a file to replay: good lines, and then some that are refused or broken.
func (a *attack) inputFile(lines int) string {
	a.t.Helper()
	var b bytes.Buffer
	at := time.Now().UTC().Format(time.RFC3339)
	for i, p := range a.crowd(lines) {
		fmt.Fprintf(&b, "{\"user\":%q,\"code\":%q,\"at\":%q}\n", p.ID, a.code(i), at)
	}
	for _, p := range a.People[referrers+lines:] {
		fmt.Fprintf(&b, "{\"user\":%q,\"code\":\"nobody-has-this\",\"at\":%q}\n", p.ID, at)
	}
	for range brokenLines {
		fmt.Fprintln(&b, `{"user":`)
	}
	file := filepath.Join(a.t.TempDir(), "attempts.jsonl")
	if err := os.WriteFile(file, b.Bytes(), 0o600); err != nil {
		a.t.Fatal(err)
	}
	return file
}

// template keeps the database as it is before any replay, and tells how long an undisturbed one takes.
func (a *attack) template(input string) (database []byte, whole time.Duration) {
	a.t.Helper()
	database, err := os.ReadFile(a.Database)
	if err != nil {
		a.t.Fatal(err)
	}
	began := time.Now()
	a.replay(input)
	return database, time.Since(began)
}

func (a *attack) restore(template []byte) {
	a.t.Helper()
	a.remove()
	if err := os.WriteFile(a.Database, template, 0o600); err != nil {
		a.t.Fatal(err)
	}
}

// replay runs a replay to its end. It exits with 1, for some lines are broken.
func (a *attack) replay(input string) report {
	a.t.Helper()
	out, err := a.Run(nil, "referral", "replay", "--from", input, "-o", "json")
	if harness.ExitCode(err) == -1 || harness.ExitCode(err) > 1 {
		a.t.Fatalf("kill %d, seed %d: %v", a.kills, *seed, err)
	}
	var r report
	if err := json.Unmarshal(out, &r); err != nil {
		a.t.Fatalf("kill %d, seed %d: %v: %s", a.kills, *seed, err, out)
	}
	return r
}

// again replays the file twice and holds the figures against what the kill left.
func (a *attack) again(input string, lines int) {
	a.t.Helper()
	done := a.sound().Rows
	if 0 < done && done < lines {
		a.hits["interrupted"]++
	}
	for _, before := range []int{done, lines} {
		r := a.replay(input)
		if r.Read != lines+unknownCodes+brokenLines || r.Attributed != lines-before || r.Unchanged != before ||
			r.Rejected["unknown_code"] != unknownCodes || len(r.Rejected) != 1 || r.Malformed != brokenLines {
			a.t.Errorf("kill %d, seed %d: of %d lines %d were linked before, and the replay says %+v", a.kills, *seed, lines, before, r)
		}
	}
	if v := a.sound(); v.Rows != lines {
		a.t.Errorf("kill %d, seed %d: %d of %d are linked", a.kills, *seed, v.Rows, lines)
	}
}
