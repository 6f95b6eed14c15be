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

// MaxLine is the longest line in bytes, with its end. It bounds the memory for files without line ends.
const MaxLine = 64 << 10

// ErrTooLong reports a line that is longer than MaxLine.
var ErrTooLong = fmt.Errorf("longer than %d bytes", MaxLine)

// Line is one non-empty line.
type Line struct {
	Number int       // from 1; empty lines count
	Text   []byte    // without line end and surrounding white space; valid until the next line
	Rest   io.Reader // what follows Text in a line longer than MaxLine, valid until the next line; else nil
}

// Reader reads the complete line, once.
func (l Line) Reader() io.Reader {
	if l.Rest == nil {
		return bytes.NewReader(l.Text)
	}
	return io.MultiReader(bytes.NewReader(l.Text), l.Rest)
}

// Lines returns the non-empty lines of r in order. The second value is a read error, which ends the sequence.
func Lines(r io.Reader) iter.Seq2[Line, error] {
	return func(yield func(Line, error) bool) {
		br := bufio.NewReaderSize(r, MaxLine)
		for number := 1; ; number++ {
			l := Line{Number: number}
			raw, err := br.ReadSlice('\n')
			if l.Text = bytes.TrimSpace(raw); errors.Is(err, bufio.ErrBufferFull) {
				l.Text, l.Rest, err = bytes.Clone(raw), &restOfLine{br: br, more: true}, nil
			}
			if len(l.Text) > 0 && (err == nil || errors.Is(err, io.EOF)) && !yield(l, nil) {
				return
			}
			if l.Rest != nil {
				_, err = io.Copy(io.Discard, l.Rest)
			}
			if errors.Is(err, io.EOF) {
				return
			}
			if err != nil {
				yield(l, fmt.Errorf("read line %d: %w", number, err))
				return
			}
		}
	}
}

// restOfLine reads up to the end of a line.
type restOfLine struct {
	br    *bufio.Reader
	piece []byte
	more  bool // pieces follow
}

// Read implements io.Reader.
func (r *restOfLine) Read(p []byte) (n int, err error) {
	for len(r.piece) == 0 {
		if !r.more {
			return 0, io.EOF
		}
		if r.piece, r.more, err = r.br.ReadLine(); err != nil {
			return 0, err
		}
	}
	n = copy(p, r.piece)
	r.piece = r.piece[n:]
	return n, nil
}
