#!/bin/sh
# Runs every fuzz target, or those whose names match a pattern, for the given time each. Runs one target
# per processor at a time and prints one line per target. Stops at the first failure and shows its input.
# Usage: fuzz.sh [10s [pattern]]
set -eu

row='%-16s %-26s %10s %16s %8s\n'

# Takes the numbers from the last line of progress, for example:
# fuzz: elapsed: 21s, execs: 30433 (0/sec), new interesting: 41 (total: 58)
figures() {
	sed -n 's/^fuzz: elapsed: \([^,]*\), execs: \([0-9]*\) .*new interesting: \([0-9]*\) .*/\2 \3 \1/p' "$out" | tail -n 1
}

# Go's fuzzer sometimes reports the end of its time as a failure. Then it reports nothing else.
timed_out() { grep -qx ' *context deadline exceeded' "$out" && ! grep -q '_test.go:\|panic\|Failing input' "$out"; }

# Prints the failure and its input, with the file in which Go keeps the input for the next test run.
failed() {
	grep -v '^fuzz: elapsed' "$out" || true
	file=$(sed -n 's/^ *Failing input written to //p' "$out")
	if [ -n "$file" ]; then
		echo "content of $dir/$file:"
		cat "$dir/$file"
	fi
	exit 255 # xargs then starts no further target
}

if [ "${1-}" = --one ]; then
	time=$2 dir=$3 target=$4
	out=$(mktemp)
	trap 'rm -f "$out"' EXIT
	trap 'exit 130' INT TERM
	cd "$dir"
	go test -run '^$' -fuzz "^$target\$" -fuzztime "$time" -fuzzminimizetime 2s -parallel 1 . >"$out" 2>&1 || timed_out || failed
	executed=$(figures)
	# A busy machine may spend all its time on inputs it already knows. Any other run has figures.
	[ -n "$executed" ] || grep -q 'gathering baseline coverage' "$out" || {
		echo "$target executed nothing:"
		failed
	}
	# shellcheck disable=SC2086,SC2059 # three words; the format is above
	printf "$row" "$(basename "$dir")" "$target" ${executed:-0 0 -}
	exit
fi

# shellcheck disable=SC2059
printf "$row" package target execs 'new interesting' time
for dir in $(go list -f '{{.Dir}}' ./...); do
	grep -ho '^func Fuzz[A-Za-z0-9_]*' "$dir"/*_test.go 2>/dev/null | sed 's/^func //' | grep -e "${2:-.}" | sort -u |
		while read -r target; do echo "$dir $target"; done
done | xargs -n 2 -P "$(getconf _NPROCESSORS_ONLN)" sh "$0" --one "${1:-10s}"
