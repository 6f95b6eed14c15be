package sqlite

import (
	"log/slog"
	"time"

	"github.com/triport/triport-console/internal/store/sqlite/engine"
)

const (
	// damageLogEvery is how often damage is logged: a bad page fails the same attempt again and again,
	// while all others pass.
	damageLogEvery = time.Minute
	// stableAfter is how long no transaction must have failed before the database counts as available: one
	// that fails now and then, on a disk that is almost full, does not.
	stableAfter = 250 * time.Millisecond
)

// monitor logs what the engine reports. Only the engine's writer uses it.
type monitor struct {
	log     *slog.Logger
	now     func() time.Time
	hint    string // logged last; empty while the database is available
	failed  time.Time
	damaged time.Time
}

func newMonitor(opt Options) *monitor {
	m := &monitor{log: opt.Log, now: opt.Now}
	if m.log == nil {
		m.log = slog.New(slog.DiscardHandler)
	}
	if m.now == nil {
		m.now = time.Now
	}
	return m
}

// Unavailable implements engine.Monitor. It logs once for each thing that an operator can do about it.
func (m *monitor) Unavailable(err error) {
	m.failed = m.now()
	if hint := engine.Hint(err); m.hint != hint {
		m.hint = hint
		m.log.Error("database unavailable, spooling attempts", "error", err, "hint", hint)
	}
}

// Damaged implements engine.Monitor.
func (m *monitor) Damaged(err error) {
	if m.now().Sub(m.damaged) < damageLogEvery {
		return
	}
	m.damaged = m.now()
	m.log.Error("database is damaged, attempts that need the damaged part are spooled", "error", err, "hint", engine.Hint(err))
}

// Available implements engine.Monitor.
func (m *monitor) Available() {
	if m.hint != "" && m.now().Sub(m.failed) >= stableAfter {
		m.hint = ""
		m.log.Info("database available again")
	}
}
