package app

import (
	"fmt"
	"syscall"
)

// disableDump covers what the size limit does not: a kernel.core_pattern that pipes into a program
// (systemd-coredump, apport). It also keeps other processes of the same user from reading /proc/PID/mem and
// environ. Monitoring still works: /proc/PID/stat, status, limits and cmdline stay readable.
func disableDump() error {
	if _, _, errno := syscall.RawSyscall(syscall.SYS_PRCTL, syscall.PR_SET_DUMPABLE, 0, 0); errno != 0 {
		return fmt.Errorf("make the process undumpable: %w", errno)
	}
	return nil
}
