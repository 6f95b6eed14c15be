#!/bin/sh
# Runs every fuzz target of the module, or those whose names match a pattern, for the given time each on
# one processor, as many at once as there are processors, and prints what each has tried. Begins with the
# inputs that are kept, and stops at the first target that fails, with the input it failed on.
# Usage: fuzz.sh [10s [pattern]]
#        fuzz.sh --keep    keeps what was found interesting so far, for the runs to come
set -eu

row='%-16s %-26s %10s %16s %8s\n'

# The last line of progress: fuzz: elapsed: 21s, execs: 30433 (0/sec), new interesting: 41 (total: 58)
figures() {
	sed -n 's/^fuzz: elapsed: \([^,]*\), execs: \([0-9]*\) .*new interesting: \([0-9]*\) .*/\2 \3 \1/p' "$out" | tail -n 1
}

# Go's fuzzer now and then takes the end of its time for a failure, and then has nothing else to say.
ended() { grep -qx ' *context deadline exceeded' "$out" && ! grep -q '_test.go:\|panic\|Failing input' "$out"; }

# Shows what was found: the failure, the input, and where the next run of the tests will find it.
failed() {
	grep -v '^fuzz: elapsed' "$out" || true
	file=$(sed -n 's/^ *Failing input written to //p' "$out")
	if [ -n "$file" ]; then
		echo "$dir/$file holds:"
		cat "$dir/$file"
	fi
	exit 255 # has xargs start no more
}

if [ "${1-}" = --one ]; then
	time=$2 dir=$3 target=$4
	out=$(mktemp)
	trap 'rm -f "$out"' EXIT
	trap 'exit 130' INT TERM
	cd "$dir"
	go test -run '^$' -fuzz "^$target\$" -fuzztime "$time" -fuzzminimizetime 2s -parallel 1 . >"$out" 2>&1 || ended || failed
	tried=$(figures)
	# Without figures, a busy machine needed all of the time for the inputs that are kept; else nothing ran.
	[ -n "$tried" ] || grep -q 'gathering baseline coverage' "$out" || {
		echo "$target has tried nothing:"
		failed
	}
	# shellcheck disable=SC2086,SC2059 # three words; the format is above
	printf "$row" "$(basename "$dir")" "$target" ${tried:-0 0 -}
	exit
fi

kept=$(dirname "$0")/../test/fuzz/corpus.tar.gz
cache=$(go env GOCACHE)/fuzz/$(go list -m)
mkdir -p "$cache"
if [ "${1-}" = --keep ]; then
	tar -C "$cache" -cf - internal | gzip -9n >"$kept"
	exit
fi
tar -C "$cache" -xzf "$kept"

# shellcheck disable=SC2059
printf "$row" package target execs 'new interesting' time
for dir in $(go list -f '{{.Dir}}' ./...); do
	grep -ho '^func Fuzz[A-Za-z0-9_]*' "$dir"/*_test.go 2>/dev/null | sed 's/^func //' | grep -e "${2:-.}" | sort -u |
		while read -r target; do echo "$dir $target"; done
done | xargs -n 2 -P "$(getconf _NPROCESSORS_ONLN)" sh "$0" --one "${1:-10s}"
