package jsonl_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/triport/triport-console/internal/jsonl"
)

func TestUnmarshalRejectsWithoutQuotingTheLine(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`{"a":"x","b":1}`:        "",
		`{"a":"s3cr3t`:           "not a JSON object with the strings a and c",
		`{"a":["s3cr3t"]}`:       "not a JSON object with the strings a and c",
		`{"a":123}`:              "A is a number: write it in quotes",
		`7`:                      "not a JSON object with the strings a and c",
		`["s3cr3t"]`:             "not a JSON object with the strings a and c",
		"{\"b\":\"s3cr3t\xff\"}": "not UTF-8",
	} {
		var v struct{ A string }
		err := jsonl.Line{Text: []byte(text)}.Unmarshal(&v, "a and c")
		if got := message(err); got != want {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
	var v struct{}
	if err := (jsonl.Line{Text: []byte("{}"), Rest: strings.NewReader("")}).Unmarshal(&v, ""); !errors.Is(err, jsonl.ErrTooLong) {
		t.Errorf("a long line: %v, want ErrTooLong", err)
	}
}

func message(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func TestParseTime(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]time.Time{
		"2026-03-01T13:00:00.0000019+01:00": time.Date(2026, 3, 1, 12, 0, 0, 1000, time.UTC),
		"1970-01-01T00:00:00Z":              time.Unix(0, 0).UTC(),
		"1969-12-31T23:59:59Z":              {},
		"1970-01-01T00:00:00+01:00":         {},
		"9999-12-31T23:59:59-01:00":         {},
		"2026-03-01":                        {},
		"2026-03-01T12:00:00":               {},
		"":                                  {},
	} {
		got, err := jsonl.ParseTime(text)
		if got != want || (err == nil) == want.IsZero() {
			t.Errorf("ParseTime(%q) = %v, %v, want %v", text, got, err, want)
		}
	}
}
