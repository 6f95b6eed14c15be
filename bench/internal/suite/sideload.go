package suite

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"time"

	"github.com/triport/triport-console/bench/internal/seed"
	"github.com/triport/triport-console/internal/referral"
)

// sideLoad inspects a user and replays a file repeatedly while a server is under load.
type sideLoad struct {
	ws    *workspace
	path  string
	first int64 // the person of the first replayed line; the load does not use them
	quit  chan struct{}
	done  chan struct{}
	rows  counts // that the replays added
	err   error
}

// replayLines is the number of attempts of one replay.
const replayLines = 200

// replayPeople is the number of people for the replays, which the load does not use.
const replayPeople = 100 * replayLines

func (ws *workspace) startSideLoad(ctx context.Context, path string, m database) *sideLoad {
	b := &sideLoad{
		ws: ws, path: path, first: m.layout.People() - replayPeople,
		quit: make(chan struct{}), done: make(chan struct{}),
	}
	go func() {
		defer close(b.done)
		for last := m.layout.People(); b.err == nil && b.first+replayLines <= last; {
			select {
			case <-b.quit:
				return
			default:
				b.err = b.once(ctx)
			}
		}
	}()
	return b
}

func (b *sideLoad) once(ctx context.Context) error {
	out, err := b.ws.command(ctx, -1, "product", "referral", "inspect", seed.ID(b.first%seed.Referrers),
		"-o", "json", "--database", b.path).CombinedOutput()
	if err := withOutput(out, err); err != nil {
		return fmt.Errorf("referral inspect during the load: %w", err)
	}
	file := b.path + ".lines"
	if err := writeAttempts(file, b.first, replayLines); err != nil {
		return err
	}
	b.first += replayLines
	out, err = b.ws.command(ctx, -1, "product", "referral", "replay", "--from", file, "-o", "json", "--database", b.path).Output()
	if err := withOutput(out, err); err != nil {
		return fmt.Errorf("referral replay during the load: %w", err)
	}
	var r struct{ Attributed int64 }
	if err := json.Unmarshal(out, &r); err != nil {
		return err
	}
	b.rows = b.rows.plus(counts{Attributions: r.Attributed, Signups: r.Attributed})
	return nil
}

// stop waits for the running command and returns the rows that the replays added. A nil sideLoad has none.
func (b *sideLoad) stop() (counts, error) {
	if b == nil {
		return counts{}, nil
	}
	close(b.quit)
	<-b.done
	return b.rows, b.err
}

// attemptTime is the time of all replayed attempts.
var attemptTime = time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC)

// writeAttempts writes a file for replay: one line per person.
func writeAttempts(path string, first, count int64) error {
	return writeLines(path, first, count, func(n int64) []byte {
		return referral.FormatLine(referral.Attempt{
			ID: seed.AttemptID(n), User: seed.ID(n), Code: referral.ParsePresentedCode(seed.Code(seed.ReferrerOf(n))), At: attemptTime,
		})
	})
}

// writeUsers writes a file for import.
func writeUsers(path string, first, count int64) error {
	return writeLines(path, first, count, func(n int64) []byte {
		return fmt.Appendf(nil, `{"id":"%s","email":"%s","display_name":"Person %d","created_at":"2026-01-01T00:00:00Z"}`,
			seed.ID(n), seed.Email(n), n)
	})
}

func writeLines(path string, first, count int64, line func(n int64) []byte) error {
	var b []byte
	for n := first; n < first+count; n++ {
		b = append(append(b, line(n)...), '\n')
	}
	return os.WriteFile(path, b, 0o600)
}
