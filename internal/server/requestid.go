package server

import (
	"encoding/binary"
	"encoding/hex"
	"math/rand/v2"
)

const maxRequestID = 128

// requestID is what the logs and the client know the request by. Only a trusted proxy may choose it:
// anybody else could make his requests look like another's.
func requestID(h head, trusted bool) string {
	if trusted {
		if sent := h.values("x-request-id"); len(sent) == 1 && isRequestID(sent[0]) {
			return sent[0]
		}
	}
	return newRequestID()
}

// newRequestID need not be hard to guess, only unique.
func newRequestID() string {
	const prefix = "req_"
	var random [8]byte
	binary.BigEndian.PutUint64(random[:], rand.Uint64())
	id := make([]byte, len(prefix), len(prefix)+2*len(random))
	copy(id, prefix)
	return string(hex.AppendEncode(id, random[:]))
}

func isRequestID(s string) bool {
	if s == "" || len(s) > maxRequestID {
		return false
	}
	for i := range len(s) {
		switch c := s[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '.', c == '_', c == '-':
		default:
			return false
		}
	}
	return true
}
