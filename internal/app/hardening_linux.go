package app

import (
	"fmt"
	"syscall"
)

// disableDump covers what the size limit does not: a kernel.core_pattern that pipes into a program
// (systemd-coredump, apport) ignores the limit. It also keeps other processes of the same user, except
// root, from attaching and from reading /proc/PID/mem and environ. Monitoring still works: /proc/PID/stat,
// status, limits and cmdline stay readable for everyone, /proc/self/fd for the process.
func disableDump() error {
	if _, _, errno := syscall.RawSyscall(syscall.SYS_PRCTL, syscall.PR_SET_DUMPABLE, 0, 0); errno != 0 {
		return fmt.Errorf("make the process undumpable: %w", errno)
	}
	return nil
}
