#!/bin/sh
# Tests the clients in a real browser, and docs/openapi.yaml against the real server. Needs chromium,
# and node 20 with npm unless sdk/typescript/dist is built already; of npm it installs what the lock
# file says, and nothing else. TRIPORT_CONSOLE_BIN names a server that is built already;
# TRIPORT_SCREENSHOTS a directory for pictures of the landing page.
set -eu
cd "$(dirname "$0")/.."

if [ -z "${CHROMIUM:-}" ] && ! command -v chromium >/dev/null && ! command -v chromium-browser >/dev/null && ! command -v google-chrome >/dev/null; then
	echo 'test-browser: there is no chromium. Install it (Debian: apt-get install --no-install-recommends chromium), or name one in CHROMIUM.' >&2
	exit 1
fi

if [ -z "${TRIPORT_CONSOLE_BIN:-}" ]; then
	make --no-print-directory build
	TRIPORT_CONSOLE_BIN=bin/triport-console
fi
TRIPORT_CONSOLE_BIN=$(realpath "$TRIPORT_CONSOLE_BIN")
export TRIPORT_CONSOLE_BIN

if ! [ -f sdk/typescript/dist/index.js ]; then
	echo '== sdk/typescript'
	(
		cd sdk/typescript
		npm ci --no-audit --no-fund
		npm run --silent build
	)
fi

echo '== docs/openapi.yaml'
(cd test/openapi && go vet ./... && go test -count=1 ./...)

# Each test runs a browser of its own, with several processes: more than four at once only wait for
# each other.
echo '== the browser'
cd test/browser
go vet ./...
go test -count=1 -parallel 4 ./...
