package sqlite

import (
	"log/slog"
	"time"

	"github.com/triport/triport-console/internal/store/sqlite/engine"
	"github.com/triport/triport-console/internal/throttle"
)

const (
	// damageLogEvery is how often damage is logged: a bad page fails the same attempt again and again.
	damageLogEvery = time.Minute
	// stableAfter without a failure makes the database available: on a disk that is almost full, some commits succeed.
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

// report logs once for each hint that the database is unavailable.
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
