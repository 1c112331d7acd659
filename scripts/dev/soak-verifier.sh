#!/bin/bash
# Random programs without end: what is accepted runs as was said, and what Linux rejects is not accepted. Works on copies
# of the tests, in pieces, so that it can be stopped at any time; the log has a line of totals for each.
# Cases and objects that call kernel functions are left out: changed, they have crashed a kernel (6.18, check_kfunc_call).
# usage: scripts/dev/soak-verifier.sh BUILD_DIR LOG_DIR [FIRST_SEED] [OBJECTS...]
set -eu
build=$1 logs=$2 seed=${3:-1000000}
shift; shift; [ $# -gt 0 ] && shift
mkdir -p "$logs"
for test in accepted_runs_test near_accept_kernel_test corpus_mutants; do
  cp "$(find "$build" -name $test -type f)" "$logs/"
done
while true; do
  SKEP_SOUND_SEED=$seed SKEP_SOUND_PROGRAMS=500000 "$logs/accepted_runs_test" >>"$logs/accepted.log" || echo "failure: accepted.log"
  SKEP_NEAR_SEED=$seed SKEP_NEAR_PROGRAMS=20000 "$logs/near_accept_kernel_test" >>"$logs/near.log" || echo "failure: near.log"
  if [ $# -gt 0 ]; then
    "$logs/corpus_mutants" 10000 "$seed" "$@" >>"$logs/corpus.log" || echo "failure: corpus.log"
  fi
  seed=$((seed + 1000000))
  grep -h "accepted programs\|programs, .*Linux\|mutants" "$logs"/*.log | tail -4
done
