// Package seed defines the people of the benchmark and fills databases with them in bulk. Id, code and cookies
// of a person follow from a number, so the load generator in another process needs no list.
package seed

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"

	"github.com/triport/triport-console/internal/auth"
	"github.com/triport/triport-console/internal/referral"
)

// Referrers is the number of people whose codes the others present: the first ones.
const Referrers = 1000

// epoch is the time of the first account in milliseconds. Each further one is a millisecond later.
const epoch = 1_767_225_600_000

// scatter is splitmix64. It returns a random-looking value for a person's number.
func scatter(n uint64) uint64 {
	n += 0x9e3779b97f4a7c15
	n = (n ^ n>>30) * 0xbf58476d1ce4e5b9
	n = (n ^ n>>27) * 0x94d049bb133111eb
	return n ^ n>>31
}

// UUID is a UUID of version 7, as in the product, so later accounts have greater ids.
type UUID [16]byte

// UserID returns the id of person n.
func UserID(n int64) UUID { return uuid7(n, 0) }

// ID is the text of UserID.
func ID(n int64) string { return UserID(n).String() }

// Attempt returns the id of the attempt that linked person n before the benchmark began.
func Attempt(n int64) UUID { return uuid7(n, 1) }

// AttemptID is the text of Attempt.
func AttemptID(n int64) string { return Attempt(n).String() }

// Number returns the number of person n in the product's tables.
func Number(n int64) int64 { return n + 1 }

func uuid7(n int64, salt uint64) (b UUID) {
	const version, variant = 0x7 << 12, 0x2 << 62
	at, random := uint64(epoch+n), scatter(uint64(n)<<1|salt)
	binary.BigEndian.PutUint64(b[:8], at<<16|version|random>>52)
	binary.BigEndian.PutUint64(b[8:], variant|scatter(random)>>2)
	return b
}

// String is optimized: seeding calls it for every column of every row.
func (b UUID) String() string {
	var s [36]byte
	hex.Encode(s[0:8], b[0:4])
	hex.Encode(s[9:13], b[4:6])
	hex.Encode(s[14:18], b[6:8])
	hex.Encode(s[19:23], b[8:10])
	hex.Encode(s[24:36], b[10:16])
	s[8], s[13], s[18], s[23] = '-', '-', '-', '-'
	return string(s[:])
}

// Email returns the e-mail address of person n.
func Email(n int64) string { return fmt.Sprintf("person-%09d@example.com", n) }

// Code returns the uid code of person n.
func Code(n int64) string { return referral.UIDCode(ID(n), referral.UIDCodeLength) }

// ReferrerOf returns the number of the person whose code person n presents.
func ReferrerOf(n int64) int64 { return n % Referrers }

// Tokens returns the cookies of person n's session.
func Tokens(n int64) auth.Tokens { return auth.Tokens{Session: token('s', n), CSRF: token('c', n)} }

func token(kind byte, n int64) string {
	sum := sha256.Sum256(binary.BigEndian.AppendUint64([]byte{kind}, uint64(n)))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}
