package spool

import (
	"crypto/sha256"
	"io/fs"
	"os"

	"github.com/triport/triport-console/internal/referral"
)

// key identifies a user and a code.
type key [sha256.Size]byte

func keyOf(a referral.Attempt) key {
	return sha256.Sum256([]byte(a.User + "\n" + a.UserEmail + "\n" + a.Code.Text))
}

// maxKeys limits the memory to a few megabytes. Further lines may repeat.
const maxKeys = 1 << 16

// written is the users and codes of the lines that this process made durable in .spool. An attempt of one of them needs
// no second line: the line there is decided later than the attempt was made. What a drain has renamed does not count,
// it may be decided already. Other processes and earlier ones may have written the same: that decides nothing twice.
type written struct {
	keys map[key]bool
	file fs.FileInfo // after the last write
}

// check forgets everything if the file is not as the last write left it: a drain renamed it, or another process wrote.
func (w *written) check(f *os.File) {
	info, err := f.Stat()
	if err != nil || w.file == nil || !os.SameFile(info, w.file) || info.Size() != w.file.Size() ||
		!info.ModTime().Equal(w.file.ModTime()) {
		w.keys = make(map[key]bool)
	}
}

// newLines returns the lines of the batch that the file does not have, each once.
func (w *written) newLines(batch []*entry) (lines []byte, keys map[key]bool) {
	keys = make(map[key]bool)
	for _, e := range batch {
		if !w.keys[e.key] && !keys[e.key] {
			keys[e.key] = true
			lines = append(lines, e.line...)
		}
	}
	return lines, keys
}

// add is called after an fsync.
func (w *written) add(f *os.File, keys map[key]bool) {
	for k := range keys {
		if len(w.keys) < maxKeys {
			w.keys[k] = true
		}
	}
	var err error
	if w.file, err = f.Stat(); err != nil {
		w.file = nil
	}
}
