#!/bin/sh
# Runs the suites that try to break the promises of docs/guarantees.md, one after the other, and shows
# their figures at the end. Usage: torture.sh [-long]
set -eu

cd "$(dirname "$0")/../test/torture"
made=$(mktemp -d)
trap 'rm -rf "$made"' EXIT
export TRIPORT_CONSOLE_BIN="$made/triport-console" # one binary for all of them
(cd ../.. && CGO_ENABLED=0 go build -trimpath -o "$TRIPORT_CONSOLE_BIN" ./cmd/triport-console)

go test -count 1 ./harness ./lossyfs
status=0
for suite in kills power disks locks histories hostile soak backups; do
	go test -count 1 -timeout 90m "./$suite" -args "$@" -figures "$made/figures" || status=1
done
echo
cat "$made/figures"
exit $status
