#!/usr/bin/env bash
# Builds skep optimised, compiles the benchmark programs for every peer, measures, and prints the tables of bench/README.md.
#
#   scripts/bench.sh [--json FILE] [--programs DIR]... [--filter REGEX] [--repetitions N] [--seconds S]
#   scripts/bench.sh --performance FILE [--processes N] [--programs DIR]... [--repetitions N] [--seconds S]
#
# --programs DIR also measures every NAME.c of a folder written like bench/programs.
# --performance FILE measures in N processes, one after the other (3), counts the instructions that each program executes, and writes
#   the targets and what is reached as a page, like docs/performance.md.
set -euo pipefail
cd "$(dirname "$0")/.."

sources=(bench/programs)
json='' performance='' processes=3 filter='' repetitions='' seconds=''
while [ $# -gt 0 ]; do
  case $1 in
    --programs) [ $# -ge 2 ] || { echo "bench.sh: --programs needs a folder" >&2; exit 2; }; sources+=("$2"); shift 2 ;;
    --json | --repetitions | --seconds | --filter | --performance | --processes)
      [ $# -ge 2 ] || { echo "bench.sh: $1 needs a value" >&2; exit 2; }
      case $1 in
        --json) json=$2 ;;
        --repetitions) repetitions=$2 ;;
        --seconds) seconds=$2 ;;
        --filter) filter=$2 ;;
        --performance) performance=$2 ;;
        --processes) processes=$2 ;;
      esac
      shift 2 ;;
    *) echo "bench.sh: unknown option $1 (known: --json --programs --filter --repetitions --seconds --performance --processes)" >&2; exit 2 ;;
  esac
done
for folder in "${sources[@]}"; do
  compgen -G "$folder/*.c" >/dev/null || { echo "bench.sh: $folder: no *.c in it" >&2; exit 3; }
done

setup=(--bench)
[ -z "$performance" ] || setup+=(--arm64)
./scripts/setup.sh "${setup[@]}"
clang=$(command -v clang-19 || command -v clang-14 || command -v clang)
cmake --preset release >/dev/null
cmake --build --preset release --target skep_bench skep_images

# One C file becomes the object for skep and the kernel, the one for rte_bpf (which knows no 32-bit jumps: v2), and a library
# with both native forms.
out=build/release/bench/programs
rm -rf "$out"
folders=()
for index in "${!sources[@]}"; do
  to=$out/$index
  mkdir -p "$to"
  for source in "${sources[index]}"/*.c; do
    name=$(basename "$source" .c)
    include=(-I"${sources[index]}" -Ibench/programs)
    "$clang" -target bpf -mcpu=v3 -O2 -g -DBENCH_XDP "${include[@]}" -c "$source" -o "$to/$name.xdp.o"
    "$clang" -target bpf -mcpu=v2 -O2 -DBENCH_DPDK "${include[@]}" -c "$source" -o "$to/$name.dpdk.o"
    # What stops clang from unrolling in the bytecode is for the verifier's sake; native code is as fast as clang can.
    native=(-O2 -fPIC -DBENCH_NATIVE -DNATIVE_FREE_UNROLL -DPROG="$name" "${include[@]}")
    "$clang" "${native[@]}" -DNATPFX=native_ -fno-vectorize -fno-slp-vectorize -c "$source" -o "$to/$name.nv.o"
    "$clang" "${native[@]}" -DNATPFX=nativeo2_ -c "$source" -o "$to/$name.o2.o"
    "$clang" -shared "$to/$name.nv.o" "$to/$name.o2.o" -o "$to/$name.so"
  done
  folders+=("$to")
done

bench=(./build/release/bench/skep_bench "${folders[@]}")
if [ -z "$performance" ]; then
  exec "${bench[@]}" ${json:+--json "$json"} ${filter:+--filter "$filter"} ${repetitions:+--repetitions "$repetitions"} ${seconds:+--seconds "$seconds"}
fi
[ -z "$json$filter" ] || { echo "bench.sh: --performance goes without --json and --filter" >&2; exit 2; }

work=build/release/bench/performance
rm -rf "$work"
mkdir -p "$work"
./build/release/bench/skep_images "$work/images" "${folders[@]}"
./scripts/count_instructions.sh "$work/images" "$work/counts"
wanted='^(run/.*/(jit|kjit|native|interpreter|dpdk-interpreter|image-run)|run/maplookup-hash/kernel-test-run|compile/.*|size/.*)$'
for ((process = 1; process <= processes; ++process)); do
  echo "bench.sh: process $process of $processes"
  "${bench[@]}" --repetitions "${repetitions:-7}" --seconds "${seconds:-0.005}" --filter "$wanted" --json "$work/$process.json" >"$work/$process.txt"
done
python3 bench/performance.py "$performance" "$work"/[0-9]*.json --counts "$work/counts" \
  --compiler "$("$clang" --version | sed -n '1s/.*\(clang\) version \([0-9.]*\).*/\1 \2/p')"
