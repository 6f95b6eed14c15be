#!/bin/sh
# Tests docs/openapi.yaml against the server, and the clients in a real browser. Needs chromium, and node 20
# with npm unless sdk/typescript/dist is built; npm installs exactly what the lock file lists.
# TRIPORT_CONSOLE_BIN may name a built server, TRIPORT_SCREENSHOTS a directory for pictures of the landing page.
set -eu
cd "$(dirname "$0")/.."

if [ -z "${CHROMIUM:-}" ] && ! command -v chromium >/dev/null && ! command -v chromium-browser >/dev/null && ! command -v google-chrome >/dev/null; then
	echo 'test-browser: chromium not found. Install it (Debian: apt-get install --no-install-recommends chromium), or name a browser in CHROMIUM.' >&2
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

cd test
go vet ./browser ./openapi ./program
echo '== docs/openapi.yaml'
go test -count=1 ./openapi
# Each test starts its own browser with several processes. More than four at once only wait.
echo '== the browser'
go test -count=1 -parallel 4 ./browser
