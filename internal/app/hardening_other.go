//go:build !linux

package app

// disableDump does nothing: other systems have only the size limit.
func disableDump() error { return nil }
