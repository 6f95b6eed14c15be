package referral

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/triport/triport-console/internal/jsonl"
)

func TestLineContainsTheCompleteAttempt(t *testing.T) {
	t.Parallel()
	complete := Attempt{ID: "att_1", User: ann, Code: ParsePresentedCode("summer-26"), At: noon.Add(123456 * time.Microsecond), RequestID: "req_1", Source: SourceSpool}
	for name, change := range map[string]func(*Attempt){
		"as it is":           func(*Attempt) {},
		"without an id":      func(a *Attempt) { a.ID = "" },
		"without a request":  func(a *Attempt) { a.RequestID = "" },
		"of an e-mail":       func(a *Attempt) { a.User, a.UserEmail = "", "ann+1@example.com" },
		"of an id or e-mail": func(a *Attempt) { a.User, a.UserEmail = "Ann@Example.com", "ann@example.com" },
		"of an e-mail as id": func(a *Attempt) { a.User = "ann@example.com" },
		"of a short id":      func(a *Attempt) { a.User = "ann" },
		"of a service's id":  func(a *Attempt) { a.User = "auth0|507f1f77bcf86cd799439020" },
		"of a prefix":        func(a *Attempt) { a.User = "id:code:email:a@x.org" },
		"of code: as id":     func(a *Attempt) { a.User = "code:ann" },
		"at a full second":   func(a *Attempt) { a.At = noon },
		"of 1970":            func(a *Attempt) { a.At = time.Unix(0, 0).UTC() },
		"malformed":          func(a *Attempt) { a.Code = ParsePresentedCode("<a href=\"&\">\u2028\xff") },
		"malformed and long": func(a *Attempt) { a.Code = ParsePresentedCode(strings.Repeat("\u00e9", 100)) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			want := complete
			change(&want)
			line := FormatLine(want)
			if bytes.ContainsAny(line, "\r\n") {
				t.Errorf("%q is more than a line", line)
			}
			got, err := parseText(line, SourceSpool)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(want, got); d != "" {
				t.Errorf("attempt (-want +got):\n%s", d)
			}
		})
	}
}

func TestParseLineNormalizes(t *testing.T) {
	t.Parallel()
	got, err := parseText([]byte(` {"at":"2026-03-01T13:00:00.0000009+01:00","code":" Summer-26 ",`+
		`"user":"00000000-0000-4000-8000-00000000000A","level":"error","request_id":"a b","more":[1,{}]} `), SourceReplay)
	if err != nil {
		t.Fatal(err)
	}
	want := Attempt{User: ann, Code: ParsePresentedCode("summer-26"), At: noon, RequestID: `a\x20b`, Source: SourceReplay}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("attempt (-want +got):\n%s", d)
	}
	got, err = parseText([]byte(`{"user":" Ann@Example.COM","code":"abc","at":"2026-03-01T12:00:00Z"}`), SourceReplay)
	if err != nil || got.User != "" || got.UserEmail != "ann@example.com" {
		t.Errorf("%+v, %v", got, err)
	}
}

// TestUserOfALineMayBeAnIDOrAnAddress: lines of before any id was allowed keep their meaning.
func TestUserOfALineMayBeAnIDOrAnAddress(t *testing.T) {
	t.Parallel()
	for user, want := range map[string]Attempt{
		ann:                     {User: ann},
		"ann@example.com":       {User: "ann@example.com", UserEmail: "ann@example.com"},
		"id:ann@example.com":    {User: "ann@example.com"},
		"email:Ann@example.com": {UserEmail: "ann@example.com"},
		"ann":                   {User: "ann"},
	} {
		got, err := parseText([]byte(`{"user":"`+user+`","code":"abc","at":"2026-03-01T12:00:00Z"}`), SourceReplay)
		if err != nil || got.User != want.User || got.UserEmail != want.UserEmail {
			t.Errorf("%s: %+v, %v", user, got, err)
		}
	}
}

func TestNumberIsRejectedWithAdvice(t *testing.T) {
	t.Parallel()
	_, err := parseText([]byte(`{"user":123,"code":"abc","at":"2026-03-01T12:00:00Z"}`), SourceReplay)
	if err == nil || err.Error() != "malformed line: user is a number: write it in quotes" {
		t.Error(err)
	}
}

// secret must not appear in an error: a line may contain anything, for example a session token.
const secret = "s3cr3t"

var notLines = map[string]string{
	"empty":                    ``,
	"no JSON":                  secret,
	"cut off":                  `{"user":"` + ann + `","code":"` + secret,
	"an array":                 `[]`,
	"null":                     `null`,
	"two objects":              `{"user":"` + ann + `","code":"abc","at":"2026-03-01T12:00:00Z"}{}`,
	"a number for a code":      `{"user":"` + ann + `","code":123,"at":"2026-03-01T12:00:00Z"}`,
	"no user":                  `{"code":"abc","at":"2026-03-01T12:00:00Z"}`,
	"user null":                `{"user":null,"code":"abc","at":"2026-03-01T12:00:00Z"}`,
	"user neither id nor mail": `{"user":"` + secret + ` ","code":"abc","at":"2026-03-01T12:00:00Z"}`,
	"a number for a user":      `{"user":123,"code":"abc","at":"2026-03-01T12:00:00Z"}`,
	"a code for a user":        `{"user":"code:` + secret + `","code":"abc","at":"2026-03-01T12:00:00Z"}`,
	"no code":                  `{"user":"` + ann + `","at":"2026-03-01T12:00:00Z"}`,
	"white space for a code":   `{"user":"` + ann + `","code":" \t\n","at":"2026-03-01T12:00:00Z"}`,
	"no time":                  `{"user":"` + ann + `","code":"abc"}`,
	"not UTF-8":                `{"user":"` + secret + "\xff" + `@example.com","code":"abc","at":"2026-03-01T12:00:00Z"}`,
	"not UTF-8 in a field":     `{"user":"` + ann + `","code":"abc","at":"2026-03-01T12:00:00Z","more":"` + secret + "\xc3" + `"}`,
	"half a surrogate pair":    `{"user":"` + secret + `\ud800@example.com","code":"abc","at":"2026-03-01T12:00:00Z"}`,
	"no RFC 3339 time":         `{"user":"` + ann + `","code":"abc","at":"` + secret + `"}`,
	"a day":                    `{"user":"` + ann + `","code":"abc","at":"2026-03-01"}`,
	"a time without a zone":    `{"user":"` + ann + `","code":"abc","at":"2026-03-01T12:00:00"}`,
	"before 1970":              `{"user":"` + ann + `","code":"abc","at":"1969-12-31T23:59:59Z"}`,
	"before 1970 in UTC":       `{"user":"` + ann + `","code":"abc","at":"1970-01-01T00:00:00+01:00"}`,
	"after 9999 in UTC":        `{"user":"` + ann + `","code":"abc","at":"9999-12-31T23:59:59-01:00"}`,
	"white space in an id":     `{"attempt_id":"` + secret + ` ","user":"` + ann + `","code":"abc","at":"2026-03-01T12:00:00Z"}`,
	"a line end in an id":      `{"attempt_id":"` + secret + `\n","user":"` + ann + `","code":"abc","at":"2026-03-01T12:00:00Z"}`,
	"unicode in an id":         `{"attempt_id":"` + secret + `é","user":"` + ann + `","code":"abc","at":"2026-03-01T12:00:00Z"}`,
	"an id too long":           `{"attempt_id":"` + strings.Repeat("x", 129) + `","user":"` + ann + `","code":"abc","at":"2026-03-01T12:00:00Z"}`,
}

func TestBadLineIsRejectedWithoutQuotingIt(t *testing.T) {
	t.Parallel()
	for name, line := range notLines {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, err := parseText([]byte(line), SourceReplay)
			if err == nil || a != (Attempt{}) {
				t.Errorf("parseLine = %+v, %v, want an error", a, err)
			}
			if err != nil && strings.Contains(err.Error(), secret) {
				t.Errorf("the error quotes the line: %v", err)
			}
		})
	}
}

// TestLineThatIsNotUTF8IsMalformed: the JSON parser must not turn such bytes into another person's address.
func TestLineThatIsNotUTF8IsMalformed(t *testing.T) {
	t.Parallel()
	for user, want := range map[string]string{
		"a\xffb@example.com":   "malformed line: not UTF-8",
		`a\ud800b@example.com`: "malformed line: user contains U+FFFD or half a surrogate pair",
		"a\ufffdb@example.com": "malformed line: user contains U+FFFD or half a surrogate pair",
	} {
		file := strings.NewReader(`{"user":"` + user + `","code":"abc","at":"2026-03-01T12:00:00Z"}`)
		for l, err := range ReadLines(file, SourceSpool) {
			if err != nil || l.Err == nil || l.Err.Error() != want {
				t.Errorf("%q: %+v, %v", user, l, err)
			}
		}
	}
}

// TestLineWithAnyCookieIsParsed tries every byte of a cookie, alone and after a quote: a malformed line of the program's
// own is a lost referral.
func TestLineWithAnyCookieIsParsed(t *testing.T) {
	t.Parallel()
	for c := range 256 {
		for _, cookie := range []string{"a" + string([]byte{byte(c)}) + "b", `a"` + string([]byte{byte(c)}) + "b"} {
			want := Attempt{ID: "att_1", User: ann, Code: ParsePresentedCode(cookie), At: noon, Source: SourceSpool}
			got, err := parseText(FormatLine(want), SourceSpool)
			if d := cmp.Diff(want, got); err != nil || d != "" {
				t.Errorf("%q: %v (-want +got):\n%s", cookie, err, d)
			}
		}
	}
}

// parseText parses one line.
func parseText(text []byte, source Source) (Attempt, error) {
	return parseLine(jsonl.Line{Text: text}, source)
}

// isID reports whether s can be an attempt id.
func isID(s string) bool { return isPrintable(s) && len(s) <= maxAttemptID }

func FuzzParseLine(f *testing.F) {
	for _, line := range notLines {
		f.Add([]byte(line))
	}
	f.Add([]byte(`{"attempt_id":"att_1","user":"Ann@Example.COM","code":"é","at":"2026-03-01T12:00:00.123456789+14:00","request_id":"\u0000"}`))
	f.Add([]byte(`{"USER":"jürgen@exämple.de","Code":"A-B","aT":"2026-03-01t12:00:00Z"}`))
	f.Fuzz(func(t *testing.T, line []byte) {
		a, err := parseText(line, SourceReplay)
		if err != nil {
			if a != (Attempt{}) {
				t.Errorf("parseLine(%q) = %+v, %v", line, a, err)
			}
			return
		}
		if !utf8.Valid(line) || strings.ContainsRune(a.User+a.UserEmail, utf8.RuneError) {
			t.Errorf("parseLine(%q) = %+v, with bytes that are not in the line", line, a)
		}
		again, err := parseText(FormatLine(a), SourceReplay)
		if err != nil {
			t.Fatalf("parseLine(%q) = %+v, whose line is rejected: %v", line, a, err)
		}
		if d := cmp.Diff(a, again); d != "" {
			t.Errorf("parseLine(%q) changes (-first +second):\n%s", line, d)
		}
		if a.User+a.UserEmail == "" || a.Code.Text == "" || a.Code != ParsePresentedCode(a.Code.Text) || len(a.ID) > maxAttemptID || a.At.UnixMicro() < 0 || a.At.Location() != time.UTC {
			t.Errorf("parseLine(%q) = %+v", line, a)
		}
	})
}

// readLines returns, for each line, its number and the id of its attempt.
func readLines(r io.Reader) (lines []string, err error) {
	for l, err := range ReadLines(r, SourceReplay) {
		if err != nil {
			return lines, err
		}
		text := l.Value.ID
		if l.Err != nil {
			text = "malformed"
		}
		lines = append(lines, fmt.Sprintf("%d %s", l.Number, text))
	}
	return lines, nil
}

// lineWithID returns the line of an attempt with that id.
func lineWithID(id string) string {
	return string(FormatLine(Attempt{ID: id, User: ann, Code: ParsePresentedCode("abc"), At: noon}))
}

func TestReadLines(t *testing.T) {
	t.Parallel()
	one, two := lineWithID("one"), lineWithID("two")
	for name, tt := range map[string]struct {
		file string
		want []string
	}{
		"nothing":                      {"", nil},
		"empty lines":                  {"\n\r\n \t\n", nil},
		"two lines":                    {one + "\n" + two + "\n", []string{"1 one", "2 two"}},
		"no final line end":            {one + "\n" + two, []string{"1 one", "2 two"}},
		"CRLF":                         {one + "\r\n" + two + "\r\n", []string{"1 one", "2 two"}},
		"empty lines are numbered":     {"\n\n" + one + "\n \n" + two, []string{"3 one", "5 two"}},
		"malformed lines are returned": {one + "\ngarbage\n" + two, []string{"1 one", "2 malformed", "3 two"}},
		"a torn line is malformed":     {one + "\n" + two[:20], []string{"1 one", "2 malformed"}},
		"a long line is one":           {one + "\n" + strings.Repeat("x", 10*jsonl.MaxLine) + "\n" + two, []string{"1 one", "2 malformed", "3 two"}},
		"a long last line":             {one + "\n" + strings.Repeat("x", 10*jsonl.MaxLine), []string{"1 one", "2 malformed"}},
		"just too long":                {strings.Repeat(" ", jsonl.MaxLine-len(one)) + one + "\n" + two, []string{"1 malformed", "2 two"}},
		"just not too long":            {strings.Repeat(" ", jsonl.MaxLine-len(one)-1) + one + "\n" + two, []string{"1 one", "2 two"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for how, r := range map[string]io.Reader{
				"complete":     strings.NewReader(tt.file),
				"in halves":    iotest.HalfReader(strings.NewReader(tt.file)),
				"end with EOF": iotest.DataErrReader(strings.NewReader(tt.file)),
			} {
				got, err := readLines(r)
				if err != nil {
					t.Fatalf("%s: %v", how, err)
				}
				if d := cmp.Diff(tt.want, got); d != "" {
					t.Errorf("%s: lines (-want +got):\n%s", how, d)
				}
			}
		})
	}
}

func TestLongLineCanBeReadCompletely(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("0123456789", jsonl.MaxLine/2)
	for how, wrap := range map[string]func(io.Reader) io.Reader{
		"complete":     func(r io.Reader) io.Reader { return r },
		"in halves":    iotest.HalfReader,
		"byte by byte": iotest.OneByteReader,
	} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			var got []string
			for l, err := range ReadLines(wrap(strings.NewReader(long+"\n"+lineWithID("next")+"\n"+long)), SourceSpool) {
				if err != nil {
					t.Fatal(err)
				}
				raw := string(l.Text)
				if l.Rest != nil {
					rest, err := io.ReadAll(l.Rest)
					if err != nil {
						t.Fatal(err)
					}
					raw += string(rest)
				}
				got = append(got, raw)
			}
			if d := cmp.Diff([]string{long, lineWithID("next"), long}, got); d != "" {
				t.Errorf("lines (-want +got):\n%.500s", d)
			}
		})
	}
}

func TestReadErrorEndsTheLines(t *testing.T) {
	t.Parallel()
	broken := errors.New("the disk is broken")
	for name, file := range map[string]string{
		"within a line":      lineWithID("one") + "\n" + `{"attempt_id":"tw`,
		"within a long line": lineWithID("one") + "\n" + strings.Repeat("x", 3*jsonl.MaxLine),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := readLines(io.MultiReader(strings.NewReader(file), iotest.ErrReader(broken)))
			if !errors.Is(err, broken) {
				t.Errorf("the error is %v, want %v", err, broken)
			}
			if len(got) == 0 || got[0] != "1 one" {
				t.Errorf("the lines before it are %q", got)
			}
		})
	}
}

func TestReadLinesStopsWithItsCaller(t *testing.T) {
	t.Parallel()
	file := lineWithID("one") + "\n" + strings.Repeat("x", 2*jsonl.MaxLine) + "\n" + lineWithID("three")
	for stop := 1; stop <= 3; stop++ {
		read := 0
		for range ReadLines(strings.NewReader(file), SourceSpool) {
			if read++; read == stop {
				break
			}
		}
		if read != stop {
			t.Errorf("stopped after %d lines, want %d", read, stop)
		}
	}
}

// TestReadLinesTakesConstantMemory reads 64 MiB without a line end.
func TestReadLinesTakesConstantMemory(t *testing.T) { // not parallel: it measures the memory of all tests
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	got, err := readLines(io.LimitReader(endless{}, 64<<20))
	runtime.ReadMemStats(&after)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]string{"1 malformed"}, got); d != "" {
		t.Errorf("lines (-want +got):\n%s", d)
	}
	if used := after.TotalAlloc - before.TotalAlloc; used > 1<<20 {
		t.Errorf("it took %d bytes", used)
	}
}

// endless is a file of one endless line.
type endless struct{}

func (endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'x'
	}
	return len(p), nil
}

func FuzzReadLines(f *testing.F) {
	f.Add([]byte(lineWithID("one")+"\ngarbage\n\n"), 3)
	f.Add([]byte("\r\n\x00"), jsonl.MaxLine)
	f.Add([]byte(strings.ReplaceAll(lineWithID("one"), "abc", "ab\xff")), 0)
	f.Fuzz(func(t *testing.T, file []byte, padding int) {
		file = append(bytes.Repeat([]byte{'x'}, max(0, padding)%(3*jsonl.MaxLine)), file...)
		var read int
		for l, err := range ReadLines(bytes.NewReader(file), SourceSpool) {
			if err != nil {
				t.Fatal(err)
			}
			if read++; l.Number < read || len(l.Text) == 0 || (l.Err == nil) == (l.Value == Attempt{}) || l.Err == nil && !utf8.Valid(l.Text) {
				t.Errorf("line %d: %+v", read, l)
			}
		}
		var want int
		for _, line := range bytes.Split(file, []byte{'\n'}) {
			if len(bytes.TrimSpace(line)) > 0 || len(line) >= jsonl.MaxLine {
				want++
			}
		}
		if read != want {
			t.Errorf("read %d lines, want %d", read, want)
		}
	})
}

func TestDerivedAttemptIDsDiffer(t *testing.T) {
	t.Parallel()
	const want = "line_f3d23946f0d10c690f56a0e7ee611a37"
	if got := DeriveAttemptID(ann, "summer-26", noon); got != want {
		t.Errorf("the id is %q, want %q as always", got, want)
	}
	same := noon.In(time.FixedZone("", 3600)).Add(999 * time.Nanosecond)
	if got := DeriveAttemptID(ann, "summer-26", same); got != want {
		t.Errorf("the same microsecond in another zone has the id %q, want %q", got, want)
	}
	for name, got := range map[string]string{
		"user": DeriveAttemptID(bob, "summer-26", noon),
		"code": DeriveAttemptID(ann, "summer-27", noon),
		"time": DeriveAttemptID(ann, "summer-26", noon.Add(time.Microsecond)),
	} {
		if got == want {
			t.Errorf("another %s has the same id", name)
		}
	}
	if !isID(want) {
		t.Errorf("%q is no attempt id", want)
	}
}
