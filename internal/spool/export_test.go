package spool

import (
	"os"
	"runtime"
)

// MaxQueue is the capacity of the queue.
const MaxQueue = maxQueue

// AwaitQueue returns when n entries are queued.
func AwaitQueue(s *Spool, n int) {
	for len(s.queue) != n {
		runtime.Gosched()
	}
}

// Observe makes the spool call a function before each fsync of a file or directory. If it returns an error, the
// fsync fails with it.
func Observe(s *Spool, before func(name string) error) {
	syncFile, syncDir := s.syncFile, s.syncDir
	s.syncFile = func(f *os.File) error {
		if err := before(f.Name()); err != nil {
			return err
		}
		return syncFile(f)
	}
	s.syncDir = func(dir string) error {
		if err := before(dir); err != nil {
			return err
		}
		return syncDir(dir)
	}
}
