#!/usr/bin/env bash
# Builds skep optimised, compiles the benchmark programs for every peer, measures, and prints the tables of bench/README.md.
#
#   scripts/bench.sh [--json FILE] [--programs DIR]... [--filter REGEX] [--repetitions N] [--seconds S]
#
# --programs DIR also measures every NAME.c of a folder written like bench/programs.
set -euo pipefail
cd "$(dirname "$0")/.."

sources=(bench/programs)
arguments=()
while [ $# -gt 0 ]; do
  case $1 in
    --programs) [ $# -ge 2 ] || { echo "bench.sh: --programs needs a folder" >&2; exit 2; }; sources+=("$2"); shift 2 ;;
    --json | --filter | --repetitions | --seconds)
      [ $# -ge 2 ] || { echo "bench.sh: $1 needs a value" >&2; exit 2; }
      arguments+=("$1" "$2"); shift 2 ;;
    *) echo "bench.sh: unknown option $1 (known: --json --programs --filter --repetitions --seconds)" >&2; exit 2 ;;
  esac
done
for folder in "${sources[@]}"; do
  compgen -G "$folder/*.c" >/dev/null || { echo "bench.sh: $folder: no *.c in it" >&2; exit 3; }
done

./scripts/setup.sh --bench
clang=$(command -v clang-19 || command -v clang-14 || command -v clang)
cmake --preset release >/dev/null
cmake --build --preset release --target skep_bench

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
exec ./build/release/bench/skep_bench "${folders[@]}" "${arguments[@]}"
