package jsonl

import (
	"bytes"
	"errors"
	"io"
	"iter"
)

// Parsed is a line and its value, or the reason why the line is bad.
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

// Batcher stores the values of lines in batches, one transaction each, and reports bad lines in file order.
type Batcher[T any] struct {
	// Size is the number of lines in a batch. Store may change it for the next batch.
	Size int
	// Store stores the values in one transaction: all of them or, on an error, none. bad has an error for each value
	// in order: nil, or why its line is bad.
	Store func(values []T) (bad []error, err error)
	// OnBad handles a line that Parse or Store found bad. text is the complete line. An error ends Run.
	OnBad func(number int, text io.Reader, reason error) error
	// Progress receives the value of Read after each batch. It may be nil.
	Progress func(read int64)

	// Read counts the lines handled so far, Bad the bad lines among them. A batch that failed is not counted.
	Read, Bad int64

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
		if err := b.report(l); err != nil {
			return err
		}
	}
	if b.Progress != nil && len(values) > 0 {
		b.Progress(b.Read)
	}
	return nil
}

// report passes a bad line to OnBad.
func (b *Batcher[T]) report(l Parsed[T]) error {
	if l.Err == nil {
		return nil
	}
	text := io.Reader(bytes.NewReader(l.Text))
	if l.Rest != nil {
		text = io.MultiReader(text, l.Rest)
	}
	b.Bad++
	return b.OnBad(l.Number, text, l.Err)
}
