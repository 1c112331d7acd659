#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What shows a program from inside: `skep jit`, `skep run --profile / --coverage / --gdb / --perf-map`.

UPDATE_GOLDEN=1 writes the listings anew; review the difference. The oracles are other people's tools: llvm-dwarfdump and llvm-objdump
read what `skep jit --elf` writes, gdb and perf find functions by themselves, lcov and genhtml take the tracefile. A test whose tool is
not installed says so.
"""
import collections
import json
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

from skep_command import CAPTURES, OBJECTS, SKEP, SOURCE, main, run_json, skep

GOLDEN = pathlib.Path(__file__).parent / "golden"
EXAMPLES = SOURCE / "examples"
FROM_EXAMPLES = ("--source", EXAMPLES)
ARCHES = ("x86_64", "arm64")
OBJECT_FILES = sorted(OBJECTS.glob("*.bpf.o"))
FLOWS = (OBJECTS / "flows.bpf.o", "--pcap", CAPTURES / "http4.pcap")
RULES = ("--map", f"@{EXAMPLES / 'firewall.rules'}")


def tool(test, *names):
    """The first of these programs that is installed; else the test is skipped, with the reason."""
    for name in names:
        if shutil.which(name):
            return name
    test.skipTest(f"none of {', '.join(names)} is installed")


def output(*command, **options):
    done = subprocess.run([str(word) for word in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120, **options)
    assert done.returncode == 0, f"{command}: exit code {done.returncode}\n{done.stdout}"
    return done.stdout


def listings(path, arch):
    done = skep("jit", path, "--json", "--arch", arch, *FROM_EXAMPLES)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return json.loads(done.stdout)["programs"]


class Jit(unittest.TestCase):
    maxDiff = None

    def test_dump(self):
        for arch in ARCHES:
            with self.subTest(arch):
                done = skep("jit", "--dump", f"{OBJECTS / 'accounting.bpf.o'}:account_socket", "--arch", arch, "--cpu", "baseline", "--without", "all", *FROM_EXAMPLES)
                self.assertEqual((done.returncode, done.stderr), (0, ""))
                path = GOLDEN / f"jit_account_socket_{arch}.txt"
                if os.environ.get("UPDATE_GOLDEN"):
                    path.write_text(done.stdout)
                self.assertEqual(done.stdout, path.read_text())

    def test_the_listing_holds_every_byte_op_and_instruction_once(self):
        for path in OBJECT_FILES:
            for arch in ARCHES:
                for program in listings(path, arch):
                    with self.subTest(program=program["program"], arch=arch):
                        end, ops = 0, []
                        for part in program["parts"]:
                            codes = [part["code"]] if "code" in part else [op["code"] for op in part["ops"]]
                            ops += [op["op"] for op in part.get("ops", [])]
                            for line in (line for code in codes for line in code):
                                self.assertEqual(line["offset"], end, line)
                                end += len(line["bytes"]) // 2
                        self.assertEqual(end, program["bytes"])
                        self.assertEqual(ops, list(range(len(ops))))
                        insns = {part["insn"] for part in program["parts"] if part["kind"] == "insn"}
                        disassembly = skep("disasm", path, "--program", program["program"]).stdout
                        self.assertEqual(insns, {int(number) for number in re.findall(r"^ *(\d+):\t", disassembly, re.M)})

    def test_source_lines_are_the_files_lines(self):
        for program in listings(OBJECTS / "flows.bpf.o", "x86_64"):
            with_line = [part for part in program["parts"] if "line" in part]
            self.assertGreater(len(with_line), 100)
            for part in with_line:
                self.assertEqual(part["source"], (EXAMPLES / part["file"]).read_text().splitlines()[part["line"] - 1].strip())

    def test_a_program_of_several_is_named(self):
        done = skep("jit", OBJECTS / "accounting.bpf.o")
        self.assertEqual([line.split()[0] for line in done.stdout.splitlines()], ["account_socket", "account_cgroup"])
        done = skep("jit", f"{OBJECTS / 'accounting.bpf.o'}:account_cgroup")
        self.assertEqual([line.split()[0] for line in done.stdout.splitlines()], ["account_cgroup"])
        done = skep("jit", f"{OBJECTS / 'accounting.bpf.o'}:nobody")
        self.assertEqual((done.returncode, done.stdout), (3, ""))
        self.assertIn("has no program or section 'nobody'", done.stderr)

    def test_bytecode_without_a_type(self):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "a:b.bin"
            text = pathlib.Path(folder) / "a.txt"
            text.write_text("r0 = 7\nexit\n")
            self.assertEqual(skep("asm", text, "-o", path).returncode, 0)
            done = skep("jit", "--dump", path, "--arch", "x86_64")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("mov eax, 7", done.stdout)


class Elf(unittest.TestCase):
    """`skep jit --elf`: the file that gdb gets, with the code of both architectures."""

    def each(self):
        """(listing, ELF file) of every example program on each architecture."""
        with tempfile.TemporaryDirectory() as folder:
            elf = pathlib.Path(folder) / "code.elf"
            for path in OBJECT_FILES:
                for arch in ARCHES:
                    for program in listings(path, arch):
                        done = skep("jit", f"{path}:{program['program']}", "--elf", elf, "--arch", arch)
                        self.assertEqual((done.returncode, done.stderr), (0, ""))
                        yield program, elf

    def test_llvm_finds_no_fault(self):
        dwarfdump = tool(self, "llvm-dwarfdump-14", "llvm-dwarfdump")
        for program, elf in self.each():
            self.assertIn("No errors.", output(dwarfdump, "--verify", elf))
            frames = output(dwarfdump, "--eh-frame", elf)
            # One description a function, and one of the code for calls from helpers, where there is such code.
            invokes = sum(part["kind"] == "invoke" for part in program["parts"])
            self.assertEqual(frames.count(" FDE "), len(program["functions"]) + invokes, frames)

    def test_symbols_and_lines(self):
        dwarfdump = tool(self, "llvm-dwarfdump-14", "llvm-dwarfdump")
        readelf = tool(self, "readelf")
        for program, elf in self.each():
            symbols = re.findall(r"\d+: ([0-9a-f]+) +\d+ FUNC +GLOBAL DEFAULT +1 (bpf_prog_\S+)", output(readelf, "-sW", elf))
            self.assertEqual({name: int(at, 16) - program["base"] for at, name in symbols},
                             {f"bpf_prog_{f['name']}": f["offset"] for f in program["functions"]})
            rows = [(int(at, 16) - program["base"], int(line)) for at, line in re.findall(r"^(0x[0-9a-f]+) +(\d+) +\d+ +\d+ +0 +0 +is_stmt$", output(dwarfdump, "--debug-line", elf), re.M)]
            self.assertTrue(rows)
            starts = {}
            for part in program["parts"]:
                for op in part.get("ops", []):
                    code = [line for line in op["code"] if not line["text"].startswith("align")]
                    starts.update({code[0]["offset"]: part.get("line")} if code else {})
            prologues = {f["offset"] for f in program["functions"]}
            for at, line in rows:
                self.assertTrue(starts.get(at) == line or at in prologues, (at, line))

    def test_instructions_begin_where_the_listing_says(self):
        objdump = tool(self, "llvm-objdump-14", "llvm-objdump")
        for program, elf in self.each():
            text = output(objdump, "-d", "--no-show-raw-insn", *(["--mattr=+lse"] if program["arch"] == "arm64" else []), elf)
            self.assertNotIn("<unknown>", text)
            found = {int(at, 16) - program["base"] for at in re.findall(r"^ *([0-9a-f]+):", text, re.M)}
            codes = [code for part in program["parts"] for code in ([part["code"]] if "code" in part else [op["code"] for op in part["ops"]])]
            listed = {line["offset"] for code in codes for line in code if line["bytes"]}
            self.assertLessEqual(listed, found)


class Profile(unittest.TestCase):
    CASES = {
        "flows": FLOWS,
        "firewall": (OBJECTS / "firewall.bpf.o", "--pcap", CAPTURES / "mixed.pcapng", *RULES),
        "classify": (OBJECTS / "classify.bpf.o", "--pcap", CAPTURES / "mixed.pcapng"),
        "histogram": (OBJECTS / "histogram.bpf.o", "--pcap", CAPTURES / "mixed.pcapng"),
    }

    def profile(self, *arguments):
        done = skep("run", *arguments, "--profile", "--json", *FROM_EXAMPLES)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        summary = json.loads(done.stdout)
        self.assertEqual(summary["engine"], "interpreter")
        return summary

    def test_what_flows_into_an_instruction_flows_out(self):
        """Kirchhoff's law: an instruction runs as often as those before it go to it."""
        for name, arguments in self.CASES.items():
            with self.subTest(name):
                summary = self.profile(*arguments)
                program = summary["profile"]["programs"][0]
                insns = {row["insn"]: row for row in program["insns"]}
                order = sorted(insns)
                into = collections.Counter({0: summary["runs"]})
                unknown = set()  # Functions that helpers call.
                for at, after in zip(order, order[1:] + [None]):
                    row = insns[at]
                    text, executed, taken = row["text"], row["executed"], row.get("taken", 0)
                    jump, call = re.search(r"goto ([+-]\d+)$", text), re.match(r"call pc\+(\d+)$", text)
                    if jump:
                        into[at + 1 + int(jump[1])] += taken if "taken" in row else executed
                    if call:
                        into[at + 1 + int(call[1])] += executed
                    subprogram = re.search(r"subprog\[\+(\d+)\]", text)
                    if subprogram:
                        unknown.add(at + 1 + int(subprogram[1]))
                    if after is not None and text != "exit" and not text.startswith("goto "):
                        into[after] += executed - taken
                checked = [at for at in order if at not in unknown]
                self.assertEqual({at: insns[at]["executed"] for at in checked}, {at: into[at] for at in checked})

    def test_lines_add_up_to_instructions(self):
        for name, arguments in self.CASES.items():
            with self.subTest(name):
                profile = self.profile(*arguments)["profile"]
                insns = [row for program in profile["programs"] for row in program["insns"]]
                for line in profile["lines"]:
                    own = [row["executed"] for row in insns if (row.get("file"), row.get("line")) == (line["file"], line["line"])]
                    self.assertEqual((line["insns"], line["hits"]), (sum(own), max(own)))
                self.assertEqual(sorted((-line["insns"] for line in profile["lines"])), [-line["insns"] for line in profile["lines"]])
                self.assertEqual(sum(line["insns"] for line in profile["lines"]), sum(row["executed"] for row in insns if "line" in row))

    def test_results_are_those_of_other_runs(self):
        for name, arguments in self.CASES.items():
            with self.subTest(name):
                profiled, plain = self.profile(*arguments), run_json(*arguments)[1]
                self.assertEqual((profiled["verdicts"], profiled["maps"]), (plain["verdicts"], plain["maps"]))

    def test_text(self):
        done = skep("run", *FLOWS, "--profile", "--no-maps", *FROM_EXAMPLES)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertRegex(done.stdout, r"(?m)^hottest lines\n +insns +% +hits  line\n +\d+ +\d+\.\d +47  \w+\.\w+(\.c)?:\d+  \S")
        self.assertRegex(done.stdout, r"(?m)^ +\d+ +47 +78  void \*data = \(void \*\)\(long\)ctx->data")
        self.assertRegex(done.stdout, r"(?m)^ +47      0: r6 = \*\(u32 \*\)\(r1 \+ 4\)$")

    def test_options_that_contradict(self):
        for arguments, message in (
            (("--profile", "--engine", "jit"), "only --engine interpreter does"),
            (("--coverage", "x.info", "--engine", "jit"), "only --engine interpreter does"),
            (("--gdb", "--profile"), "for native code"),
            (("--perf-map", "--engine", "interpreter"), "for native code"),
        ):
            done = skep("run", *FLOWS, *arguments)
            self.assertEqual((done.returncode, done.stdout), (2, ""))
            self.assertIn(message, done.stderr)


class Coverage(unittest.TestCase):
    def record(self, folder, name, *arguments):
        path = pathlib.Path(folder) / name
        done = skep("run", *arguments, "--coverage", path, *FROM_EXAMPLES)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return path

    @staticmethod
    def parse(path):
        """{(kind, file, key): count} of a tracefile."""
        found, file = {}, None
        for line in path.read_text().splitlines():
            kind, _, rest = line.partition(":")
            if kind == "SF":
                file = rest
            elif kind in ("DA", "FNDA", "BRDA"):
                fields = rest.split(",")
                key, count = (fields[1], fields[0]) if kind == "FNDA" else (tuple(fields[:-1]), fields[-1])
                found[kind, file, key] = 0 if count == "-" else int(count)
        return found

    def test_counts_are_those_of_the_profile(self):
        with tempfile.TemporaryDirectory() as folder:
            counts = self.parse(self.record(folder, "a.info", *FLOWS))
        done = skep("run", *FLOWS, "--profile", "--json", *FROM_EXAMPLES)
        lines = json.loads(done.stdout)["profile"]["lines"]
        self.assertEqual({("DA", line["file"], (str(line["line"]),)): line["hits"] for line in lines},
                         {key: count for key, count in counts.items() if key[0] == "DA"})
        self.assertEqual(counts["FNDA", str(EXAMPLES / "flows.bpf.c"), "count_flows"], 47)

    def test_lcov_merges(self):
        lcov = tool(self, "lcov")
        with tempfile.TemporaryDirectory() as folder:
            one = self.record(folder, "one.info", *FLOWS)
            two = self.record(folder, "two.info", FLOWS[0], "--pcap", CAPTURES / "http6.pcapng")
            three = self.record(folder, "three.info", OBJECTS / "classify.bpf.o", "--pcap", CAPTURES / "vlan.pcap")
            both = pathlib.Path(folder) / "both.info"
            output(lcov, "--rc", "lcov_branch_coverage=1", "-a", one, "-a", two, "-a", three, "-o", both)
            want = collections.Counter()
            for path in (one, two, three):
                for key, count in self.parse(path).items():
                    want[key] += count
            self.assertEqual(self.parse(both), dict(want))

    def test_genhtml_shows_the_source(self):
        genhtml = tool(self, "genhtml")
        with tempfile.TemporaryDirectory() as folder:
            info = self.record(folder, "one.info", *FLOWS)
            text = output(genhtml, "--branch-coverage", info, "-o", pathlib.Path(folder) / "html")
            self.assertRegex(text, r"lines\.+: \d+\.\d% \(\d+ of \d+ lines\)")
            self.assertRegex(text, r"functions\.+: 100\.0% \(1 of 1 function\)")
            page = next(pathlib.Path(folder).rglob("flows.bpf.c.gcov.html")).read_text()
            self.assertIn("bpf_map_lookup_elem(&amp;flows, &amp;key)", page)

    def test_a_file_that_cannot_be_written(self):
        done = skep("run", *FLOWS, "--coverage", "/nonexistent/a.info")
        self.assertEqual((done.returncode, done.stdout), (4, ""))
        self.assertIn("/nonexistent/a.info: cannot open for writing", done.stderr)


class Gdb(unittest.TestCase):
    # Steps through a function and those that it calls or returns to, but not through helpers, and says of each step whether the stack
    # reaches main().
    STEPS = """
import collections, gdb
seen, bad = collections.Counter(), []
def stack():
    frame, names = gdb.newest_frame(), []
    while frame is not None and len(names) < 60:
        names.append(frame.name())
        frame = frame.older()
    return names
for step in range(4000):
    names = stack()
    if names[0] and names[0].startswith(("bpf_prog_", "skep_invoke")):
        seen[names[0]] += 1
        if names[-1] != "main": bad.append((hex(gdb.newest_frame().pc()), names))
        gdb.execute("stepi", to_string=True)
    elif names[0] and names[0].startswith("skep::helpers"):
        gdb.execute("finish", to_string=True)
    else:
        break
print("seen", dict(seen))
print("bad", bad)
"""

    def debug(self, breakpoint, *arguments, then="bt"):
        """What gdb prints when the process comes to that place, which may be in the program that it loads."""
        gdb = tool(self, "gdb")
        commands = ["set pagination off", f"directory {EXAMPLES}", "break __jit_debug_register_code", "run", "finish", "delete",
                    f"break {breakpoint}", "continue", "delete", then, "kill"]
        text = output(gdb, "-nx", "-batch", *(word for command in commands for word in ("-ex", command)), "--args", SKEP, "run", "--gdb", *arguments)
        if "ptrace: Operation not permitted" in text or "Cannot PTRACE" in text:
            self.skipTest("gdb may trace nothing here: ptrace is not permitted")
        return text

    def frames(self, text):
        """[(function, place or None)] of the backtrace, innermost first."""
        rows = re.findall(r"^#\d+ +(?:0x[0-9a-f]+ in )?([^ (]+).*?\)(?: (?:const )?at (\S+:\d+))?(?: from .*)?$", text, re.M)
        self.assertTrue(rows, text)
        return rows

    def test_backtrace_through_a_program(self):
        frames = self.frames(self.debug("skep::helpers::ringbuf_submit", *FLOWS))
        self.assertEqual(frames[0][0], "skep::helpers::ringbuf_submit")
        self.assertEqual(frames[1][0], "bpf_prog_count_flows")
        file, line = frames[1][1].split(":")
        self.assertEqual(pathlib.Path(file).name, "flows.bpf.c")
        disassembly = skep("dump", "--lines", OBJECTS / "flows.bpf.o").stdout
        lines = re.findall(r"flows\.bpf\.c:(\d+):", disassembly)
        self.assertIn(line, lines)
        self.assertEqual(frames[-1][0], "main", "the stack ends in the native caller")

    def test_backtrace_through_a_callback(self):
        names = [name for name, _ in self.frames(self.debug("skep::helpers::xdp_load_bytes", OBJECTS / "histogram.bpf.o", "--pcap", CAPTURES / "icmp.pcap"))]
        self.assertEqual([name for name in names if name.startswith(("bpf_prog_", "skep_invoke", "skep::helpers"))],
                         ["skep::helpers::xdp_load_bytes", "bpf_prog_look_at_chunk", "skep_invoke", "skep::helpers::loop", "bpf_prog_histogram"])
        self.assertEqual(names[-1], "main")


    def test_every_instruction_has_a_way_back(self):
        with tempfile.TemporaryDirectory() as folder:
            script = pathlib.Path(folder) / "steps.py"
            script.write_text(self.STEPS)
            for name, first, functions in (
                ("histogram", "bpf_prog_histogram", {"bpf_prog_histogram"}),  # log2_of is inlined
                ("histogram", "bpf_prog_look_at_chunk", {"bpf_prog_look_at_chunk", "skep_invoke", "bpf_prog_histogram"}),
                ("classify", "bpf_prog_classify", {"bpf_prog_classify"}),
            ):
                with self.subTest(first):
                    text = self.debug(f"*{first}", OBJECTS / f"{name}.bpf.o", "--pcap", CAPTURES / "icmp.pcap", then=f"source {script}")
                    if "Scripting in the \"Python\" language is not supported" in text:
                        self.skipTest("this gdb has no Python")
                    self.assertEqual(set(re.findall(r"'(\w+)':", re.search(r"^seen (.*)$", text, re.M)[1])), functions)
                    self.assertRegex(text, r"(?m)^bad \[\]$")

    def test_breakpoint_on_a_line(self):
        text = self.debug("histogram.bpf.c:39", OBJECTS / "histogram.bpf.o", "--pcap", CAPTURES / "icmp.pcap")
        self.assertEqual(self.frames(text)[0], ("bpf_prog_look_at_chunk", "./histogram.bpf.c:39"))


class Perf(unittest.TestCase):
    def start(self, *arguments):
        return subprocess.Popen([str(word) for word in (SKEP, "run", *arguments)], stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def test_map_file(self):
        process = self.start("--perf-map", *FLOWS)
        process.communicate(timeout=60)
        self.assertEqual(process.returncode, 0)
        path = pathlib.Path(f"/tmp/perf-{process.pid}.map")
        rows = re.findall(r"^([0-9a-f]+) ([0-9a-f]+) (\S+)$", path.read_text(), re.M)
        path.unlink()
        self.assertEqual([name for _, _, name in rows], ["bpf_prog_count_flows"])

    def test_without_the_option_there_is_no_file(self):
        process = self.start(*FLOWS)
        process.communicate(timeout=60)
        self.assertFalse(pathlib.Path(f"/tmp/perf-{process.pid}.map").exists())

    def test_perf_report(self):
        perf = tool(self, "perf")
        with tempfile.TemporaryDirectory() as folder:
            data = pathlib.Path(folder) / "perf.data"
            recorded = subprocess.run([perf, "record", "-e", "cpu-clock", "-F", "999", "-o", str(data), str(SKEP), "run", "--perf-map", str(OBJECTS / "firewall.bpf.o"), "--no-maps", "--pcap",
                                       str(CAPTURES / "mixed.pcapng"), "--repeat", "20000"], capture_output=True, text=True, timeout=120)
            if recorded.returncode != 0:
                self.skipTest(f"perf cannot sample here: {recorded.stderr.strip()}")
            report = output(perf, "report", "-i", data, "--stdio", "--sort", "symbol", stdin=subprocess.DEVNULL)
        for path in pathlib.Path("/tmp").glob("perf-*.map"):
            if "bpf_prog_firewall" in path.read_text():
                path.unlink()
        self.assertRegex(report, r"\d\.\d+% +\[\.\] bpf_prog_firewall")


if __name__ == "__main__":
    main()
