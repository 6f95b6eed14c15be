package spool

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
)

// badFile is the file of broken lines during one drain, whose lock keeps other processes out of it.
// Nothing is opened or created before there is a line to add.
type badFile struct {
	name string
	f    *os.File
	size int64
	// known are the hashes of the lines it holds. They are read once in a drain and then kept: looking
	// through the file for every line would take a spool full of rubbish quadratic time.
	known map[[sha256.Size]byte]bool
}

// add appends the line whole, however long, unless the file holds it already: a drain that failed or
// was killed has set it aside before. fresh tells which of the two it was. The line is durable after
// the next sync.
func (b *badFile) add(line io.Reader) (fresh bool, err error) {
	if err := b.open(); err != nil {
		return false, err
	}
	hash := sha256.New()
	n, err := io.Copy(io.MultiWriter(b.f, hash), line)
	if err == nil {
		_, err = b.f.Write([]byte{'\n'})
	}
	if err != nil {
		return false, errors.Join(fmt.Errorf("append to %s: %w", b.name, err), b.f.Truncate(b.size))
	}
	sum := [sha256.Size]byte(hash.Sum(nil))
	if b.known[sum] {
		return false, b.f.Truncate(b.size)
	}
	b.known[sum] = true
	b.size += n + 1
	return true, nil
}

func (b *badFile) open() error {
	if b.f != nil {
		return nil
	}
	f, size, torn, err := openAppend(b.name)
	if err != nil {
		return err
	}
	known, err := hashLines(f)
	if err == nil && torn {
		_, err = f.Write([]byte{'\n'})
		size++
	}
	if err != nil {
		return errors.Join(fmt.Errorf("open %s: %w", b.name, err), f.Close())
	}
	b.f, b.size, b.known = f, size, known
	return nil
}

// sync makes every line of the file durable, also one that a drain before this one left in the
// system's cache.
func (b *badFile) sync() error {
	if b.f == nil {
		return nil
	}
	return b.f.Sync()
}

func (b *badFile) close() {
	if b.f != nil {
		_ = b.f.Close() // what counts was synced
	}
}

// hashLines returns the hashes of the lines of r, which may be of any length.
func hashLines(r io.Reader) (map[[sha256.Size]byte]bool, error) {
	known := make(map[[sha256.Size]byte]bool)
	br := bufio.NewReader(r)
	hash := sha256.New()
	for {
		piece, err := br.ReadSlice('\n')
		if err != nil && err != io.EOF && !errors.Is(err, bufio.ErrBufferFull) {
			return nil, err
		}
		line, ended := bytes.CutSuffix(piece, []byte{'\n'})
		hash.Write(line)
		if ended || err == io.EOF {
			known[[sha256.Size]byte(hash.Sum(nil))] = true
			hash.Reset()
		}
		if err == io.EOF {
			return known, nil
		}
	}
}
