package app

import (
	"errors"
	"fmt"
	"log/slog"
	"syscall"
)

// harden disables core dumps: they would contain session tokens.
func harden(log *slog.Logger) {
	if err := errors.Join(limitCore(), disableDump()); err != nil {
		log.Warn("core dumps could not be disabled", "error", err,
			"hint", "set LimitCORE=0 or ulimit -c 0, and a kernel.core_pattern that pipes into no program")
	}
}

// limitCore limits core files to 0 bytes. A service manager that has set this may forbid the call.
func limitCore() error {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_CORE, &limit); err == nil && limit.Cur == 0 && limit.Max == 0 {
		return nil
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_CORE, &syscall.Rlimit{}); err != nil {
		return fmt.Errorf("limit the core file: %w", err)
	}
	return nil
}
