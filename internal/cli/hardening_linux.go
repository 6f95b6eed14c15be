package cli

import (
	"fmt"
	"syscall"
)

// undumpable does what the limit on core files does not: a kernel.core_pattern that pipes into a program
// (systemd-coredump, apport) is fed however low the limit is. It also keeps other processes of the same
// user from attaching and from reading /proc/PID/mem and environ; root may. What monitoring reads stays
// readable: /proc/PID/stat, status, limits and cmdline for everybody, /proc/self/fd for the process.
func undumpable() error {
	if _, _, errno := syscall.RawSyscall(syscall.SYS_PRCTL, syscall.PR_SET_DUMPABLE, 0, 0); errno != 0 {
		return fmt.Errorf("make the process undumpable: %w", errno)
	}
	return nil
}
