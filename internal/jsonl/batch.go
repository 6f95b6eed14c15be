package jsonl

import (
	"bytes"
	"errors"
	"io"
	"iter"
)

// Parsed is a line with its value, or with the reason why it is bad.
type Parsed[T any] struct {
	Line
	Value T
	Err   error
}

// Parse parses the non-empty lines of r in order. The second value is a read error, which ends the sequence.
func Parse[T any](r io.Reader, parse func(Line) (T, error)) iter.Seq2[Parsed[T], error] {
	return func(yield func(Parsed[T], error) bool) {
		for l, err := range Lines(r) {
			p := Parsed[T]{Line: l}
			if err == nil {
				p.Value, p.Err = parse(l)
			}
			if !yield(p, err) {
				return
			}
		}
	}
}

// MaxReported limits the bad lines of one run that are reported one by one: a wrong file can have millions.
const MaxReported = 20

// Batcher stores the values of lines in batches and reports bad lines in file order.
type Batcher[T any] struct {
	Size int // lines in a batch; Store may change it for the next batch
	// Store stores all values or, on an error, none. bad says for each value why its line is bad, or nil.
	Store func(values []T) (bad []error, err error)
	// OnBad handles a bad line. text is the complete line. An error ends Run.
	OnBad     func(number int, text io.Reader, reason error) error
	Progress  func(read int64) // receives Read after each batch; may be nil
	Read, Bad int64            // lines handled, and bad lines among them, without a batch that failed

	lines []Parsed[T] // the batch
}

// Run handles all lines in order. On an error, what was counted is stored.
func (b *Batcher[T]) Run(lines iter.Seq2[Parsed[T], error]) error {
	for l, err := range lines {
		if err != nil {
			return errors.Join(err, b.flush())
		}
		l.Text = bytes.Clone(l.Text)
		b.lines = append(b.lines, l)
		// A bad line waits for the values before it. A long line cannot wait: Rest is not in memory.
		if b.lines[0].Err != nil || l.Rest != nil || len(b.lines) >= b.Size {
			if err := b.flush(); err != nil {
				return err
			}
		}
	}
	return b.flush()
}

func (b *Batcher[T]) flush() (err error) {
	lines := b.lines
	var values []T
	for _, l := range lines {
		if l.Err == nil {
			values = append(values, l.Value)
		}
	}
	var bad []error
	if len(values) > 0 {
		if bad, err = b.Store(values); err != nil {
			return err
		}
	}
	b.Read += int64(len(lines))
	b.lines = nil
	for _, l := range lines {
		if l.Err == nil {
			l.Err, bad = bad[0], bad[1:]
		}
		if l.Err == nil {
			continue
		}
		b.Bad++
		if err := b.OnBad(l.Number, l.Reader(), l.Err); err != nil {
			return err
		}
	}
	if b.Progress != nil && len(values) > 0 {
		b.Progress(b.Read)
	}
	return nil
}
