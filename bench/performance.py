#!/usr/bin/env python3
"""Writes the table of targets and what is reached from several measurements.

usage: performance.py OUT --counts FILE --compiler NAME JSON...

Each JSON is one process of skep_bench. A ratio is one of medians of one process; what is shown is the median of the processes, with
the lowest and the highest in brackets.
"""
import argparse
import collections
import dataclasses
import datetime
import json
import math
import pathlib
import platform
import statistics
import typing

# Shown, and kept out of the means: they measure the entry into a program or a map (bench/report.h).
ENTRIES = {"ret0", "parse", "maplookup-array", "maplookup-hash"}


@dataclasses.dataclass
class Value:
    """Of one figure, a number a process."""

    values: list
    worst: tuple = ()  # (program, ratio) of the highest program, by its median over the processes
    items: int = 0

    def __str__(self):
        low, high = min(self.values), max(self.values)
        middle = number(statistics.median(self.values))
        return middle if number(low) == number(high) else f"{middle} ({number(low)}..{number(high)})"

    @property
    def median(self):
        return statistics.median(self.values)


def number(value):
    return f"{value:.2f}" if value < 10 else f"{value:.1f}" if value < 1000 else f"{value:.0f}"


def geomean(values):
    values = list(values)
    return math.exp(sum(map(math.log, values)) / len(values))


class Measured:
    def __init__(self, paths, counts):
        self.processes = [json.loads(pathlib.Path(path).read_text()) for path in paths]
        self.counts = collections.defaultdict(dict)
        for line in pathlib.Path(counts).read_text().splitlines() if counts else []:
            program, architecture, count = line.split()
            self.counts[program][architecture] = int(count)

    def median(self, process, group, item, peer):
        found = process["samples"].get(f"{group}/{item}/{peer}")
        return found["median"] if found else None

    def items(self, group):
        names = {name.split("/", 1)[1].rsplit("/", 1)[0] for name in self.processes[0]["samples"] if name.startswith(group + "/")}
        return sorted(names)

    def ratio(self, group, item, peer, other) -> typing.Optional[Value]:
        values = []
        for process in self.processes:
            one, two = self.median(process, group, item, peer), self.median(process, group, item, other)
            if not one or not two:
                return None
            values.append(one / two)
        return Value(values)

    def time(self, group, item, peer):
        values = [self.median(process, group, item, peer) for process in self.processes]
        return Value(values) if all(values) else None

    def mean(self, group, peer, other) -> typing.Optional[Value]:
        """Geometric mean over the programs that both peers run."""
        ratios = {item: self.ratio(group, item, peer, other) for item in self.items(group)
                  if item not in ENTRIES and not item.startswith("_")}
        ratios = {item: ratio for item, ratio in ratios.items() if ratio}
        if not ratios:
            return None
        worst = max(ratios, key=lambda item: ratios[item].median)
        by_process = [geomean(ratio.values[i] for ratio in ratios.values()) for i in range(len(self.processes))]
        return Value(by_process, (worst, ratios[worst].median), len(ratios))

    def bytes_per_insn(self, peer):
        sizes = [(name, size) for name, size in self.processes[0].get("sizes", {}).items()
                 if name.endswith("/" + peer) and name.split("/")[1] not in ENTRIES]
        return Value([geomean(size["bytes"] / size["insns"] for _, size in sizes)], items=len(sizes)) if sizes else None

    def executed(self):
        ratios = {program: count["arm64"] / count["x86_64"] for program, count in self.counts.items()
                  if program not in ENTRIES and len(count) == 2}
        if not ratios:
            return None
        worst = max(ratios, key=ratios.get)
        return Value([geomean(ratios.values())], (worst, ratios[worst]), len(ratios))


@dataclasses.dataclass
class Row:
    what: str
    target: typing.Optional[float]
    value: typing.Optional[Value]
    worst_target: typing.Optional[float] = None
    note: str = ""

    def line(self):
        if self.value is None:
            return f"| {self.what} | {self.limit()} | not measured | | {self.note} |"
        worst = f"{self.value.worst[0]} {number(self.value.worst[1])}" if self.value.worst else ""
        notes = [f"{self.value.items} programs"] if self.value.items else []
        return f"| {self.what} | {self.limit()} | {self.mark()}{self.value} | {worst} | {', '.join(notes + [self.note] if self.note else notes)} |"

    def limit(self):
        text = "" if self.target is None else f"≤ {self.target:g}"
        return text + (f", none > {self.worst_target:g}" if self.worst_target else "")

    def mark(self):
        if self.target is None:
            return ""
        missed = self.value.median > self.target or (self.worst_target and self.value.worst[1] > self.worst_target)
        return "**missed** " if missed else ""


def rows(m):
    kernel_size, dpdk_size = m.bytes_per_insn("kernel"), m.bytes_per_insn("dpdk")
    return [
        Row("JIT, run time / the kernel's JIT code", 0.65, m.mean("run", "jit", "kjit")),
        Row("JIT, run time / native -O2 without vectorising", 1.15, m.mean("run", "jit", "native"), 1.6),
        Row("the kernel's JIT code / the same native", None, m.mean("run", "kjit", "native")),
        Row("JIT compile per instruction / DPDK's JIT, all passes", 3, m.mean("compile", "skep", "dpdk")),
        Row("JIT compile per instruction / DPDK's JIT, no passes (-O0)", 0.6, m.mean("compile", "skep-O0", "dpdk")),
        Row("code bytes per BPF instruction", 4.5, m.bytes_per_insn("skep"),
            note=f"kernel {kernel_size}, DPDK {dpdk_size}" if kernel_size and dpdk_size else ""),
        Row("empty program / empty native call", 1.1, m.ratio("run", "ret0", "jit", "native"), note="`Runner`"),
        Row("the same through `Image::run`", None, m.ratio("run", "ret0", "image-run", "native")),
        Row("interpreter / DPDK's interpreter", 0.6, m.mean("run", "interpreter", "dpdk-interpreter")),
        Row("array lookup, JIT / native C", 1.0, m.ratio("run", "maplookup-array", "jit", "native")),
        Row("hash lookup, JIT / the kernel's hash map", 0.4, m.ratio("run", "maplookup-hash", "jit", "kernel-test-run")),
        Row("executed instructions, arm64 / x86-64", 1.15, m.executed(), note="counted, not timed"),
    ]


def program_table(m):
    yield "| program | JIT ns | native ns | / native | / kernel's JIT | interpreter / DPDK's | x86-64 insns | arm64 / x86-64 |"
    yield "|---|---|---|---|---|---|---|---|"
    for item in m.items("run"):
        count = m.counts.get(item, {})
        executed = number(count["arm64"] / count["x86_64"]) if len(count) == 2 else "-"
        cells = [m.time("run", item, "jit"), m.time("run", item, "native"), m.ratio("run", item, "jit", "native"),
                 m.ratio("run", item, "jit", "kjit"), m.ratio("run", item, "interpreter", "dpdk-interpreter"),
                 count.get("x86_64"), executed]
        yield f"| {item} | " + " | ".join("-" if cell is None else str(cell) for cell in cells) + " |"


def machine():
    model = next((line.split(":", 1)[1].strip() for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines()
                  if line.startswith(("model name", "CPU part"))), platform.machine())
    cpus = len(list(pathlib.Path("/sys/devices/system/cpu").glob("cpu[0-9]*")))
    virtual = " hypervisor" in pathlib.Path("/proc/cpuinfo").read_text()
    # What distributions put behind the version is no matter.
    kernel = ".".join(platform.release().split("-")[0].split(".")[:2])
    return f"{model}, {cpus} CPUs{' of a virtual machine' if virtual else ''}, Linux {kernel}"


def page(m, args):
    yield "# Performance\n"
    yield ("Written by `scripts/bench.sh --performance docs/performance.md`; [bench/README.md](../bench/README.md) states the method. Ratios below 1"
           " mean that skep is faster, or smaller. A ratio is one of medians within one process; shown is the median of"
           f" {len(m.processes)} processes, in brackets the lowest and the highest.\n")
    yield f"{datetime.date.today().isoformat()}. {machine()}. Programs and native code compiled by {args.compiler}.\n"
    yield "| | target | reached | worst program | |"
    yield "|---|---|---|---|---|"
    yield from (row.line() for row in rows(m))
    yield "\n## Program by program\n"
    yield from program_table(m)
    left_out = sorted(line for line in m.processes[0].get("left_out", []) if not line.startswith("verify/"))
    if left_out:
        yield "\nNot measured:\n"
        yield from (f"- {line}" for line in left_out)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("measurements", nargs="+")
    parser.add_argument("--counts", default="")
    parser.add_argument("--compiler", default="clang")
    args = parser.parse_args()
    measured = Measured(args.measurements, args.counts)
    text = "\n".join(page(measured, args)) + "\n"
    args.out.write_text(text)
    print(text)


if __name__ == "__main__":
    main()
