#!/usr/bin/env bash
# Clients in other languages against a running stack: JavaScript (@grpc/grpc-js) and Python (Debian's python3-grpcio).
# Usage: tests/interop/run.sh RUN_DIR     RUN_DIR has the stack's endpoints.json and secrets.json
set -euo pipefail
if [[ $# -ne 1 || ! -f "$1/endpoints.json" ]]; then
  echo "usage: $0 RUN_DIR (with endpoints.json: is the stack up?)" >&2
  exit 2
fi
AUCTIONS_RUN_DIR="$(cd "$1" && pwd)"
export AUCTIONS_RUN_DIR
cd "$(dirname "$0")"

# What is installed is what the lock file says, or is installed again.
if ! cmp -s package-lock.json node_modules/.installed-lock; then
  npm ci --no-progress
  cp package-lock.json node_modules/.installed-lock
fi
failed=0
node --test js/bidders.test.js || failed=1
# The system's interpreter: that is where python3-grpcio is.
PYTHONDONTWRITEBYTECODE=1 /usr/bin/python3 -m unittest discover -s python -v || failed=1
exit "$failed"
