package app

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/triport/triport-console/internal/auth"
	"github.com/triport/triport-console/internal/referral"
	"github.com/triport/triport-console/internal/spool"
	"github.com/triport/triport-console/internal/store/sqlite"
)

// One of 100 spooled attempts needs a page that is overwritten.
func TestDamagedPageBlocksOnlyItsAttempt(t *testing.T) {
	t.Parallel()
	const users = 2000
	path := filepath.Join(t.TempDir(), "triport.db")
	store, err := sqlite.Open(t.Context(), path, sqlite.Options{Mode: sqlite.Create})
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	id := func(n int) string { return fmt.Sprintf("00000000-0000-4000-8000-%012d", n) }
	code := func(n int) string { return referral.UIDCode(id(n), referral.UIDCodeLength) }
	var all []auth.ImportUser
	for n := range users {
		all = append(all, auth.ImportUser{ID: id(n), CreatedAt: at})
	}
	if _, err := store.ImportUsers(t.Context(), all, nil, at); err != nil {
		t.Fatal(err)
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	const owner, middle = users - 1, users / 2
	damaged := overwritePages(t, path, code(middle), code(owner))
	if store, err = sqlite.Open(t.Context(), path, sqlite.Options{Mode: sqlite.Create}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	sp := spool.New(path)
	for n := 1; n <= 100; n++ {
		presented := code(owner)
		if n == 50 {
			presented = code(middle)
		}
		a := referral.Attempt{ID: fmt.Sprint("a", n), User: id(n), Code: referral.ParsePresentedCode(presented), At: at, Source: referral.SourceSpool}
		if err := sp.Append(t.Context(), a); err != nil {
			t.Fatal(err)
		}
	}

	var log bytes.Buffer
	m := newMonitoredSpool(sp, time.Now, nil)
	service := referral.NewService(store, m, referral.Rules{}, time.Second, slog.New(slog.NewTextHandler(&log, nil)), io.Discard)
	drain := func(times int) {
		ticks := make(chan time.Time, times)
		for range times - 1 {
			ticks <- at
		}
		close(ticks)
		service.DrainWhenWaiting(t.Context(), ticks)
	}
	drain(1)
	kept, err := os.Stat(path + ".spool.2")
	if err != nil {
		t.Fatal(err)
	}
	drain(3)
	if again, err := os.Stat(path + ".spool.2"); err != nil || !os.SameFile(kept, again) || !again.ModTime().Equal(kept.ModTime()) {
		t.Errorf("the attempt that waits is written again: %v", err)
	}
	if n := strings.Count(log.String(), "they stay in the spool"); n != 2 { // once by each DrainWhenWaiting
		t.Errorf("reported %d times:\n%s", n, log.String())
	}
	if !strings.Contains(log.String(), "read=100 attributed=99 ") {
		t.Errorf("99 attempts were not attributed:\n%s", log.String())
	}
	if problems := append(store.NotReady(t.Context()), m.notReady()...); len(problems) > 0 {
		t.Errorf("not ready: %v", problems)
	}
	damaged()
	drain(3) // two of them leave it for later
	if waiting, err := sp.Waiting(); waiting || err != nil {
		t.Errorf("the repaired page does not decide the attempt: %v\n%s", err, log.String())
	}
}

// overwritePages destroys the pages that hold one text and not the other. repair restores them.
func overwritePages(t *testing.T, path, with, without string) (repair func()) {
	t.Helper()
	const size = 4096
	old, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = file.Close() })
	var pages []int64
	for at := 0; at+size <= len(old); at += size {
		if page := old[at : at+size]; bytes.Contains(page, []byte(with)) && !bytes.Contains(page, []byte(without)) {
			pages = append(pages, int64(at))
		}
	}
	write := func(content func(at int64) []byte) {
		for _, at := range pages {
			if _, err := file.WriteAt(content(at), at); err != nil {
				t.Error(err)
			}
		}
	}
	if len(pages) == 0 {
		t.Fatal("no page to overwrite")
	}
	write(func(int64) []byte { return bytes.Repeat([]byte{0xff}, size) })
	return func() { write(func(at int64) []byte { return old[at : at+size] }) }
}

// The writer follows a few links of a chain, a reader the others.
func TestDamagedPageOfALongChainBlocksOnlyItsAttempt(t *testing.T) {
	t.Parallel()
	const users = 2001
	path := filepath.Join(t.TempDir(), "triport.db")
	open := func() *sqlite.Store {
		store, err := sqlite.Open(t.Context(), path, sqlite.Options{Mode: sqlite.Create})
		if err != nil {
			t.Fatal(err)
		}
		return store
	}
	store := open()
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	id := func(n int) string { return fmt.Sprintf("00000000-0000-4000-8000-%012d", n) }
	code := func(n int) string { return referral.UIDCode(id(n), referral.UIDCodeLength) }
	var all []auth.ImportUser
	for n := range users {
		all = append(all, auth.ImportUser{ID: id(n), CreatedAt: at})
	}
	if _, err := store.ImportUsers(t.Context(), all, nil, at); err != nil {
		t.Fatal(err)
	}
	var chain []referral.Attempt
	attempt := func(attemptID string, n, owner int) referral.Attempt {
		return referral.Attempt{ID: attemptID, User: id(n), Code: referral.ParsePresentedCode(code(owner)), At: at, Source: referral.SourceSpool}
	}
	const top = users - 2
	for n := range top { // n is referred by n+1; from the bottom: no ring checks
		chain = append(chain, attempt(fmt.Sprint("c", n), n, n+1))
	}
	verdicts, err := store.Replay(t.Context(), chain, referral.Rules{})
	if err != nil || !verdicts[len(verdicts)-1].Outcome.Attributed {
		t.Fatal(err)
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	overwritePages(t, path, code(top/2), code(0))
	store = open()
	t.Cleanup(func() { _ = store.Close() })
	sp := spool.New(path)
	for _, a := range []referral.Attempt{attempt("ring", top, 0), attempt("good", users-1, 0)} {
		if err := sp.Append(t.Context(), a); err != nil {
			t.Fatal(err)
		}
	}
	var log bytes.Buffer
	m := newMonitoredSpool(sp, time.Now, nil)
	service := referral.NewService(store, m, referral.Rules{}, time.Second, slog.New(slog.NewTextHandler(&log, nil)), io.Discard)
	for range 3 {
		if _, err := service.Drain(t.Context()); err != nil {
			t.Error(err)
		}
	}
	o := service.Submit(t.Context(), referral.Attempt{ID: "l", User: id(users - 1), Code: referral.ParsePresentedCode(code(0)), At: at, Source: referral.SourceLive})
	if o.Reason != referral.ReasonAlreadyAttributed {
		t.Error("the good attempt was not decided by a drain")
	}
}
