#!/usr/bin/env python3
"""Fails when a file includes a folder that its own folder may not depend on (docs/architecture.md).

usage: check_layers.py [ROOT]
"""
import pathlib
import re
import sys

LOW = ["base", "include"]
ALLOWED = {
    "include": [],
    "base": ["include"],
    "isa": LOW,
    "btf": LOW,
    "platform": LOW,
    "loader": ["isa", "btf", "platform", *LOW],
    "verifier": ["isa", "btf", "platform", *LOW],
    "lower": ["isa", "platform", *LOW],
    "maps": ["platform", *LOW],
    "helpers": ["maps", "platform", *LOW],
    "jit": ["lower", "isa", *LOW],
    "vm": ["lower", "maps", "helpers", "jit", "platform", "isa", *LOW],
    "hooks": ["vm", "platform", *LOW],
    "capi": ["loader", "verifier", "vm", *LOW],
    "kernel": ["isa", "btf", "platform", *LOW],
}
EVERYTHING = {"tools", "bench", "examples", "tests"}  # nothing may include these
NEVER = [("jit/x86_64", "jit/arm64"), ("jit/arm64", "jit/x86_64")]
THIRD_PARTY = {  # header prefix: the only places that may include it
    "asmjit/": ("jit/x86_64/", "jit/arm64/", "jit/", "tests/"),
    "libelf.h": ("loader/elf.cc",),
    "gelf.h": ("loader/elf.cc",),
    "linux/bpf.h": ("kernel/", "examples/"),
}


def main():
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ".")
    bad = seen = 0
    for path in sorted(root.rglob("*")):
        relative = path.relative_to(root)
        if path.suffix not in {".h", ".cc", ".def"} or relative.parts[0].startswith(("build", ".")):
            continue
        folder, name = relative.parts[0], relative.as_posix()
        if folder not in ALLOWED and folder not in EVERYTHING:
            continue
        seen += 1
        for number, line in enumerate(path.read_text().splitlines(), 1):
            found = re.match(r'\s*#\s*include\s*["<]([^">]+)[">]', line)
            if not found:
                continue
            target = found[1]
            top = target.split("/")[0]
            reason = None
            if folder in ALLOWED and top != folder and top != "skep" and (top in ALLOWED or top in EVERYTHING) and top not in ALLOWED[folder]:
                reason = f"{folder}/ may not include {top}/"
            for source, forbidden in NEVER:
                if name.startswith(source) and target.startswith(forbidden):
                    reason = f"{source}/ may not include {forbidden}/"
            for prefix, places in THIRD_PARTY.items():
                if target.startswith(prefix) and not name.startswith(places):
                    reason = f"only {', '.join(places)} may include <{prefix}>"
            if reason:
                print(f"{name}:{number}: {reason}")
                bad += 1
    print(f"check_layers: {seen} files, {bad} forbidden includes")
    sys.exit(bad != 0)


if __name__ == "__main__":
    main()
