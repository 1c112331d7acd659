#!/usr/bin/env bash
# How many instructions the machine code of each program executes in one run on the input of the benchmarks, on x86-64 and on arm64.
#
#   scripts/count_instructions.sh IMAGES OUT     IMAGES: folder that skep_images wrote; OUT: a table, one line a program and architecture
#
# Both are run by qemu-user one instruction at a time, which logs each that lies in the program's code; so both are counted alike.
set -euo pipefail
cd "$(dirname "$0")/.."
[ $# -eq 2 ] || { echo "usage: count_instructions.sh IMAGES OUT" >&2; exit 2; }
images=$1 out=$2
code=0x40010000+0xf0000 # kImageBase + kImageCode, and what is left (bench/image_layout.h)

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
: >"$work/counts"
count() { # ARCHITECTURE COMPILER QEMU
  command -v "$2" >/dev/null && command -v "$3" >/dev/null || { echo "count_instructions.sh: $1: no $2 or $3 (scripts/setup.sh --arm64)" >&2; return 3; }
  "$2" -static -O1 -o "$work/run.$1" bench/image_run.c
  for image in "$images/$1"/*.image; do
    "$3" -cpu max -singlestep -d exec,nochain -dfilter "$code" -D "$work/log" "$work/run.$1" "$image"
    echo "$(basename "$image" .image) $1 $(grep -c '^Trace' "$work/log")" >>"$work/counts"
  done
}
count x86_64 gcc-12 qemu-x86_64
count arm64 aarch64-linux-gnu-gcc-12 qemu-aarch64
mv "$work/counts" "$out"
