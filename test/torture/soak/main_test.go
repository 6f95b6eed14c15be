// Package soak runs the server under steady load and checks that nothing grows.
//
// Of 300 calls a second, 80 % have no code, 15 % are attributed, 5 % have an unknown code. At the same time
// one command after the other uses the database: inspect, replay, backup, revoke, slugs, new users. Every
// second the sampler reads the server's memory, descriptors and threads from /proc, its goroutines from
// /metrics, the sizes of the WAL and the spool, and the latency of the calls. Latency counts from when a
// call was due.
//
// A call is decided within its deadline, unless the disk or the machine stalled meanwhile, which the soak
// measures itself. Then its attempt may be spooled.
//
// The test relies on the server releasing what requests and commands take: connections, statements,
// snapshots that block the checkpoint, goroutines, cache entries.
//
//	go test ./torture/soak                         a minute
//	go test ./torture/soak -args -long             five minutes
//	go test ./torture/soak -timeout 2h -args -for 1h -plot soak.svg -csv soak.csv
package soak

import (
	"os"
	"testing"

	"github.com/triport/triport-console/test/torture/harness"
)

func TestMain(m *testing.M) { os.Exit(harness.Main(m)) }
