package auth

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"strings"
)

// A token is the base64url of 256 random bits, without padding.
const (
	tokenBytes     = 32
	tokenLength    = 43
	tokenCharacter = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"
)

// Hash is the SHA-256 of a token's text. The store knows nothing else: a stolen database cannot sign anyone in.
type Hash [sha256.Size]byte

// NewToken returns a token from random, which must be cryptographically secure.
func NewToken(random io.Reader) (string, error) {
	var raw [tokenBytes]byte
	if _, err := io.ReadFull(random, raw[:]); err != nil {
		return "", fmt.Errorf("draw a token: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(raw[:]), nil
}

// HashToken returns the hash of the token's text, not of its bytes: base64 has several texts for the same bytes, and
// only the issued one is valid.
func HashToken(token string) Hash { return sha256.Sum256([]byte(token)) }

// isToken reports whether s has the form of a token. Other values need no look-up.
func isToken(s string) bool { return len(s) == tokenLength && strings.Trim(s, tokenCharacter) == "" }
