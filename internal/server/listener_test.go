package server

import (
	"net"
	"net/netip"
	"testing"
)

func TestATrustedProxyIsKnownInEverySpellingOfItsAddress(t *testing.T) {
	t.Parallel()
	cs := connections{trustedProxies: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("fe80::/10")}}
	for _, row := range []struct {
		peer net.Addr
		want bool
	}{
		{&net.TCPAddr{IP: net.IPv4(192, 0, 2, 7).To4()}, true},
		{&net.TCPAddr{IP: net.IPv4(192, 0, 2, 7).To16()}, true}, // as a dual-stack listener reports it
		{&net.TCPAddr{IP: net.ParseIP("fe80::1"), Zone: "eth0"}, true},
		{&net.TCPAddr{IP: net.IPv4(192, 0, 3, 7)}, false},
		{&net.TCPAddr{IP: net.ParseIP("2001:db8::1")}, false},
		{&net.TCPAddr{}, false},
		{&net.UnixAddr{Name: "192.0.2.7", Net: "unix"}, false},
	} {
		if got := cs.trusts(row.peer); got != row.want {
			t.Errorf("trusts(%v) = %t", row.peer, got)
		}
	}
}
