package auth

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
)

// tokenBytes is the entropy of a token: 256 bits, out of reach of guessing.
const tokenBytes = 32

// tokenLength is the length of a token's text: base64url of 32 bytes without padding.
const tokenLength = 43

// Hash is the SHA-256 of a token's text. It is all the store ever sees: a stolen database signs nobody in.
type Hash [sha256.Size]byte

// NewToken draws a token from random, which must be cryptographically secure.
func NewToken(random io.Reader) (string, error) {
	var raw [tokenBytes]byte
	if _, err := io.ReadFull(random, raw[:]); err != nil {
		return "", fmt.Errorf("draw a token: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(raw[:]), nil
}

// HashToken returns what the store knows a token by. It hashes the text, not the bytes it stands
// for: base64 has several spellings of the same bytes, and only the one that was issued may count.
func HashToken(token string) Hash { return sha256.Sum256([]byte(token)) }

// isToken tells whether s could be a token at all; what cannot be one is not worth a look-up.
func isToken(s string) bool {
	if len(s) != tokenLength {
		return false
	}
	for i := range len(s) {
		c := s[i]
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '_':
		default:
			return false
		}
	}
	return true
}
