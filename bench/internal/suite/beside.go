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

// bystander inspects a user and replays a file, over and over, beside a server under load.
type bystander struct {
	lab   *lab
	path  string
	first int64 // the person of the first replayed line: nobody else's
	quit  chan struct{}
	done  chan struct{}
	made  counts
	err   error
}

// besideLines is how many attempts one replay beside a server has.
const besideLines = 200

// besidePeople are kept free of the load, for the replays.
const besidePeople = 100 * besideLines

func (l *lab) disturb(ctx context.Context, path string, m master) *bystander {
	b := &bystander{
		lab: l, path: path, first: m.layout.People() - besidePeople,
		quit: make(chan struct{}), done: make(chan struct{}),
	}
	go func() {
		defer close(b.done)
		for last := m.layout.People(); b.err == nil && b.first+besideLines <= last; {
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

func (b *bystander) once(ctx context.Context) error {
	out, err := b.lab.command(ctx, -1, "product", "referral", "inspect", seed.ID(b.first%seed.Referrers),
		"-o", "json", "--database", b.path).CombinedOutput()
	if err := told(out, err); err != nil {
		return fmt.Errorf("referral inspect beside the server: %w", err)
	}
	file := b.path + ".lines"
	if err := writeAttempts(file, b.first, besideLines); err != nil {
		return err
	}
	b.first += besideLines
	out, err = b.lab.command(ctx, -1, "product", "referral", "replay", "--from", file, "-o", "json", "--database", b.path).Output()
	if err := told(out, err); err != nil {
		return fmt.Errorf("referral replay beside the server: %w", err)
	}
	var r struct{ Attributed int64 }
	if err := json.Unmarshal(out, &r); err != nil {
		return err
	}
	b.made = b.made.plus(counts{Attributions: r.Attributed, Signups: r.Attributed})
	return nil
}

// stop waits for what is running and tells what rows it made. A nil bystander did nothing.
func (b *bystander) stop() (counts, error) {
	if b == nil {
		return counts{}, nil
	}
	close(b.quit)
	<-b.done
	return b.made, b.err
}

// attemptTime is that of all replayed attempts.
var attemptTime = time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC)

// writeAttempts writes a file for replay: one line a person.
func writeAttempts(path string, first, count int64) error {
	return writeLines(path, first, count, func(n int64) []byte {
		return referral.FormatLine(referral.Attempt{
			ID: seed.AttemptID(n), User: seed.ID(n), Code: seed.Code(seed.ReferrerOf(n)), At: attemptTime,
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
