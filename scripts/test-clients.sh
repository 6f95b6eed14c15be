#!/bin/sh
# Builds the server, then checks and tests both clients against it. Needs node 20 with npm, and
# python3 3.10 or newer. TRIPORT_CONSOLE_BIN names a server that is built already.
set -eu
cd "$(dirname "$0")/.."

if [ -z "${TRIPORT_CONSOLE_BIN:-}" ]; then
	make --no-print-directory build
	TRIPORT_CONSOLE_BIN=bin/triport-console
fi
TRIPORT_CONSOLE_BIN=$(realpath "$TRIPORT_CONSOLE_BIN")
export TRIPORT_CONSOLE_BIN

echo '== sdk/typescript'
(
	cd sdk/typescript
	npm ci --no-audit --no-fund
	npm run --silent lint
	npm test --silent
)

echo '== sdk/python'
cd sdk/python
PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=src python3 -W error::ResourceWarning -m unittest
