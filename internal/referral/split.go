package referral

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"iter"
)

// maxLine bounds a line, in bytes, so that a file without line ends cannot fill the memory.
const maxLine = 64 << 10

// ErrLongLine says that a line is longer than one may be.
var ErrLongLine = fmt.Errorf("longer than %d bytes", maxLine)

// RawLine is one non-empty line of a file of lines.
type RawLine struct {
	Number int       // from 1, empty lines counted
	Text   []byte    // without the line end and white space around; valid until the next line
	Rest   io.Reader // what follows Text of a line longer than 64 KiB, valid until the next line; else nil
}

// SplitLines returns the non-empty lines of r in order, in constant memory. The second value is a read
// error, which ends the sequence.
func SplitLines(r io.Reader) iter.Seq2[RawLine, error] {
	return func(yield func(RawLine, error) bool) {
		br := bufio.NewReaderSize(r, maxLine)
		for number := 1; ; number++ {
			l := RawLine{Number: number}
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

// restOfLine reads a line to its end, in pieces of the buffer's size.
type restOfLine struct {
	br   *bufio.Reader
	done bool
}

func (r *restOfLine) Read(p []byte) (int, error) {
	if r.done {
		return 0, io.EOF
	}
	piece, err := r.br.Peek(min(len(p), max(1, r.br.Buffered())))
	if len(piece) == 0 {
		return 0, err
	}
	if i := bytes.IndexByte(piece, '\n'); i >= 0 {
		n := copy(p, piece[:i])
		_, err = r.br.Discard(i + 1)
		r.done = true
		return n, err
	}
	n := copy(p, piece)
	_, err = r.br.Discard(n)
	return n, err
}
