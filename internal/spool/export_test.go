package spool

import "runtime"

// AwaitQueue returns as soon as n entries are queued.
func AwaitQueue(s *Spool, n int) {
	for {
		s.mu.Lock()
		queued := len(s.queue)
		s.mu.Unlock()
		if queued == n {
			return
		}
		runtime.Gosched()
	}
}
