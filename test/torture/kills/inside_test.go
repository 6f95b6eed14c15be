package kills

import (
	"bytes"
	"encoding/binary"
	"os"
)

// What a kill may have hit, as it is counted.
var hits = []string{"in_commit", "in_checkpoint", "in_stop", "left_spool", "half_drained", "too_late"}

// Offsets in the index of the WAL, as https://sqlite.org/walformat.html lays it out, in the order of
// bytes of this machine.
const (
	indexPageSize  = 14
	indexFrames    = 16 // how many frames of the WAL are committed
	indexSalt      = 32 // as it stands in the header of the WAL
	indexDone      = 96 // how many of them a checkpoint has moved
	indexAttempted = 128
	indexLength    = 136

	walHeader   = 32
	frameHeader = 24
	frameSalt   = 8
)

// inside tells what the processes that had the database open were in the middle of when they were
// killed: frames behind the last committed one are a commit, frames that a checkpoint has attempted and
// not done are a checkpoint.
func inside(database string) (hits []string) {
	index, err := os.ReadFile(database + "-shm")
	if err != nil || len(index) < indexLength {
		return nil // no process was so far
	}
	if checkpointing(index) {
		hits = append(hits, "in_checkpoint")
	}
	wal, err := os.Open(database + "-wal")
	if err != nil {
		return hits
	}
	defer func() { _ = wal.Close() }()
	frames := int64(binary.NativeEndian.Uint32(index[indexFrames:]))
	size := int64(binary.NativeEndian.Uint16(index[indexPageSize:]))
	next := make([]byte, frameHeader)
	if _, err := wal.ReadAt(next, walHeader+frames*(frameHeader+size)); err != nil {
		return hits // the WAL ends with the last committed frame
	}
	if bytes.Equal(next[frameSalt:frameSalt+8], index[indexSalt:indexSalt+8]) {
		hits = append(hits, "in_commit")
	}
	return hits
}

func checkpointing(index []byte) bool {
	return binary.NativeEndian.Uint32(index[indexAttempted:]) > binary.NativeEndian.Uint32(index[indexDone:])
}

// committed returns how many frames of the WAL are committed; 0 when there is none.
func committed(database string) uint32 {
	index, err := os.ReadFile(database + "-shm")
	if err != nil || len(index) < indexLength {
		return 0
	}
	return binary.NativeEndian.Uint32(index[indexFrames:])
}

// checkpoints watches the index of a database that a process has open.
type checkpoints struct{ index *os.File }

func (c checkpoints) running() bool {
	head := make([]byte, indexLength)
	if _, err := c.index.ReadAt(head, 0); err != nil {
		return false
	}
	return checkpointing(head)
}
