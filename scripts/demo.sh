#!/usr/bin/env bash
# The main job on real input: sets up, builds the command and the examples, and runs a firewall that clang compiled on a capture of
# real traffic: verified, compiled to native code, run on every packet, its maps printed.
#
#   scripts/demo.sh
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

case ${1:-} in
  "") ;;
  -h | --help) sed -n '2,6s/^# \{0,1\}//p' "$0"; exit 0 ;;
  *) echo "demo.sh: unknown option $1 (there are none)" >&2; exit 2 ;;
esac

step() { printf '\n== %s\n' "$1"; }
# Prints the command as a user would type it, then runs it.
show() { printf '\n$ skep'; printf ' %q' "$@"; printf '\n'; "$skep" "$@"; }

build=build/release
skep=$build/tools/skep
objects=$build/examples
captures=examples/captures

step "1/4  what is missing of the Debian packages"
./scripts/setup.sh
echo "done"

step "2/4  build (release; the first time takes a few minutes)"
./scripts/build.sh release skep examples

step "3/4  an XDP firewall in C, on 133 packets of real traffic"
echo "the program: examples/firewall.bpf.c; its rules: examples/firewall.rules; the capture: $captures/mixed.pcapng"
show verify "$objects/firewall.bpf.o"
passed=$(mktemp -d)
trap 'rm -rf "$passed"' EXIT
show run "$objects/firewall.bpf.o" --pcap "$captures/mixed.pcapng" --map @examples/firewall.rules --repeat 1000 --no-maps
show run "$objects/firewall.bpf.o" --pcap "$captures/mixed.pcapng" --map @examples/firewall.rules --write "$passed/passed.pcap"

step "4/4  what came through, as tcpdump reads it"
# Not `| head`: tcpdump would fail when it writes to a pipe that head has left.
tcpdump -n -c 5 -r "$passed/passed.pcap" 2>/dev/null | cut -c1-110
echo "..."
