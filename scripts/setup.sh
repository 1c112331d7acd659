#!/usr/bin/env bash
# Installs what building and testing skep needs, from Debian's packages. Safe to run again: it installs only what is missing.
#
#   scripts/setup.sh            what a build and the tests on this machine need
#   scripts/setup.sh --arm64    also the cross compiler, qemu-user and the :arm64 libraries
#   scripts/setup.sh --bench    also DPDK (the benchmarks' peer) and the clang that compiles the benchmarks
#   scripts/setup.sh --dev      all of it, with git, clang-format, clang-tidy, valgrind, and the readers of what tests/e2e/tooling_test.py makes
set -euo pipefail

base=(build-essential g++-12 clang-14 cmake ninja-build ccache pkg-config python3
  libasmjit-dev libelf-dev libgtest-dev libgmock-dev libbenchmark-dev libcli11-dev nlohmann-json3-dev libpcap-dev zlib1g-dev
  llvm-14 tcpdump xdp-tools linux-libc-dev libbpf-dev)
arm64=(g++-12-aarch64-linux-gnu qemu-user libasmjit-dev:arm64 libelf-dev:arm64 libgtest-dev:arm64 libgmock-dev:arm64 libpcap-dev:arm64 zlib1g-dev:arm64
  libstdc++-12-dev:arm64)
bench=(libdpdk-dev clang-19)
dev=(git clang-format-14 clang-tidy-14 libclang-rt-14-dev valgrind gdb lcov linux-perf)

packages=("${base[@]}")
for option in "$@"; do
  case $option in
    --arm64) packages+=("${arm64[@]}") ;;
    --bench) packages+=("${bench[@]}") ;;
    --dev) packages+=("${arm64[@]}" "${bench[@]}" "${dev[@]}") ;;
    *) echo "setup.sh: unknown option $option (known: --arm64 --bench --dev)" >&2; exit 2 ;;
  esac
done

# A package may be there for several architectures, one line each.
installed() { dpkg-query -W -f='${Status}\n' "$1" 2>/dev/null | grep -qx "install ok installed"; }

missing=()
for package in "${packages[@]}"; do
  installed "$package" || missing+=("$package")
done
[ ${#missing[@]} -gt 0 ] || exit 0

echo "setup: installing ${missing[*]}"
as_root=()
if [ "$(id -u)" -ne 0 ]; then
  command -v sudo >/dev/null || { echo "setup: not root and no sudo; install these with apt-get: ${missing[*]}" >&2; exit 1; }
  as_root=(sudo)
fi
case " ${missing[*]} " in
  *:arm64\ *) dpkg --print-foreign-architectures | grep -qx arm64 || "${as_root[@]}" dpkg --add-architecture arm64 ;;
esac
"${as_root[@]}" apt-get update -qq
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
