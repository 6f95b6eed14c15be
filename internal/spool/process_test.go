package spool_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/triport/triport-console/internal/referral"
	"github.com/triport/triport-console/internal/spool"
)

// children are the other processes of tests: this binary, started again.
var children = map[string]func(*spool.Spool) error{
	"append-limited":   appendLimited,
	"append-and-drain": appendAndDrain,
	"drain-and-hang":   drainAndHang,
}

const childVariable = "SPOOL_TEST_CHILD"

func TestMain(m *testing.M) {
	run, ok := children[os.Getenv(childVariable)]
	if !ok {
		m.Run()
		return
	}
	if err := run(spool.New(os.Args[1])); err != nil {
		panic(err)
	}
}

type child struct {
	cmd    *exec.Cmd
	out    *bufio.Reader
	stderr *bytes.Buffer
}

func startChild(t *testing.T, name, database string) *child {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := &child{cmd: exec.CommandContext(t.Context(), exe, database), stderr: new(bytes.Buffer)}
	c.cmd.Env = append(os.Environ(), childVariable+"="+name)
	c.cmd.Stderr = c.stderr
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	c.out = bufio.NewReader(out)
	if err := c.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return c
}

// finish waits for the end of the child and returns its output.
func (c *child) finish() (string, error) {
	out, err := io.ReadAll(c.out)
	if werr := c.cmd.Wait(); werr != nil {
		err = fmt.Errorf("%w: %s", werr, c.stderr)
	}
	return string(out), err
}

const eachProcess = 300

func TestTwoProcessesReplayEveryAttemptOnce(t *testing.T) {
	t.Parallel()
	s, database := newSpool(t)
	other := startChild(t, "append-and-drain", database)
	drained, err := appendWhileDraining(s, "parent")
	if err != nil {
		t.Fatal(err)
	}
	out, err := other.finish()
	if err != nil {
		t.Fatal(err)
	}
	drained = append(drained, strings.Fields(out)...)
	rest, err := drainIDs(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	drained = append(drained, rest...)

	var want []string
	for n := range eachProcess {
		want = append(want, fmt.Sprintf("parent-%d", n), fmt.Sprintf("child-%d", n))
	}
	slices.Sort(want)
	slices.Sort(drained)
	diff(t, "attempts drained", want, drained)
	diff(t, "files", []string{".spool.drain.lock", ".spool.lock"}, files(t, database))
}

func appendAndDrain(s *spool.Spool) error {
	drained, err := appendWhileDraining(s, "child")
	fmt.Fprintln(os.Stdout, strings.Join(drained, "\n"))
	return err
}

// appendWhileDraining appends attempts from several goroutines, drains at the same time, and returns the ids of all
// drained attempts, also those of the other process.
func appendWhileDraining(s *spool.Spool, name string) (drained []string, err error) {
	const callers = 6
	ctx := context.Background()
	var wg sync.WaitGroup
	for caller := range callers {
		wg.Go(func() {
			for n := caller; n < eachProcess; n += callers {
				if err := s.Append(ctx, attempt(fmt.Sprintf("%s-%d", name, n))); err != nil {
					panic(err)
				}
			}
		})
	}
	appended := make(chan struct{})
	go func() { wg.Wait(); close(appended) }()
	for {
		got, err := drainIDs(ctx, s)
		drained = append(drained, got...)
		if err != nil {
			return drained, err
		}
		select {
		case <-appended:
			return drained, nil
		default:
		}
	}
}

func TestSegmentOfAKilledDrainIsReplayedCompletely(t *testing.T) {
	t.Parallel()
	s, database := newSpool(t)
	writeFile(t, database+".spool", lineOf("a1")+"garbage\n"+lineOf("a2"))
	killed := startChild(t, "drain-and-hang", database)
	if line, err := killed.out.ReadString('\n'); line != "dead letter: true\n" {
		_, cause := killed.finish()
		t.Fatalf("the child says %q, %v: %v", line, err, cause)
	}
	if err := killed.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if _, err := killed.finish(); err == nil {
		t.Fatal("the child ended by itself")
	}
	mustAppend(t, s, "a3")

	var got []string
	err := s.Drain(t.Context(), func(segment io.Reader, deadLetter referral.DeadLetter) error {
		b, err := io.ReadAll(segment)
		got = append(got, string(b))
		if fresh, _ := deadLetter(strings.NewReader("garbage")); fresh {
			t.Error("the dead letter of the killed drain was added again")
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	diff(t, "segments", []string{lineOf("a1") + "garbage\n" + lineOf("a2"), lineOf("a3")}, got)
	diff(t, "dead letters", "garbage\n", readFile(t, s.DeadLetterFile()))
}

// drainAndHang adds a dead letter and then waits to be killed while it holds the drain lock.
func drainAndHang(s *spool.Spool) error {
	return s.Drain(context.Background(), func(_ io.Reader, deadLetter referral.DeadLetter) error {
		fresh, err := deadLetter(strings.NewReader("garbage"))
		if err != nil {
			return err
		}
		fmt.Fprintf(os.Stdout, "dead letter: %t\n", fresh)
		select {}
	})
}
