package referral

import (
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/triport/triport-console/internal/auth"
)

// FuzzLineOfAnAttempt checks that every attempt of a live call, with any cookie, leaves the spool unchanged. A line
// that is rejected there is a lost referral.
func FuzzLineOfAnAttempt(f *testing.F) {
	f.Add("att_1", ann, " SummerSALE-26", "req_0123456789abcdef", int64(0))
	f.Add("0189c0de-f00d-7abc-8def-0123456789ab", "ann@example.com", "caf\xc3\xa9\\x\x00\xff", "a.b_c-d", int64(1772366400123456))
	f.Add("a\"b", "id:email:a@x.org", "\\xc3<&>\u2028", "x\\x20", int64(253402300799999999))
	const end = 253402300800000000 // the first microsecond of the year 10000
	f.Fuzz(func(t *testing.T, id, user, cookie, requestID string, micros int64) {
		userID, err := auth.NormalizeID(user)
		a := Attempt{ID: id, User: userID, Code: ParsePresentedCode(cookie), RequestID: requestID, Source: SourceSpool,
			At: time.UnixMicro((micros%end + end) % end).UTC()}
		if err != nil || a.Code.Text == "" || !isID(id) || !isID(requestID) {
			return // no call has it
		}
		line := FormatLine(a)
		if !utf8.Valid(line) {
			t.Errorf("%q is not UTF-8", line)
		}
		got, err := parseText(line, SourceSpool)
		if diff := cmp.Diff(a, got); err != nil || diff != "" {
			t.Errorf("%s: %v (-in +out):\n%s", line, err, diff)
		}
		if before, after := DeriveAttemptID(a.User, a.Code.Text, a.At), DeriveAttemptID(got.User, got.Code.Text, got.At); before != after {
			t.Errorf("%s: the derived id was %s and is %s", line, before, after)
		}
	})
}
