package kills

import (
	"bytes"
	"encoding/binary"
	"os"
)

// What a kill may interrupt or leave, as it is counted.
var hits = []string{"in_commit", "in_checkpoint", "in_shutdown", "left_spool", "half_drained", "too_late"}

// Offsets in the WAL index, see https://sqlite.org/walformat.html. Numbers are in the byte order of the
// machine.
const (
	indexPageSize  = 14
	indexFrames    = 16 // committed frames in the WAL
	indexSalt      = 32 // as in the header of the WAL
	indexDone      = 96 // frames that a checkpoint has copied
	indexAttempted = 128
	indexLength    = 136

	walHeader   = 32
	frameHeader = 24
	frameSalt   = 8
)

// interrupted returns what the killed processes were doing. Frames after the last committed one are a
// commit. Frames that a checkpoint attempted and did not finish are a checkpoint.
func interrupted(database string) (hits []string) {
	index, err := os.ReadFile(database + "-shm")
	if err != nil || len(index) < indexLength {
		return nil // no process had opened the database yet
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

// committedFrames returns the number of committed frames in the WAL, 0 if there is no WAL.
func committedFrames(database string) uint32 {
	index, err := os.ReadFile(database + "-shm")
	if err != nil || len(index) < indexLength {
		return 0
	}
	return binary.NativeEndian.Uint32(index[indexFrames:])
}

// checkpointRunning reads the open WAL index of a running process.
func checkpointRunning(index *os.File) bool {
	b := make([]byte, indexLength)
	if _, err := index.ReadAt(b, 0); err != nil {
		return false
	}
	return checkpointing(b)
}
