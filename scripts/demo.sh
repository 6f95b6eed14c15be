#!/bin/sh
# Creates a local demo with the product's own commands, prints the steps of a referral as lines ready to
# paste, and serves. Usage: LISTEN=127.0.0.1:8080 demo.sh path/to/triport-console
set -eu

bin=$1
listen=${LISTEN:-127.0.0.1:8080}
base=http://$listen
dir=.demo
jar=$dir/bob.cookies

rm -rf "$dir"
mkdir -m 700 "$dir"
export TRIPORT_DATABASE="$dir/triport.db" TRIPORT_LISTEN="$listen"

# field NAME prints the string NAME of a line of JSON.
field() { sed -n "s/.*\"$1\":\"\([^\"]*\)\".*/\1/p"; }

"$bin" user create --email ann@example.com --name Ann -o json >"$dir/ann.json"
"$bin" user create --email bob@example.com --name Bob -o json >"$dir/bob.json"
"$bin" code set ann@example.com ann-invites -o json >"$dir/code.json"
"$bin" session create bob@example.com -o json >"$dir/session.json"

# The cookies of Bob's browser after sign-in, in curl's format.
host=${listen%:*}
{
	printf '#HttpOnly_%s\tFALSE\t/\tFALSE\t0\tnl_session\t%s\n' "$host" "$(field nl_session <"$dir/session.json")"
	printf '%s\tFALSE\t/\tFALSE\t0\tnl_csrf\t%s\n' "$host" "$(field nl_csrf <"$dir/session.json")"
} >"$jar"
code=$(field code <"$dir/code.json")
csrf=$(field nl_csrf <"$dir/session.json")

cat <<JOURNEY

Ann has invited Bob. Paste these lines into a second terminal, in this directory.

# 1. Bob opens Ann's link; the landing page sets the cookie ref_code:
curl -s -o /dev/null -D - -b $jar -c $jar '$base/?ref=$code'

# 2. Bob has signed in; the console calls once:
curl -s -w '\\n' -X POST -b $jar -c $jar -H 'X-CSRF-Token: $csrf' -H 'Content-Type: application/json' -d '{}' $base/v1/auth/attribute

# 3. That call deleted the cookie, so a second call finds none:
curl -s -w '\\n' -X POST -b $jar -c $jar -H 'X-CSRF-Token: $csrf' -H 'Content-Type: application/json' -d '{}' $base/v1/auth/attribute

# 4. Support looks at who referred Bob, and why:
$bin referral inspect bob@example.com --database $dir/triport.db

Stop the server with Ctrl-C.

JOURNEY

exec "$bin" serve
