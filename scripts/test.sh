#!/usr/bin/env bash
# Sets up, builds and runs every test. What CI runs.
#
#   scripts/test.sh            all: layers and format, every test, then those that gain by it under ASan+UBSan (clang), TSan and qemu (arm64)
#   scripts/test.sh --quick    one build (g++) and its tests
#
# The sanitizers see the tests labelled fuzz, sanitize and threads (cmake/SkepTargets.cmake): those that work on memory, hostile bytes
# or threads. All of them (cmake --build --preset P, ctest --preset P -LE long, for asan, ubsan and tsan) take one more build of
# everything each, ten minutes on two cores; that is for a release, not for every run.
set -euo pipefail
cd "$(dirname "$0")/.."

quick=no
case ${1:-} in
  "") ;;
  --quick) quick=yes ;;
  *) echo "test.sh: unknown option $1 (known: --quick)" >&2; exit 2 ;;
esac

step() { printf '\n== %s (%s s)\n' "$1" "$SECONDS"; }
# suite PRESET [LABEL]: builds and runs the tests with that label; without one, all but the long ones
suite() {
  local preset=$1 label=${2:-} target=all select=(-LE long)
  [ -z "$label" ] || { target=tests_$label select=(-L "^$label\$"); }
  step "$preset${label:+, label $label}: build"
  ./scripts/build.sh "$preset" "$target"
  step "$preset${label:+, label $label}: test"
  ctest --preset "$preset" "${select[@]}"
}

if [ $quick = yes ]; then
  ./scripts/setup.sh
  suite dev
  exit 0
fi
./scripts/setup.sh --dev
step "layers and format"
python3 scripts/check_layers.py
git ls-files '*.cc' '*.h' | xargs clang-format-14 --dry-run -Werror
suite dev
suite fuzz fuzz
suite fuzz sanitize
suite tsan threads
suite arm64-qemu arm64
step "dev: long suites"
ctest --preset dev -L '^long$'
