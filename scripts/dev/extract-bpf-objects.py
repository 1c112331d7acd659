#!/usr/bin/env python3
"""Writes the BPF objects that executables carry in their data (libbpf skeletons) into a folder.

usage: extract-bpf-objects.py OUT FILE...     each object becomes OUT/NAME.bpf.o (NAME_1.bpf.o ... when there are several)

    apt-get download libbpf-tools && dpkg -x libbpf-tools_*.deb t && extract-bpf-objects.py ~/.cache/skep/libbpf-tools t/usr/sbin/*
"""
import pathlib
import struct
import sys

EM_BPF = 247


def objects(data):
    at = data.find(b"\x7fELF\x02\x01\x01")
    while at >= 0:
        header = data[at:at + 64]
        if len(header) == 64 and struct.unpack_from("<HH", header, 16) == (1, EM_BPF):
            (table,) = struct.unpack_from("<Q", header, 40)
            entry_size, entries = struct.unpack_from("<HH", header, 58)
            end = table + entry_size * entries
            for i in range(entries):
                section = data[at + table + i * entry_size:at + table + (i + 1) * entry_size]
                kind, offset, size = struct.unpack_from("<4xI16xQQ", section)
                if kind != 8:  # SHT_NOBITS takes no room.
                    end = max(end, offset + size)
            yield data[at:at + end]
        at = data.find(b"\x7fELF\x02\x01\x01", at + 1)


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    out = pathlib.Path(sys.argv[1])
    out.mkdir(parents=True, exist_ok=True)
    count = 0
    for path in map(pathlib.Path, sys.argv[2:]):
        if path.is_symlink() or not path.is_file():
            continue
        for i, found in enumerate(objects(path.read_bytes())):
            (out / f"{path.stem}{f'_{i}' if i else ''}.bpf.o").write_bytes(found)
            count += 1
    print(f"{count} objects in {out}")


if __name__ == "__main__":
    main()
