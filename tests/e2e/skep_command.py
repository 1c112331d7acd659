# SPDX-License-Identifier: Apache-2.0
"""Runs the built command `skep` for the end-to-end tests, which are started as TEST.py SKEP SOURCE-DIR OBJECT-DIR."""
import json
import pathlib
import re
import subprocess
import sys
import unittest

SKEP, SOURCE, OBJECTS = (pathlib.Path(argument).resolve() for argument in sys.argv[1:4])
CAPTURES = SOURCE / "examples" / "captures"
ALL_CAPTURES = sorted(path.name for path in CAPTURES.glob("*.pcap*"))
ENGINES = ("interpreter", "jit")


def skep(*arguments, cwd=None, stdin=None, **options):
    """The finished process of `skep ARGUMENTS`."""
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}
    return subprocess.run([str(SKEP), *map(str, arguments)], text=True, cwd=cwd, input=stdin, timeout=60, **streams)


def run_json(*arguments):
    """(lines of --each, summary) of a `skep run` that must succeed."""
    done = skep("run", *arguments, "--each")
    assert done.returncode == 0, f"exit code {done.returncode}: {done.stdout}{done.stderr}"
    assert done.stderr == "", done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    return lines[:-1], lines[-1]


def entries(summary, name):
    """{key: value} of a map in the summary, found by name or section; per-CPU values are added up. Keys that are objects: as JSON text."""
    found = {}
    for row in next(row for row in summary["maps"] if name in (row["name"], row.get("section")))["entries"]:
        key = row["key"] if isinstance(row["key"], (int, str)) else json.dumps(row["key"], sort_keys=True)
        found[key] = row["value"] if "value" in row else add_up([one["value"] for one in row["values"]])
    return found


def add_up(values):
    if isinstance(values[0], dict):
        return {name: add_up([value[name] for value in values]) for name in values[0]}
    return sum(values)


def without_measurements(text):
    """Text output with what differs from run to run and from machine to machine replaced."""
    text = re.sub(r"[0-9.]+ ns per", "# ns per", text)
    text = re.sub(r"\d+ bytes of native code", "# bytes of native code", text)
    text = re.sub(r"[^ \n]*/examples/", "examples/", text)
    return text


def main():
    if not SKEP.exists():
        sys.exit(f"{SKEP} is not built")
    unittest.main(argv=sys.argv[:1] + sys.argv[4:], verbosity=1)
