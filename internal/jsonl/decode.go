package jsonl

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"
	"unicode/utf8"
)

// Unmarshal parses the JSON object of the line into v. The error names the fields and never quotes the line.
// The JSON parser would replace bytes that are not UTF-8 and so turn one address into another.
func (l Line) Unmarshal(v any, fields string) error {
	switch {
	case l.Rest != nil:
		return ErrTooLong
	case !utf8.Valid(l.Text):
		return errors.New("not UTF-8")
	}
	err := json.Unmarshal(l.Text, v)
	var number *json.UnmarshalTypeError
	switch {
	case errors.As(err, &number) && number.Value == "number" && number.Field != "":
		return fmt.Errorf("%s is a number: write it in quotes", number.Field)
	case err != nil:
		return fmt.Errorf("not a JSON object with the strings %s", fields)
	}
	return nil
}

// ParseTime parses an RFC 3339 time of the years 1970 to 9999. The result is UTC, in whole microseconds.
func ParseTime(s string) (time.Time, error) {
	t, err := time.Parse(time.RFC3339Nano, s)
	t = t.UTC()
	if err != nil || t.Year() < 1970 || t.Year() > 9999 {
		return time.Time{}, errors.New("not an RFC 3339 time since 1970, such as 2026-01-31T12:00:00Z")
	}
	return t.Truncate(time.Microsecond), nil
}
