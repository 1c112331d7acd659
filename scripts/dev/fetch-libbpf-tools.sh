#!/usr/bin/env bash
# Fetches the BPF objects of Debian's libbpf-tools into a folder: real programs for tests/kernel/. Installs nothing.
#
#   fetch-libbpf-tools.sh [OUT]      default: ~/.cache/skep/libbpf-tools; a folder that holds objects is left as it is
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
out=${1:-${XDG_CACHE_HOME:-$HOME/.cache}/skep/libbpf-tools}
if compgen -G "$out/*.bpf.o" >/dev/null; then
  echo "$(find "$out" -name '*.bpf.o' | wc -l) objects in $out"
  exit 0
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
(cd "$work" && apt-get download -qq libbpf-tools && dpkg -x libbpf-tools_*.deb tree)
"$here/extract-bpf-objects.py" "$out" "$work"/tree/usr/sbin/*
