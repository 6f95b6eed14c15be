package sqlite

import (
	"log/slog"
	"time"

	"github.com/triport/triport-console/internal/store/sqlite/engine"
	"github.com/triport/triport-console/internal/throttle"
)

const (
	// damageLogEvery is how often damage is logged: a bad page fails the same attempt again and again, while all others
	// pass.
	damageLogEvery = time.Minute
	// stableAfter is how long no transaction must have failed before the database counts as available: one that fails
	// now and then, on a disk that is almost full, does not.
	stableAfter = 250 * time.Millisecond
)

// monitor logs what the engine's writer reports.
type monitor struct {
	log     *slog.Logger
	now     func() time.Time
	hint    string // logged last; empty while the database is available
	failed  time.Time
	damaged *throttle.Throttle
}

// report logs that the database is unavailable, once for each thing that an operator can do about it.
func (m *monitor) report(err error, all bool) {
	now, hint := m.now(), engine.Hint(err)
	switch {
	case err == nil:
		if m.hint != "" && now.Sub(m.failed) >= stableAfter {
			m.hint = ""
			m.log.Info("database available again")
		}
	case all:
		m.failed = now
		if m.hint != hint {
			m.hint = hint
			m.log.Error("database unavailable, spooling attempts", "error", err, "hint", hint)
		}
	case m.damaged.Allow("", now):
		m.log.Error("database is damaged, attempts that need the damaged part are spooled", "error", err, "hint", hint)
	}
}
