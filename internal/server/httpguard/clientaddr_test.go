package httpguard

import (
	"net"
	"net/netip"
	"strings"
	"testing"
)

// peer is a connection from an address.
type peer struct {
	net.Conn
	address string
}

// RemoteAddr implements net.Conn.
func (p peer) RemoteAddr() net.Addr {
	return net.TCPAddrFromAddrPort(netip.MustParseAddrPort(p.address))
}

func TestClientAddressIsTheLastUntrustedHop(t *testing.T) {
	t.Parallel()
	conns := newConnections(t.Context(), []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")})
	for _, row := range []struct{ peer, forwarded, want string }{
		{"192.0.2.1:5", "X-Forwarded-For: 198.51.100.9\r\n", "192.0.2.1"}, // the peer is no proxy
		{"10.0.0.1:5", "", "10.0.0.1"},
		{"10.0.0.1:5", "X-Forwarded-For: 198.51.100.9\r\n", "198.51.100.9"},
		{"10.0.0.1:5", "X-Forwarded-For: 203.0.113.5, 198.51.100.9, 10.0.0.2\r\n", "198.51.100.9"},
		{"10.0.0.1:5", "X-Forwarded-For: 203.0.113.5, 198.51.100.9\r\nx-forwarded-for:\t10.0.0.2\r\n", "198.51.100.9"},
		{"10.0.0.1:5", "X-Forwarded-For: 203.0.113.5, nonsense, 10.0.0.2\r\n", "10.0.0.2"},
		{"10.0.0.1:5", "X-Forwarded-For: 198.51.100.9,\r\n", "10.0.0.1"},
		{"10.0.0.1:5", "X-Forwarded-For: 10.0.0.3, 10.0.0.2\r\n", "10.0.0.3"},
		{"10.0.0.1:5", "X-Forwarded-For: ::ffff:198.51.100.9\r\n", "198.51.100.9"},
		{"10.0.0.1:5", "X-Forwarded-For: 198.51.100.9:1234\r\n", "198.51.100.9"},
		{"10.0.0.1:5", "X-Forwarded-For: [2001:db8::1]:80\r\n", "2001:db8::1"},
		{"[::ffff:10.0.0.1]:5", "X-Forwarded-For: 2001:db8::1\r\n", "2001:db8::1"},
	} {
		r := Request{Headers: Headers(row.forwarded + "\r\n"), conn: conns.add(peer{address: row.peer})}
		if got := r.ClientAddr().String(); got != row.want {
			t.Errorf("%s with %q: %s, want %s", row.peer, row.forwarded, got, row.want)
		}
	}
}

// FuzzClientAddress checks that a client behind a proxy, which writes its address behind what the client sent, cannot
// choose its own address.
func FuzzClientAddress(f *testing.F) {
	f.Add("203.0.113.5, 10.0.0.2")
	f.Add("10.0.0.2,")
	f.Add("fe80::1%eth0, [::1]:80, \t")
	conns := newConnections(f.Context(), []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")})
	c := conns.add(peer{address: "10.0.0.1:5"})
	f.Fuzz(func(t *testing.T, sent string) {
		if strings.ContainsAny(sent, "\r\n") {
			return // these would be other lines
		}
		r := Request{Headers: Headers("X-Forwarded-For: " + sent + ", 198.51.100.9, 10.0.0.2\r\n\r\n"), conn: c}
		if got := r.ClientAddr().String(); got != "198.51.100.9" {
			t.Errorf("after %q the client is %s", sent, got)
		}
		alone := Request{Headers: Headers("X-Forwarded-For: " + sent + "\r\n\r\n"), conn: c}
		if got := alone.ClientAddr(); !got.IsValid() || got.Zone() != "" || got.Is4In6() {
			t.Errorf("%q gives %s", sent, got)
		}
	})
}
