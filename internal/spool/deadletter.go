package spool

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/triport/triport-console/internal/jsonl"
)

// deadLetters is the dead-letter file, or another file that keeps lines, during one drain. The first line opens it.
type deadLetters struct {
	spool  *Spool
	name   string
	f      *os.File
	size   int64
	synced int64           // size at the last sync
	hashes map[string]bool // of the lines: reading the file for every line would take quadratic time
}

// add appends a complete line, unless an earlier drain, which failed, added it. It is durable after the next sync.
func (d *deadLetters) add(line io.Reader) (isNew bool, err error) {
	if d.f == nil {
		if err := d.open(); err != nil {
			return false, fmt.Errorf("open %s: %w", filepath.Base(d.name), err)
		}
	}
	hash := sha256.New()
	n, err := io.Copy(io.MultiWriter(d.f, hash), line)
	if err == nil {
		_, err = d.f.Write([]byte{'\n'})
	}
	if err != nil {
		return false, errors.Join(fmt.Errorf("append to %s: %w", filepath.Base(d.name), err), d.f.Truncate(d.size))
	}
	sum := string(hash.Sum(nil))
	if d.hashes[sum] {
		return false, d.f.Truncate(d.size)
	}
	d.hashes[sum] = true
	d.size += n + 1
	return true, nil
}

func (d *deadLetters) open() error {
	f, size, end, err := d.spool.openAppend(d.name)
	if err != nil {
		return err
	}
	if err = d.hashLines(f); err == nil {
		_, err = f.WriteString(end)
	}
	if err != nil {
		return errors.Join(err, f.Close())
	}
	d.f, d.size = f, size+int64(len(end))
	d.synced = d.size
	return nil
}

// sync makes every line durable, including those of a killed drain. If it fails, it removes the lines added since the
// last sync, and the next drain adds them again: a second fsync would succeed without writing them.
func (d *deadLetters) sync() error {
	if d.f == nil {
		return nil
	}
	if err := d.spool.syncFile(d.f); err != nil {
		return errors.Join(fmt.Errorf("sync %s: %w", filepath.Base(d.name), err), d.f.Truncate(d.synced))
	}
	d.synced = d.size
	return nil
}

// close syncs, also after a failed drain: the next drain must find only durable lines.
func (d *deadLetters) close() error {
	if d.f == nil {
		return nil
	}
	return errors.Join(d.sync(), d.f.Close())
}

func (d *deadLetters) hashLines(r io.Reader) error {
	d.hashes = make(map[string]bool)
	for l, err := range jsonl.Lines(r) {
		hash := sha256.New()
		if err == nil {
			_, err = io.Copy(hash, l.Reader())
		}
		if err != nil {
			return err
		}
		d.hashes[string(hash.Sum(nil))] = true
	}
	return nil
}
