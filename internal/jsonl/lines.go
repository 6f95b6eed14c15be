// Package jsonl reads files of JSON lines: lines of bounded length, in constant memory.
package jsonl

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"iter"
)

// MaxLine is the longest line in bytes, including its line end. It bounds memory for files without line ends.
const MaxLine = 64 << 10

// ErrTooLong reports a line that is longer than MaxLine.
var ErrTooLong = fmt.Errorf("longer than %d bytes", MaxLine)

// Line is one non-empty line.
type Line struct {
	Number int       // from 1; empty lines count
	Text   []byte    // without line end and surrounding white space; valid until the next line
	Rest   io.Reader // the remainder of a line longer than MaxLine, valid until the next line; else nil
}

// Lines returns the non-empty lines of r in order. The second value is a read error, which ends the sequence.
func Lines(r io.Reader) iter.Seq2[Line, error] {
	return func(yield func(Line, error) bool) {
		br := bufio.NewReaderSize(r, MaxLine)
		for number := 1; ; number++ {
			l := Line{Number: number}
			raw, err := br.ReadSlice('\n')
			switch {
			case errors.Is(err, bufio.ErrBufferFull):
				l.Text, l.Rest = bytes.Clone(raw), &restOfLine{br: br}
			case err == io.EOF && len(raw) == 0:
				return
			case err != nil && err != io.EOF:
				yield(l, fmt.Errorf("read line %d: %w", number, err))
				return
			default:
				if l.Text = bytes.TrimSpace(raw); len(l.Text) == 0 {
					continue
				}
			}
			if !yield(l, nil) {
				return
			}
			if l.Rest != nil {
				if _, err := io.Copy(io.Discard, l.Rest); err != nil {
					yield(l, fmt.Errorf("read line %d: %w", number, err))
					return
				}
			}
		}
	}
}

// restOfLine reads up to the end of a line.
type restOfLine struct {
	br    *bufio.Reader
	piece []byte
	ended bool // piece is the last one
}

// Read implements io.Reader.
func (r *restOfLine) Read(p []byte) (n int, err error) {
	for len(r.piece) == 0 {
		if r.ended {
			return 0, io.EOF
		}
		piece, more, err := r.br.ReadLine()
		if err != nil {
			return 0, err
		}
		r.piece, r.ended = piece, !more
	}
	n = copy(p, r.piece)
	r.piece = r.piece[n:]
	return n, nil
}
