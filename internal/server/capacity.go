package server

import (
	"sync/atomic"
	"syscall"
)

const (
	// maxConnections is how many connections are open at a time, at most. One that has sent as much as it
	// may of a request costs some 135 KiB, an idle one 20: it bounds the server's memory.
	maxConnections = 10_000
	// reserved is how many descriptors connections leave to the store, the spool and whatever else the
	// process opens: strangers who use up all others must not keep an attempt out of the spool.
	reserved = 64
)

// held counts the connections that hold a descriptor: also those that nobody serves any more and whose
// closing is a gentle one.
type held struct {
	n     atomic.Int64
	freed chan struct{} // holds a token when a connection has been closed
}

func (h *held) take() { h.n.Add(1) }

func (h *held) free() {
	h.n.Add(-1)
	select {
	case h.freed <- struct{}{}:
	default:
	}
}

// connectionLimit is how many connections the process can afford. It is asked anew for each: the limit of
// descriptors can be changed from outside.
func connectionLimit() int64 {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return maxConnections
	}
	files := int64(min(limit.Cur, maxConnections+reserved))
	return max(files-reserved, files/2)
}
