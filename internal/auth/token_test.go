package auth_test

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/triport/triport-console/internal/auth"
)

func TestTokenIs32RandomBytes(t *testing.T) {
	t.Parallel()
	raw := bytes.Repeat([]byte{0xfb, 0xff}, 16) // bytes whose text differs between base64 and base64url
	token, err := auth.NewToken(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	if want := base64.RawURLEncoding.EncodeToString(raw); token != want || len(token) != 43 || strings.ContainsAny(token, "+/=") {
		t.Errorf("NewToken = %q, want %q", token, want)
	}
}

func TestTokensDiffer(t *testing.T) {
	t.Parallel()
	seen := make(map[string]bool)
	for range 1000 {
		token, err := auth.NewToken(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		if seen[token] {
			t.Fatal("two tokens are equal")
		}
		seen[token] = true
	}
}

func TestTokenNeeds32RandomBytes(t *testing.T) {
	t.Parallel()
	failing := errors.New("no randomness")
	for name, tt := range map[string]struct {
		random io.Reader
		want   error
	}{
		"31 bytes": {bytes.NewReader(make([]byte, 31)), io.ErrUnexpectedEOF},
		"nothing":  {bytes.NewReader(nil), io.EOF},
		"an error": {iotest.ErrReader(failing), failing},
	} {
		if token, err := auth.NewToken(tt.random); token != "" || !errors.Is(err, tt.want) {
			t.Errorf("%s: NewToken = %q, %v, want %v", name, token, err, tt.want)
		}
	}
}

func TestHashTokenIsSHA256OfTheText(t *testing.T) {
	t.Parallel()
	sum := auth.HashToken("abc")
	// FIPS 180-2, appendix B.1.
	const want = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
	if got := hex.EncodeToString(sum[:]); got != want {
		t.Errorf("HashToken(abc) = %s, want %s", got, want)
	}
	// Both are base64 of 32 zero bytes; only the issued one is valid.
	if auth.HashToken(strings.Repeat("A", 43)) == auth.HashToken(strings.Repeat("A", 42)+"B") {
		t.Error("two texts of the same bytes have the same hash")
	}
}

func TestNewSessionContainsOnlyHashes(t *testing.T) {
	t.Parallel()
	tokens, session, err := auth.NewSession(rand.Reader, ann, noon, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	if tokens.Session == tokens.CSRF {
		t.Error("the two tokens are the same")
	}
	diff(t, "session", auth.Session{
		Token: auth.HashToken(tokens.Session), CSRF: auth.HashToken(tokens.CSRF),
		UserID: ann, CreatedAt: noon, ExpiresAt: noon.Add(time.Hour),
	}, session)
}

func TestNewSessionNeedsRandomnessForBothTokens(t *testing.T) {
	t.Parallel()
	for _, n := range []int{0, 31, 32, 63} {
		tokens, session, err := auth.NewSession(bytes.NewReader(make([]byte, n)), ann, noon, time.Hour)
		if err == nil || tokens != (auth.Tokens{}) || session != (auth.Session{}) {
			t.Errorf("with %d random bytes: %+v, %+v, %v", n, tokens, session, err)
		}
	}
}
