#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""skep's verdicts on a corpus of objects beside the kernel's: the running one's, or, where bpf(2) does not work, those of tables/CORPUS.csv.

usage: corpus_test.py SKEP CORPUS [OBJECT-DIR]     UPDATE_TABLE=1: writes the table anew from what the running kernel says
"""
import collections
import csv
import os
import pathlib
import subprocess
import sys
import tempfile

TABLES = pathlib.Path(__file__).resolve().parent / "tables"
CACHE = pathlib.Path(os.environ.get("XDG_CACHE_HOME", pathlib.Path.home() / ".cache")) / "skep"
# Where the objects are, where they come from, and the share of agreement (in percent) that the verifier has reached.
Corpus = collections.namedtuple("Corpus", "folder source agreement")
CORPORA = {
    "examples": Corpus(None, "the build (examples/)", 100),
    "programs": Corpus(None, "the build (tests/kernel/programs/)", 100),
    "xdp-tools": Corpus(next(iter(sorted(pathlib.Path("/usr/lib").glob("*/bpf"))), None), "apt-get install libxdp1", 100),
    "libbpf-tools": Corpus(CACHE / "libbpf-tools", "scripts/dev/fetch-libbpf-tools.sh", 100),
    "selftests": Corpus(CACHE / "kernel-selftests" / "v3", "the kernel's tools/testing/selftests/bpf, compiled with -mcpu=v3", 99),
}
KERNEL_COLUMNS = 12  # Of `skep verify --csv`: those that say what the program is and what the kernel says of it.
AGREE, DISAGREE = ("both accept", "both reject"), ("FALSE ACCEPT", "false reject", "not modelled")
NO_BPF, SKIPPED = 4, 77


def compare(skep, folder, table):
    """The rows of `skep verify --csv`, and who judged."""
    with tempfile.NamedTemporaryFile(suffix=".csv") as rows:
        command = [skep, "verify", "--quiet", "--csv", rows.name, str(folder)]
        judge = "the running kernel"
        done = subprocess.run(command + ["--compare-kernel"], capture_output=True, text=True)
        if done.returncode == NO_BPF:
            judge = f"{table.name}, as bpf(2) does not work here"
            done = subprocess.run(command + ["--compare-table", str(table)], capture_output=True, text=True)
        if done.returncode > 1:
            sys.exit(f"{' '.join(command)}: exit code {done.returncode}\n{done.stdout}{done.stderr}")
        with open(rows.name, newline="") as file:
            return list(csv.reader(file)), judge


def write_table(table, rows):
    with open(table, "w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(row[:KERNEL_COLUMNS] for row in rows)
    print(f"{len(rows) - 1} rows in {table}")


def main():
    if len(sys.argv) < 3 or sys.argv[2] not in CORPORA:
        sys.exit(__doc__)
    skep, name = sys.argv[1:3]
    corpus, table = CORPORA[name], TABLES / f"{name}.csv"
    folder = pathlib.Path(sys.argv[3]) if len(sys.argv) > 3 else corpus.folder
    if folder is None or not any(folder.glob("*.o")):
        print(f"skipped: no objects in {folder}; they come from {corpus.source}")
        sys.exit(SKIPPED)
    rows, judge = compare(skep, folder, table)
    if os.environ.get("UPDATE_TABLE"):
        write_table(table, rows)
    programs = [dict(zip(rows[0], row)) for row in rows[1:]]
    counts = collections.Counter(program["relation"] for program in programs)
    agree, decided = (sum(counts[relation] for relation in kind) for kind in (AGREE, AGREE + DISAGREE))
    share = 100 * agree / decided if decided else 100
    print(f"{name}: {len(programs)} programs, judged by {judge}")
    for relation, count in counts.most_common():
        print(f"{count:7}  {relation}")
    for program in programs:
        if program["relation"] == "FALSE ACCEPT":
            print(f"FALSE ACCEPT {program['object']}: {program['program']}: {program['error_line']}")
    print(f"agreement {share:.1f} %, expected at least {corpus.agreement} %")
    sys.exit(0 if counts["FALSE ACCEPT"] == 0 and share >= corpus.agreement else 1)


if __name__ == "__main__":
    main()
