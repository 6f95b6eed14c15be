#!/bin/sh
# Runs the suites that try to break the promises of docs/guarantees.md, one after the other, and shows
# their figures at the end. Usage: torture.sh [-long]
set -eu

cd "$(dirname "$0")/../test/torture"
made=$(mktemp -d)
trap 'rm -rf "$made"' EXIT
export TRIPORT_CONSOLE_BIN="$made/triport-console" # one binary for all of them
(cd ../.. && CGO_ENABLED=0 go build -trimpath -o "$TRIPORT_CONSOLE_BIN" ./cmd/triport-console)

# The suites that take the disk away need a file system of their own.
suites='kills locks histories hostile soak backups'
if [ -c /dev/fuse ] && mkdir "$made/probe" && mount -t tmpfs tmpfs "$made/probe" 2>/dev/null; then
	umount "$made/probe"
	suites="power disks $suites"
	go test -count 1 ./harness ./lossyfs
else
	go test -count 1 ./harness
	left='left out: power and disks, which need Linux, root and /dev/fuse'
fi
status=0
for suite in $suites; do
	go test -count 1 -timeout 90m "./$suite" -args "$@" -figures "$made/figures" || status=1
done
echo
cat "$made/figures"
[ -z "${left-}" ] || echo "$left"
exit $status
