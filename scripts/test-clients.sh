#!/bin/sh
# Builds the server, then checks both clients and tests them against it. Needs node 20 with npm, and
# Python 3.10 or newer with hatchling. TRIPORT_CONSOLE_BIN may name a built server, PYTHON a Python.
set -eu
cd "$(dirname "$0")/.."

# The first python3 in PATH may lack the packages of Debian.
python=
for candidate in ${PYTHON:-python3 /usr/bin/python3}; do
	if "$candidate" -c 'import hatchling.build' 2>/dev/null; then
		python=$candidate
		break
	fi
done
if [ -z "$python" ]; then
	echo 'test-clients: no python3 with hatchling found. Install it (Debian: apt-get install python3-hatchling), or name a Python that has it in PYTHON.' >&2
	exit 1
fi

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
PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=src "$python" -W error::ResourceWarning -m unittest
