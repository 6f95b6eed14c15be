package load

import (
	"fmt"
	"math/rand/v2"

	"github.com/triport/triport-console/bench/internal/seed"
)

// Kind is the kind of requests.
type Kind string

// Attribute presents a referrer's code, NoCookie no code, Rejected one that does not exist. Mixed is 80 %
// NoCookie, 15 % Attribute and 5 % Rejected.
const (
	Attribute Kind = "attribute"
	NoCookie  Kind = "no_cookie"
	Rejected  Kind = "rejected"
	Mixed     Kind = "mixed"
)

// kindOf returns the kind of the i-th request. Kinds are spread evenly, in the same way in each run.
func (k Kind) kindOf(i int64) Kind {
	if k != Mixed {
		return k
	}
	switch slot := i * 7 % 20; { // 7 and 20 have no common divisor
	case slot < 16:
		return NoCookie
	case slot < 19:
		return Attribute
	}
	return Rejected
}

// order is the seed of the order of requests, the same in every run.
var order = [2]uint64{0x7472_6970, 0x6f72_7400}

// render renders all requests: one per person.
func render(cfg Config) [][]byte {
	requests := make([][]byte, cfg.Count)
	for i, n := range rand.New(rand.NewPCG(order[0], order[1])).Perm(int(cfg.Count)) {
		if cfg.InOrder {
			n = i
		}
		requests[i] = Request(cfg.Addr.String(), cfg.Kind.kindOf(int64(i)), cfg.First+int64(n))
	}
	return requests
}

// Request returns the call of a console after the sign-in of person n.
func Request(host string, kind Kind, n int64) []byte {
	t := seed.Tokens(n)
	code := ""
	switch kind {
	case Attribute:
		code = "; ref_code=" + seed.Code(seed.ReferrerOf(n))
	case Rejected:
		code = fmt.Sprintf("; ref_code=unknown-%d", n)
	}
	return fmt.Appendf(nil, "POST /v1/auth/attribute HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\n"+
		"X-CSRF-Token: %s\r\nCookie: nl_session=%s; nl_csrf=%s%s\r\nContent-Length: 2\r\n\r\n{}",
		host, t.CSRF, t.Session, t.CSRF, code)
}
