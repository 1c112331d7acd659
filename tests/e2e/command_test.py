#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`skep run` as a user meets it: its text, its JSON, what it says to wrong input, the captures that it writes.

UPDATE_GOLDEN=1 writes the text outputs anew; review the difference.
"""
import json
import os
import pathlib
import re
import subprocess
import tempfile
import unittest

from skep_command import CAPTURES, OBJECTS, SKEP, SOURCE, main, run_json, skep, without_measurements

GOLDEN = pathlib.Path(__file__).parent / "golden"
RULES = f"@{SOURCE / 'examples' / 'firewall.rules'}"
FIREWALL = OBJECTS / "firewall.bpf.o"
FLOWS = OBJECTS / "flows.bpf.o"
SYSCALLS = OBJECTS / "syscalls.bpf.o"
DNS = CAPTURES / "dns.pcap"


class Golden(unittest.TestCase):
    maxDiff = None

    CASES = {
        "firewall": [FIREWALL, "--pcap", CAPTURES / "mixed.pcapng", "--map", RULES],
        "flows": [FLOWS, "--pcap", DNS, "--event", "events=event", "--events", 3],
        "classify": [OBJECTS / "classify.bpf.o", "--pcap", CAPTURES / "vlan.pcap"],
        "account_cgroup": [OBJECTS / "accounting.bpf.o", "account_cgroup", "--pcap", CAPTURES / "snaplen96.pcap"],
        "syscalls": [SYSCALLS, "on_exit", "--ctx", "0000000000000000 0200000000000000 f3ffffffffffffff"],
        "histogram": [OBJECTS / "histogram.bpf.o", "--pcap", CAPTURES / "icmp.pcap", "--repeat", 2],
    }

    def test_text(self):
        for name, arguments in self.CASES.items():
            with self.subTest(name):
                done = skep("run", *arguments, "--engine", "interpreter")
                self.assertEqual((done.returncode, done.stderr), (0, ""))
                # How many instructions the verifier went through is its own affair and tested there.
                text = re.sub(r"accepted, \d+ instructions", "accepted, # instructions", without_measurements(done.stdout))
                text = text.replace(str(OBJECTS), "examples")
                path = GOLDEN / f"run_{name}.txt"
                if os.environ.get("UPDATE_GOLDEN"):
                    path.write_text(text)
                self.assertEqual(text, path.read_text())


class Passes(unittest.TestCase):
    def test_any_set_does_the_same(self):
        want = skep("run", FIREWALL, "--pcap", CAPTURES / "mixed.pcapng", "--map", RULES, "--passes", "none")
        self.assertEqual(want.returncode, 0, want.stderr)
        for passes in ("all", "rotate", "rotate,dead", "all,-rotate", "none,propagate"):
            done = skep("run", FIREWALL, "--pcap", CAPTURES / "mixed.pcapng", "--map", RULES, "--passes", passes)
            self.assertEqual((done.returncode, done.stderr), (0, ""), passes)
            self.assertEqual(without_measurements(done.stdout), without_measurements(want.stdout), passes)

    def test_unknown_passes_are_named(self):
        done = skep("run", FIREWALL, "--pcap", DNS, "--passes", "all,-rotten")
        self.assertEqual(done.returncode, 2)
        self.assertIn("no pass 'rotten'; there are: all, none, ", done.stderr)

    def test_bisecting_finds_none(self):
        for arguments in ([FIREWALL, "--pcap", CAPTURES / "mixed.pcapng", "--map", RULES],
                          [SYSCALLS, "on_exit", "--ctx", "0000000000000000 0200000000000000 f3ffffffffffffff"]):
            done = skep("run", *arguments, "--bisect-passes")
            self.assertEqual((done.returncode, done.stdout, done.stderr),
                             (0, "no pass: native code does what the interpreter does\n", ""))

    def test_bisecting_takes_no_engine(self):
        self.assertEqual(skep("run", FIREWALL, "--pcap", DNS, "--bisect-passes", "--engine", "jit").returncode, 2)


class Json(unittest.TestCase):
    def test_summary_has_the_documented_members(self):
        done = skep("run", FIREWALL, "--pcap", DNS, "--json")
        self.assertEqual((done.returncode, done.stdout.count("\n")), (0, 1))
        summary = json.loads(done.stdout)
        self.assertEqual(list(summary), ["object", "program", "section", "type", "verdict", "engine", "native_bytes", "packets", "runs",
                                         "ns_per_run", "verdicts", "traps", "cut_packets", "trace", "events", "maps"])
        self.assertEqual((summary["program"], summary["section"], summary["type"]), ("firewall", "xdp", "xdp"))
        self.assertEqual((summary["packets"], summary["verdicts"]), (18, {"XDP_PASS": 18}))

    def test_each_has_one_line_a_run(self):
        lines, _ = run_json(FIREWALL, "--pcap", DNS, "--repeat", 2)
        self.assertEqual([(line["packet"], line["repetition"]) for line in lines], [(n // 2 + 1, n % 2) for n in range(36)])
        for line in lines:
            self.assertEqual((line["r0"], line["verdict"], line["length_out"]), (2, "XDP_PASS", line["length_in"]))
            self.assertGreaterEqual(line["ns"], 0)

    def test_cut_packets_are_counted(self):
        _, summary = run_json(FIREWALL, "--pcap", CAPTURES / "snaplen96.pcap")
        self.assertEqual((summary["packets"], summary["cut_packets"]), (49, 15))

    def test_no_maps(self):
        done = skep("run", FIREWALL, "--pcap", DNS, "--json", "--no-maps")
        self.assertNotIn("maps", json.loads(done.stdout))


class Input(unittest.TestCase):
    def test_capture_from_standard_input(self):
        with DNS.open("rb") as capture:
            done = subprocess.run([str(SKEP), "run", str(FIREWALL), "--pcap", "-", "--json"], stdin=capture, capture_output=True, check=True)
        self.assertEqual(json.loads(done.stdout)["packets"], 18)

    def test_one_packet_as_hex_or_file(self):
        frame = "ffffffffffff 020000000001 0806" + "00" * 28
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "frame"
            path.write_bytes(bytes.fromhex(frame))
            for data in (frame, f"@{path}"):
                lines, summary = run_json(FIREWALL, "--data", data)
                self.assertEqual((len(lines), lines[0]["length_in"], summary["verdicts"]), (1, 42, {"XDP_PASS": 1}))

    def test_bytecode_of_no_type_runs_in_checked_memory(self):
        # r0 = *(u8 *)(r1 + 1); exit, and the same with an offset that lies outside
        for offset, data, code in ((1, "0a0b0c0d", 0), (4, "0a0b0c0d", 1), (-1, "0a0b0c0d", 1)):
            with self.subTest(offset=offset), tempfile.TemporaryDirectory() as folder:
                path = pathlib.Path(folder) / "load.bin"
                path.write_bytes(b"\x71\x10" + offset.to_bytes(2, "little", signed=True) + bytes(4) + b"\x95" + bytes(7))
                done = skep("run", path, "--data", data, "--each")
                first = json.loads(done.stdout.splitlines()[0])
                self.assertEqual(done.returncode, code, done.stderr)
                self.assertEqual(first.get("r0", first.get("trap")), 0x0B if code == 0 else "memory")

    def test_bytecode_with_a_type_is_verified(self):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "load.bin"
            path.write_bytes(b"\xb7\x00\x00\x00\x02\x00\x00\x00" + b"\x95" + bytes(7))  # r0 = 2; exit
            _, summary = run_json(path, "--type", "xdp", "--pcap", DNS)
            self.assertEqual((summary["verdict"], summary["verdicts"]), ("accept", {"XDP_PASS": 18}))
            path.write_bytes(b"\x95" + bytes(7))  # exit
            done = skep("run", path, "--type", "xdp", "--pcap", DNS)
            self.assertEqual(done.returncode, 1)
            self.assertIn("R0 !read_ok", done.stdout)
            done = skep("run", path, "--type", "xdp", "--pcap", DNS, "--json")
            self.assertEqual((done.returncode, json.loads(done.stdout)["verdict"]), (1, "reject"))

    def test_where_a_run_ended_is_said_by_the_interpreter(self):
        for engine, where in (("interpreter", "(instruction "), ("jit", "(--engine interpreter says where)")):
            with self.subTest(engine):
                done = skep("run", FIREWALL, "--pcap", DNS, "--budget", 5, "--engine", engine)
                self.assertIn("the instruction budget was used up " + where, done.stdout)
                each = skep("run", FIREWALL, "--pcap", DNS, "--budget", 5, "--engine", engine, "--each").stdout
                self.assertEqual("insn" in json.loads(each.splitlines()[0]), engine == "interpreter")

    def test_budget_ends_a_run(self):
        done = skep("run", FIREWALL, "--pcap", DNS, "--budget", 5, "--json")
        summary = json.loads(done.stdout)
        self.assertEqual((done.returncode, summary["traps"], summary["engine"]), (1, {"budget": 18}, "jit"))


class WrongInput(unittest.TestCase):
    """(arguments, exit code, words that standard error must have); """

    USAGE, BAD_INPUT, SYSTEM = 2, 3, 4
    CASES = [
        (["nothing.o"], BAD_INPUT, ["nothing.o", "No such file"]),
        ([SOURCE], BAD_INPUT, [SOURCE, "Is a directory"]),
        ([DNS], BAD_INPUT, ["dns.pcap", "multiple of 8"]),
        ([SYSCALLS], BAD_INPUT, ["2 programs", "on_enter", "on_exit"]),
        ([SYSCALLS, "nope"], BAD_INPUT, ["no program nope", "on_enter", "on_exit"]),
        ([FIREWALL], BAD_INPUT, ["firewall", "xdp", "--pcap"]),
        ([FIREWALL, "--pcap", "nothing.pcap"], BAD_INPUT, ["nothing.pcap", "No such file"]),
        ([FIREWALL, "--pcap", FIREWALL], BAD_INPUT, ["firewall.bpf.o", "expected a capture in pcap or pcapng"]),
        ([SYSCALLS, "on_exit", "--pcap", DNS], BAD_INPUT, ["on_exit", "tracepoint", "--ctx"]),
        ([SYSCALLS, "on_exit", "--ctx", "0x1"], BAD_INPUT, ["--ctx", "hexadecimal"]),
        ([SYSCALLS, "on_exit", "--ctx", "@nothing"], BAD_INPUT, ["nothing", "No such file"]),
        ([SYSCALLS, "on_exit", "--ctx", "00" * 9000], BAD_INPUT, ["9000 bytes", "8192"]),
        ([FIREWALL, "--data", "zz"], BAD_INPUT, ["--data", "hexadecimal"]),
        ([FIREWALL, "--pcap", DNS, "--data", "00"], USAGE, ["--pcap", "--data"]),
        ([FIREWALL, "--pcap", DNS, "--engine", "turbo"], USAGE, ["--engine", "turbo"]),
        ([FIREWALL, "--pcap", DNS, "--repeat", "0"], USAGE, ["--repeat"]),
        ([FIREWALL, "--pcap", DNS, "--repeat", "-1"], USAGE, ["--repeat", "-1"]),
        ([FIREWALL, "--pcap", DNS, "--repeat", "9" * 23], USAGE, ["--repeat", "9" * 23]),
        ([FIREWALL, "--pcap", DNS, "--budget", "-5"], USAGE, ["--budget", "-5"]),
        ([FIREWALL, "--pcap", DNS, "--events", "-1"], USAGE, ["--events", "-1"]),
        ([FIREWALL, "--pcap", DNS, "--type", "magic"], USAGE, ["magic", "xdp"]),
        ([FIREWALL, "--pcap", DNS, "--event", "x"], USAGE, ["--event", "MAP=STRUCT"]),
        ([FLOWS, "--pcap", DNS, "--event", "nope=event"], BAD_INPUT, ["--event nope=event", "no map nope", "events"]),
        ([FLOWS, "--pcap", DNS, "--event", "events=nope"], BAD_INPUT, ["--event events=nope", "no such structure"]),
        ([], USAGE, ["object"]),
        ([FIREWALL, "--pcap", DNS, "--map", "hits"], BAD_INPUT, ["hits", "NAME[KEY]=VALUE"]),
        ([FIREWALL, "--pcap", DNS, "--map", "nope[0]=1"], BAD_INPUT, ["no map nope", "hits", "port_rules"]),
        ([FIREWALL, "--pcap", DNS, "--map", "@nothing"], BAD_INPUT, ["nothing", "No such file"]),
        ([FIREWALL, "--pcap", DNS, "--map", "hits[64]={}"], BAD_INPUT, ["hits[64]", "refuses"]),
        ([FIREWALL, "--pcap", DNS, "--map", "hits[x]={}"], BAD_INPUT, ["hits", "key", "number of 32 bits"]),
        ([FIREWALL, "--pcap", DNS, "--map", 'hits[0]={"packet": 1}'], BAD_INPUT, ["no member packet", "packets, bytes"]),
        ([FIREWALL, "--pcap", DNS, "--map", 'hits[0]={"packets": "many"}'], BAD_INPUT, ["value.packets", "many", "64 bits"]),
        ([FIREWALL, "--pcap", DNS, "--map", 'port_rules[{"port": 70000}]={}'], BAD_INPUT, ["port", "70000", "16 bits"]),
        ([FIREWALL, "--pcap", DNS, "--map", 'port_rules[{"port": 7}]={"action": "kJump"}'], BAD_INPUT, ["kJump", "kDrop, kPass"]),
        ([FIREWALL, "--pcap", DNS, "--map", 'port_rules[{]={}'], BAD_INPUT, ["not valid JSON"]),
        ([FIREWALL, "--pcap", DNS, "--write", "/nowhere/out.pcap"], SYSTEM, ["/nowhere/out.pcap", "No such file"]),
        ([FIREWALL, "--write", "out.pcap"], USAGE, ["--write", "--pcap"]),
    ]

    def test_table(self):
        for arguments, code, words in self.CASES:
            with self.subTest(" ".join(map(str, arguments))[:120]), tempfile.TemporaryDirectory() as folder:
                done = skep("run", *arguments, cwd=folder)
                self.assertEqual(done.returncode, code, done.stderr)
                self.assertEqual(done.stdout, "")
                for word in words:
                    self.assertIn(str(word), done.stderr)
                self.assertEqual(list(pathlib.Path(folder).iterdir()), [])

    def test_damaged_captures(self):
        whole = DNS.read_bytes()
        cases = {
            "empty": (b"", ["pcap or pcapng"]),
            "header only": (whole[:10], ["pcap or pcapng"]),
            "cut within a packet": (whole[:-5], ["packet 18"]),
            "not Ethernet": (whole[:20] + bytes([101, 0, 0, 0]) + whole[24:], ["RAW", "only Ethernet"]),
        }
        for name, (contents, words) in cases.items():
            with self.subTest(name), tempfile.TemporaryDirectory() as folder:
                path = pathlib.Path(folder) / "damaged.pcap"
                path.write_bytes(contents)
                out = pathlib.Path(folder) / "out.pcap"
                done = skep("run", FIREWALL, "--pcap", path, "--write", out)
                self.assertEqual((done.returncode, done.stdout), (3, ""))
                for word in ["damaged.pcap", *words]:
                    self.assertIn(word, done.stderr)
                self.assertEqual([one.name for one in pathlib.Path(folder).iterdir()], ["damaged.pcap"], "nothing half-written stays")

    def test_error_in_a_file_of_maps_names_its_line(self):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "rules"
            path.write_text("# comment\n\nhits[0]={}\nhits[1]=?\n")
            done = skep("run", FIREWALL, "--pcap", DNS, "--map", f"@{path}")
            self.assertEqual(done.returncode, 3)
            self.assertIn(f"{path}:4: hits: value:", done.stderr)


class Write(unittest.TestCase):
    def test_tcpdump_reads_what_was_written(self):
        with tempfile.TemporaryDirectory() as folder:
            out = pathlib.Path(folder) / "out.pcap"
            done = skep("run", FIREWALL, "--pcap", DNS, "--map", RULES, "--write", out)
            self.assertEqual(done.returncode, 0, done.stderr)
            listing = subprocess.run(["tcpdump", "-n", "-r", str(out)], check=True, capture_output=True, text=True).stdout
        self.assertEqual(len(listing.splitlines()), 8)
        self.assertNotIn(".53:", listing)
        self.assertIn("udp port 5353 unreachable", listing)

    def test_full_disk_is_reported(self):
        if not os.path.exists("/dev/full"):
            self.skipTest("no /dev/full here")
        done = skep("run", FIREWALL, "--pcap", DNS, "--write", "/dev/full")
        self.assertEqual(done.returncode, 4)
        self.assertIn("/dev/full: cannot write: No space left on device", done.stderr)

    def test_full_standard_output_is_reported(self):
        if not os.path.exists("/dev/full"):
            self.skipTest("no /dev/full here")
        with open("/dev/full", "w") as full:
            done = subprocess.run([str(SKEP), "run", str(FIREWALL), "--pcap", str(DNS)], stdout=full, stderr=subprocess.PIPE, text=True)
        self.assertEqual(done.returncode, 4)
        self.assertIn("standard output", done.stderr)

    def test_existing_file_is_replaced_as_a_whole(self):
        with tempfile.TemporaryDirectory() as folder:
            out = pathlib.Path(folder) / "out.pcap"
            out.write_text("old")
            skep("run", SYSCALLS, "nope", "--write", out)
            self.assertEqual(out.read_text(), "old")
            skep("run", FIREWALL, "--pcap", DNS, "--write", out)
            self.assertEqual(out.read_bytes()[:4], bytes.fromhex("4d3cb2a1"))
            self.assertEqual([path.name for path in pathlib.Path(folder).iterdir()], ["out.pcap"])


if __name__ == "__main__":
    main()
