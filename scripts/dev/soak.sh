#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Runs random programs on all engines (tests/differential), on all cores, at the lowest priority; where bpf(2) works, also
# against the kernel. The tests are copied first, so that a build does not disturb them. Ends with 1 when any differed.
#   scripts/dev/soak.sh [PROGRAMS [SEED [KERNEL-PROGRAMS [BUILD-DIR]]]]
# Seeds SEED to SEED+PROGRAMS-1; the next soak goes on from there. A tenth of them are verified programs as well.
set -eu
programs=${1:-10000000}
seed=${2:-1000000000}
kernel_programs=${3:-100000}
build=${4:-$(dirname "$0")/../../build/dev}
[ "$programs" -gt 0 ] || { echo "soak: no programs to run" >&2; exit 2; }

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp "$build/tests/differential/differential_test" "$build/tests/differential/kernel_programs_test" "$work"
cores=$(nproc)
share=$(((programs + cores - 1) / cores))

failed=0
pids=
run() { # LOG COMMAND...: in the background
  log=$1
  shift
  nice -n 19 "$@" >"$work/$log" 2>&1 &
  pids="$pids $!:$log"
}
core=0
while [ "$core" -lt "$cores" ]; do
  run "engines.$core" env SKEP_DIFFERENTIAL_SEED=$((seed + core * share)) SKEP_DIFFERENTIAL_PROGRAMS=$share \
    "$work/differential_test"
  core=$((core + 1))
done
[ "$kernel_programs" -eq 0 ] || run kernel env SKEP_DIFFERENTIAL_SEED="$seed" \
  SKEP_DIFFERENTIAL_KERNEL_PROGRAMS="$kernel_programs" "$work/kernel_programs_test"

for job in $pids; do
  if ! wait "${job%%:*}"; then
    failed=1
    cat "$work/${job#*:}"
  fi
  grep -hE '^[0-9]+ programs|SKIPPED|does not work' "$work/${job#*:}" || true
done
exit "$failed"
