#!/bin/sh
# Runs the suites that attack the guarantees, one after the other, and prints their figures at the end.
# With WRITE_FIGURES=1, and if every suite ran and passed, the figures replace those in docs/testing.md.
# Usage: torture.sh [-long]
set -eu

cd "$(dirname "$0")/.."
root=$PWD
page=$root/docs/testing.md
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
make --no-print-directory build BIN="$tmp/triport-console"
export TRIPORT_CONSOLE_BIN="$tmp/triport-console" # one build for all suites
commit=$(git describe --always --dirty)

# The suites that break the disk mount a file system of their own.
cd test/torture
suites='kills locks histories hostile restarts soak backups'
skipped=
if [ -c /dev/fuse ] && mkdir "$tmp/probe" && mount -t tmpfs tmpfs "$tmp/probe" 2>/dev/null; then
	umount "$tmp/probe"
	suites="power disks $suites"
	go test -count 1 ./harness ./lossyfs
else
	go test -count 1 ./harness
	skipped='skipped: power and disks, which need Linux, root and /dev/fuse'
fi

start=$(date +%s)
status=0
for suite in $suites; do
	go test -count 1 -timeout 90m "./$suite" -args "$@" -figures "$tmp/figures" || status=1
done
minutes=$((($(date +%s) - start + 59) / 60))
echo
cat "$tmp/figures"
[ -z "$skipped" ] || echo "$skipped"

# Prints the figures as the block that docs/testing.md shows.
block() {
	memory=$(awk '/^MemTotal:/ { printf "%.0f", $2 / 1048576 }' /proc/meminfo)
	echo '```'
	echo "$(date -u +%F), commit $commit, ${1:-short} form, $(nproc) cores, $memory GiB memory, $minutes minutes"
	echo
	# The sums of each suite, of what the guarantees are about. The details are in the output of the run.
	awk -F '[ =]' '{ split($1, suite, /[\/:]/); name = suite[1]
		if (!(name in seen)) { seen[name] = 1; order[++n] = name }
		for (i = 2; i < NF; i++)
			if ($i ~ /^(kills|cuts|histories|requests|connections|restarts|failed|copies|acknowledged|from_spool|from_log|lost|duplicates|problems|smuggled|not_linearizable)$/ && $(i + 1) ~ /^[0-9]+$/) {
				if (!((name, $i) in sum)) fields[name] = fields[name] " " $i
				sum[name, $i] += $(i + 1)
			}
	} END { for (k = 1; k <= n; k++) {
		line = order[k] ":"; m = split(fields[order[k]], f, " ")
		for (i = 1; i <= m; i++) line = line " " f[i] "=" sum[order[k], f[i]]
		print line } }' "$tmp/figures"
	echo '```'
}

if [ "${WRITE_FIGURES:-}" = 1 ]; then
	if [ $status != 0 ] || [ -n "$skipped" ]; then
		echo 'docs/testing.md is unchanged: a suite failed or was skipped'
	elif ! grep -qx '<!-- figures:begin -->' "$page" || ! grep -qx '<!-- figures:end -->' "$page"; then
		echo 'docs/testing.md has no lines <!-- figures:begin --> and <!-- figures:end -->: add them' >&2
		status=1
	else
		block "$(printf %s "${1:-short}" | tr -d -)" >"$tmp/block"
		awk -v block="$tmp/block" '
			/^<!-- figures:end -->$/ { skip = 0 }
			!skip { print }
			/^<!-- figures:begin -->$/ { skip = 1; while ((getline line < block) > 0) print line }
		' "$page" >"$tmp/page"
		cat "$tmp/page" >"$page"
		echo 'docs/testing.md has the new figures'
	fi
fi
exit $status
