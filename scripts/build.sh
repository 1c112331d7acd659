#!/usr/bin/env bash
# Configures and builds, and shows how far it is: one line on a terminal, one line every few steps in a log.
#
#   scripts/build.sh PRESET [TARGET...]
set -euo pipefail
cd "$(dirname "$0")/.."
[ $# -ge 1 ] || { echo "build.sh: which preset of CMakePresets.json? (usage: build.sh PRESET [TARGET...])" >&2; exit 2; }
preset=$1
shift
[ $# -ge 1 ] || set -- all

cmake --preset "$preset" >/dev/null
if [ -t 1 ]; then
  cmake --build --preset "$preset" --target "$@"
else
  NINJA_STATUS='[%f/%t] ' cmake --build --preset "$preset" --target "$@" | awk '!/^\[/ || NR % 20 == 1 { print; fflush() }'
fi
