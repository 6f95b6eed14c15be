package main

import (
	"bufio"
	"bytes"
	"database/sql"
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

const program = "triport-console"

// exits runs the program and requires the exit code: exits 3 user list.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 1 {
		ts.Fatalf("usage: exits code [argument...]")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	if got := codeOf(ts, ts.Exec(program, args[1:]...)); got != want {
		ts.Fatalf("exit code %d, not %d", got, want)
	}
	// A panic is never right, whatever the code.
	if stderr := ts.ReadFile("stderr"); strings.Contains(stderr, "goroutine ") || strings.Contains(stderr, "panic") {
		ts.Fatalf("stderr contains a stack")
	}
}

func codeOf(ts *testscript.TestScript, err error) int {
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return exit.ExitCode()
	}
	ts.Check(err)
	return 0
}

// jsonIs compares a value of the JSON on stdout: json user.email ann@example.com, json events.0.reason null.
// Several values on stdout, one per line, count as a list.
func jsonIs(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: json path value")
	}
	got := textOf(ts, lookUp(ts, args[0]))
	if (got == args[1]) == neg {
		ts.Fatalf("%s is %s", args[0], got)
	}
}

// jsonLength compares the number of elements of a list or an object: jsonlen codes 2.
func jsonLength(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: jsonlen path length")
	}
	length := -1
	switch v := lookUp(ts, args[0]).(type) {
	case []any:
		length = len(v)
	case map[string]any:
		length = len(v)
	}
	if strconv.Itoa(length) != args[1] {
		ts.Fatalf("%s has %d elements", args[0], length)
	}
}

// capture sets a variable to a value of the JSON on stdout: capture ANN id.
func capture(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: capture variable path")
	}
	ts.Setenv(args[0], textOf(ts, lookUp(ts, args[1])))
}

func lookUp(ts *testscript.TestScript, path string) any {
	var all []any
	dec := json.NewDecoder(strings.NewReader(ts.ReadFile("stdout")))
	dec.UseNumber()
	for {
		var v any
		err := dec.Decode(&v)
		if errors.Is(err, io.EOF) {
			break
		}
		ts.Check(err)
		all = append(all, v)
	}
	var v any = all
	if len(all) == 1 {
		v = all[0]
	}
	for name := range strings.SplitSeq(path, ".") {
		if name == "" {
			continue
		}
		v = step(ts, v, name, path)
	}
	return v
}

func step(ts *testscript.TestScript, v any, name, path string) any {
	switch v := v.(type) {
	case map[string]any:
		// Keys of the configuration have dots; a script writes them with a slash.
		value, ok := v[strings.ReplaceAll(name, "/", ".")]
		if !ok {
			ts.Fatalf("%s: there is no %s", path, name)
		}
		return value
	case []any:
		i, err := strconv.Atoi(name)
		ts.Check(err)
		if i >= len(v) {
			ts.Fatalf("%s: there are only %d elements", path, len(v))
		}
		return v[i]
	}
	ts.Fatalf("%s: there is nothing below %s", path, name)
	return nil
}

func textOf(ts *testscript.TestScript, v any) string {
	if s, ok := v.(string); ok {
		return s
	}
	b, err := json.Marshal(v)
	ts.Check(err)
	return string(b)
}

// drained waits until no attempt of the user is in the spool.
func drained(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: drained user")
	}
	ticker := time.NewTicker(10 * time.Millisecond)
	defer ticker.Stop()
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); <-ticker.C {
		ts.Check(ts.Exec(program, "referral", "inspect", args[0], "-o", "json"))
		if textOf(ts, lookUp(ts, "pending")) == "0" {
			return
		}
	}
	ts.Fatalf("attempts still wait in the spool")
}

// tamper runs an SQL statement on a database.
func tamper(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: tamper database statement")
	}
	db, err := sql.Open("sqlite", ts.MkAbs(args[0]))
	ts.Check(err)
	_, err = db.Exec(args[1])
	ts.Check(errors.Join(err, db.Close()))
}

// closedEarly runs the program and closes its stdout after the first line, as | head -1 does.
func closedEarly(ts *testscript.TestScript, neg bool, args []string) {
	if neg {
		ts.Fatalf("usage: closed [argument...]")
	}
	cmd := command(ts, args...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.StdoutPipe()
	ts.Check(err)
	ts.Check(cmd.Start())
	_, err = bufio.NewReaderSize(out, 16).ReadString('\n')
	ts.Check(err)
	ts.Check(out.Close())
	if code := codeOf(ts, cmd.Wait()); code != 0 || stderr.Len() > 0 {
		ts.Fatalf("exit code %d, stderr %q", code, stderr.String())
	}
}

// command prepares the program with the environment of the script.
func command(ts *testscript.TestScript, args ...string) *exec.Cmd {
	path, err := exec.LookPath(program)
	ts.Check(err)
	cmd := exec.Command(path, args...)
	cmd.Dir = ts.MkAbs(".")
	for _, name := range []string{"HOME", "TMPDIR", "PATH", "XDG_CONFIG_HOME", "GORACE", "TRIPORT_LOG_FORMAT"} {
		cmd.Env = append(cmd.Env, name+"="+ts.Getenv(name))
	}
	return cmd
}
