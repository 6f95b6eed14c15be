package cli

import (
	"errors"
	"fmt"
	"log/slog"
	"syscall"
)

// harden keeps what is in this process's memory, session tokens above all, out of the files that a
// crash leaves behind. A system that does not let it is worth a warning, not an outage.
func harden(log *slog.Logger) {
	if err := errors.Join(noCoreFile(), undumpable()); err != nil {
		log.Warn("core files could not be switched off, and one would hold session tokens: set LimitCORE=0 or ulimit -c 0", "cause", err,
			"do", "set LimitCORE=0 or ulimit -c 0, and a kernel.core_pattern that pipes into no program")
	}
}

// noCoreFile sets the largest core file to none, for good. Where that is so already nothing is called:
// a service manager that set it may also forbid to set anything.
func noCoreFile() error {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_CORE, &limit); err == nil && limit.Cur == 0 && limit.Max == 0 {
		return nil
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_CORE, &syscall.Rlimit{}); err != nil {
		return fmt.Errorf("limit the core file: %w", err)
	}
	return nil
}
