// Package soak lets the server work for a while, and demands that nothing of it grows.
//
// The load is steady and mixed: of 300 calls a second 80 % name no code, 15 % attribute somebody, 5 % name a
// code that does not exist. Beside it one command after the other runs on the same database: inspect, replay,
// backup, revoke, slugs, new users. Every second the kernel is asked for the server's memory, descriptors and
// threads, /metrics for its goroutines, the directory for the sizes of the write-ahead log and the spool, and the
// calls of that second for their latency, which counts from when a call was due.
//
// A call has its outcome within its deadline, unless the disk or all of the machine stalled meanwhile, which the
// soak sees for itself: then its attempt waits in the spool for a moment, and is decided.
//
// What it needs of the server is that whatever a request or a command takes it gives back: connections,
// statements, snapshots that hold up the checkpoint, goroutines, entries of caches.
//
//	go test ./test/torture/soak                         a minute
//	go test ./test/torture/soak -args -long             five minutes
//	go test ./test/torture/soak -timeout 2h -args -for 1h -plot soak.svg -csv soak.csv
package soak

import (
	"os"
	"testing"

	"github.com/triport/triport-console/test/torture/harness"
)

func TestMain(m *testing.M) { os.Exit(harness.Main(m)) }
