#!/bin/sh
# Runs every fuzz target of the module, or those whose names match a pattern, for the given time each,
# and prints what each has tried. Stops at the first that fails, with the input it failed on.
# Usage: fuzz.sh [10s [pattern]]
set -eu

time=${1:-10s}
pattern=${2:-.}
out=$(mktemp)
trap 'rm -f "$out"' EXIT
trap 'exit 130' INT TERM

# The last line of progress: fuzz: elapsed: 21s, execs: 30433 (0/sec), new interesting: 41 (total: 58)
figures() {
	sed -n 's/^fuzz: elapsed: \([^,]*\), execs: \([0-9]*\) .*new interesting: \([0-9]*\) .*/\2 \3 \1/p' "$out" | tail -n 1
}

# Shows what was found: the failure, the input, and where the next run of the tests will find it.
failed() {
	grep -v '^fuzz: elapsed' "$out" || true
	file=$(sed -n 's/^ *Failing input written to //p' "$out")
	if [ -n "$file" ]; then
		echo "$1/$file holds:"
		cat "$1/$file"
	fi
	exit 1
}

row='%-16s %-26s %10s %16s %8s\n'
# shellcheck disable=SC2059 # the format is above
printf "$row" package target execs 'new interesting' time
for dir in $(go list -f '{{.Dir}}' ./...); do
	for target in $(grep -ho '^func Fuzz[A-Za-z0-9_]*' "$dir"/*_test.go 2>/dev/null | sed 's/^func //' | grep -e "$pattern" | sort -u); do
		(cd "$dir" && go test -run '^$' -fuzz "^$target\$" -fuzztime "$time" -fuzzminimizetime 2s .) >"$out" 2>&1 || failed "$dir"
		tried=$(figures)
		# Without figures, a busy machine needed all of the time for the inputs that are kept.
		# shellcheck disable=SC2086,SC2059 # three words
		printf "$row" "$(basename "$dir")" "$target" ${tried:-0 0 -}
	done
done
