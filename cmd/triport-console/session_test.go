package main

import (
	"encoding/json"
	"os/exec"
	"testing"
)

// TestSessionCreateReturnsNewTokensEachTime creates two sessions for one user.
func TestSessionCreateReturnsNewTokensEachTime(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	type cookies struct {
		Session string `json:"nl_session"`
		CSRF    string `json:"nl_csrf"`
	}
	run := func(args ...string) (made cookies) {
		cmd := exec.CommandContext(t.Context(), program, append(args, "-o", "json")...)
		cmd.Dir = dir
		out, err := cmd.Output()
		if err == nil {
			err = json.Unmarshal(out, &made)
		}
		if err != nil {
			t.Fatalf("%q: %v", args, err)
		}
		return made
	}
	run("user", "create", "--email", "ann@example.com")
	seen := make(map[string]bool)
	for range 2 {
		made := run("session", "create", "ann@example.com")
		seen[made.Session], seen[made.CSRF] = true, true
	}
	if len(seen) != 4 || seen[""] {
		t.Errorf("two sessions of one user have %d different tokens, not 4", len(seen))
	}
}
