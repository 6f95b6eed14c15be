package httpguard

import (
	"context"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"
)

// connections is the set of connections that hold a descriptor.
type connections struct {
	stopping       context.Context // ends when the server stops
	trustedProxies []netip.Prefix
	closed         chan struct{} // receives a value after a connection was closed, if it is empty

	mu   sync.Mutex
	open map[*conn]struct{}
}

func newConnections(stopping context.Context, proxies []netip.Prefix) connections {
	return connections{stopping, proxies, make(chan struct{}, 1), sync.Mutex{}, make(map[*conn]struct{})}
}

func (cs *connections) add(nc net.Conn) *conn {
	c := &conn{Conn: nc, set: cs, trusted: cs.trusts(nc.RemoteAddr())}
	cs.mu.Lock()
	defer cs.mu.Unlock()
	cs.open[c] = struct{}{}
	return c
}

// trusts reports whether the peer is a proxy of the operator.
func (cs *connections) trusts(peer net.Addr) bool {
	tcp, ok := peer.(*net.TCPAddr)
	if !ok {
		return false
	}
	addr := tcp.AddrPort().Addr().Unmap().WithZone("")
	return slices.ContainsFunc(cs.trustedProxies, func(p netip.Prefix) bool { return p.Contains(addr) })
}

func (cs *connections) remove(c *conn) {
	cs.mu.Lock()
	delete(cs.open, c)
	cs.mu.Unlock()
	select {
	case cs.closed <- struct{}{}:
	default:
	}
}

func (cs *connections) count() int {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	return len(cs.open)
}

// waitUntilNone waits until every connection is closed, but not longer than limit. It must be the only receiver of
// closed.
func (cs *connections) waitUntilNone(limit time.Duration) {
	timeout := time.After(limit)
	for cs.count() > 0 {
		select {
		case <-cs.closed:
		case <-timeout:
			return
		}
	}
}

// each calls f for every open connection.
func (cs *connections) each(f func(*conn)) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	for c := range cs.open {
		f(c)
	}
}
