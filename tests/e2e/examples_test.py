#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The example programs over every capture, on both engines: each verdict, mark and map against a model in Python."""
import collections
import json
import struct
import tempfile
import unittest
import pathlib

from packets import ICMP, ICMPV6, TCP, UDP, Packet, read_capture
from skep_command import ALL_CAPTURES, CAPTURES, ENGINES, OBJECTS, SOURCE, entries, main, run_json, skep

XDP_DROP, XDP_PASS = 1, 2


def packets_of(name):
    return [Packet(frame) for frame, _ in read_capture(CAPTURES / name)]


def per_capture(test):
    """Calls test(self, capture, engine) for each of them."""

    def run(self):
        for capture in ALL_CAPTURES:
            for engine in ENGINES:
                with self.subTest(capture=capture, engine=engine):
                    test(self, capture, engine)

    return run


class Firewall(unittest.TestCase):
    RULES = ("--map", f"@{SOURCE / 'examples' / 'firewall.rules'}")

    @staticmethod
    def rule(packet):
        """(rule number, verdict) as examples/firewall.rules says in words."""
        if packet.version == 4 and packet.source == bytes([10, 100, 0, 2]):
            return 4, XDP_DROP
        if packet.version == 4 and packet.source[:3] == bytes([10, 100, 0]):
            return 2, XDP_PASS
        if packet.version == 6 and packet.source[:8] == bytes.fromhex("fd00010000000000"):
            return 3, XDP_PASS
        ports = (packet.source_port, packet.destination_port)
        if packet.protocol == TCP and 8080 in ports:
            return 0, XDP_DROP
        if packet.protocol == UDP and 53 in ports:
            return 1, XDP_DROP
        return None, XDP_PASS

    @per_capture
    def test_verdicts_and_counters(self, capture, engine):
        packets = packets_of(capture)
        lines, summary = run_json(OBJECTS / "firewall.bpf.o", "--pcap", CAPTURES / capture, "--engine", engine, *self.RULES)
        want = [self.rule(packet) for packet in packets]
        self.assertEqual([line["r0"] for line in lines], [verdict for _, verdict in want])
        hits, totals = collections.Counter(), collections.Counter()
        for packet, (rule, verdict) in zip(packets, want):
            totals[verdict] += packet.length
            if rule is not None:
                hits[rule] += packet.length
        self.assertEqual({key: value["bytes"] for key, value in entries(summary, "hits").items()}, hits)
        self.assertEqual({key: value["bytes"] for key, value in entries(summary, "totals").items()}, totals)
        counts = collections.Counter("XDP_PASS" if verdict == XDP_PASS else "XDP_DROP" for _, verdict in want)
        self.assertEqual(summary["verdicts"], counts)
        self.assertEqual((summary["packets"], summary["runs"]), (len(packets), len(packets)))

    @per_capture
    def test_written_capture_holds_what_passed(self, capture, engine):
        with tempfile.TemporaryDirectory() as folder:
            out = pathlib.Path(folder) / "out.pcap"
            _, summary = run_json(OBJECTS / "firewall.bpf.o", "--pcap", CAPTURES / capture, "--engine", engine, *self.RULES, "--write", out)
            written = read_capture(out)
            self.assertEqual([path.name for path in pathlib.Path(folder).iterdir()], ["out.pcap"])
        want = [row for row in read_capture(CAPTURES / capture) if self.rule(Packet(row[0]))[1] == XDP_PASS]
        self.assertEqual(written, want)
        self.assertEqual(summary["written_packets"], len(want))

    def test_without_rules_everything_passes(self):
        _, summary = run_json(OBJECTS / "firewall.bpf.o", "--pcap", CAPTURES / "mixed.pcapng")
        self.assertEqual(summary["verdicts"], {"XDP_PASS": 133})

    def test_default_action_is_a_global_variable(self):
        _, summary = run_json(OBJECTS / "firewall.bpf.o", "--pcap", CAPTURES / "dns.pcap", "--map", '.data[0]={"default_action": "kDrop"}')
        self.assertEqual(summary["verdicts"], {"XDP_DROP": 18})

    def test_repeat_runs_each_packet_as_captured(self):
        _, summary = run_json(OBJECTS / "firewall.bpf.o", "--pcap", CAPTURES / "dns.pcap", "--repeat", 7)
        self.assertEqual((summary["packets"], summary["runs"], summary["verdicts"]), (18, 126, {"XDP_PASS": 126}))


class Flows(unittest.TestCase):
    @staticmethod
    def key(packet):
        return (packet.version, packet.source, packet.destination, packet.protocol, packet.source_port or 0, packet.destination_port or 0, packet.vlan)

    @per_capture
    def test_flows(self, capture, engine):
        packets = [packet for packet in packets_of(capture)]
        _, summary = run_json(OBJECTS / "flows.bpf.o", "--pcap", CAPTURES / capture, "--engine", engine, "--event", "events=event")
        flows = collections.Counter(self.key(packet) for packet in packets if packet.version)
        got = collections.Counter()
        for text, flow in entries(summary, "flows").items():
            key = json.loads(text)
            words = 1 if key["version"] == 4 else 4
            source, destination = (struct.pack(f"<{words}I", *key[name][:words]) for name in ("source", "destination"))
            got[(key["version"], source, destination, key["protocol"], key["source_port"], key["destination_port"], key["vlan"])] = flow["packets"]
        self.assertEqual(got, flows)
        self.assertEqual(summary["verdicts"], {"XDP_PASS": len(packets)})

        ended = {self.key(packet) for packet in packets if packet.tcp_flags and packet.tcp_flags & 5}
        first_packet_ends = {key for key in ended if next(p for p in packets if self.key(p) == key).tcp_flags & 5}
        events = next(row for row in summary["events"] if row["map"] == "events")
        self.assertEqual(events["count"], len(flows) + len(ended) - len(first_packet_ends))
        self.assertEqual(len(events["first"]), min(10, events["count"]))
        self.assertEqual(events["first"][0]["value"]["kind"], "kFlowBegins")


class Classify(unittest.TestCase):
    PRIORITY = {1: 7, 2: 5}

    @staticmethod
    def class_of(packet):
        if packet.ethertype == 0x0806 or packet.protocol in (ICMP, ICMPV6):
            return 1
        ports = (packet.source_port, packet.destination_port)
        if packet.protocol not in (TCP, UDP) or None in ports:
            return 0
        known = [{53: 2, 80: 3, 443: 3, 8080: 3}.get(port, 0) for port in reversed(ports)]
        return known[0] or known[1] or (4 if packet.protocol == TCP else 0)

    @per_capture
    def test_marks(self, capture, engine):
        packets = packets_of(capture)
        for tags in ((), ("--vlan-in-frame",)):
            lines, summary = run_json(OBJECTS / "classify.bpf.o", "--pcap", CAPTURES / capture, "--engine", engine, *tags)
            want = [packet.vlan << 8 | self.class_of(packet) for packet in packets]
            self.assertEqual([line["mark"] for line in lines], want)
            self.assertEqual([line["priority"] for line in lines], [self.PRIORITY.get(mark & 255, 0) for mark in want])
            self.assertEqual([line["length_out"] for line in lines], [packet.length for packet in packets])
            self.assertEqual(summary["verdicts"], {"TC_ACT_OK": len(packets)})
            tagged = sum(row["tagged"] for row in entries(summary, "classes").values())
            self.assertEqual(tagged, sum(bool(packet.vlans) for packet in packets))

    def test_closed_vlan(self):
        for engine in ENGINES:
            lines, _ = run_json(OBJECTS / "classify.bpf.o", "--pcap", CAPTURES / "vlan.pcap", "--engine", engine, "--map", "closed_vlans[100]=1")
            want = ["TC_ACT_SHOT" if packet.vlan == 100 else "TC_ACT_OK" for packet in packets_of("vlan.pcap")]
            self.assertEqual([line["verdict"] for line in lines], want)


class Accounting(unittest.TestCase):
    @per_capture
    def test_socket_filter(self, capture, engine):
        packets = packets_of(capture)
        lines, summary = run_json(OBJECTS / "accounting.bpf.o", "account_socket", "--pcap", CAPTURES / capture, "--engine", engine)
        # A packet socket sees the frame without its outer tag.
        seen = [packet for packet in packets if packet.version and len(packet.vlans) < 2]
        self.assertEqual(entries(summary, "protocols"), collections.Counter(packet.protocol for packet in seen))
        self.assertEqual([line["r0"] for line in lines], [54 if packet in seen and packet.protocol == TCP else 0 for packet in packets])

    @per_capture
    def test_cgroup_filter(self, capture, engine):
        packets = packets_of(capture)
        lines, summary = run_json(OBJECTS / "accounting.bpf.o", "account_cgroup", "--pcap", CAPTURES / capture, "--engine", engine)
        seen = [packet for packet in packets if packet.version and len(packet.vlans) < 2]
        self.assertEqual(entries(summary, "protocols"), collections.Counter(packet.protocol for packet in seen))
        want = ["drop" if packet.protocol == UDP and packet.destination_port == 5353 else "allow" for packet in packets]
        self.assertEqual([line["verdict"] for line in lines], want)

    def test_socket_filter_cuts_what_it_keeps(self):
        with tempfile.TemporaryDirectory() as folder:
            out = pathlib.Path(folder) / "out.pcap"
            run_json(OBJECTS / "accounting.bpf.o", "account_socket", "--pcap", CAPTURES / "http4.pcap", "--write", out)
            written = read_capture(out)
        want = [(frame[:54], length) for frame, length in read_capture(CAPTURES / "http4.pcap") if Packet(frame).protocol == TCP]
        self.assertEqual(written, want)


class Syscalls(unittest.TestCase):
    def run_syscalls(self, program, *words, **options):
        context = struct.pack(f"<{len(words)}q", *words).hex()
        extra = [text for name, value in options.items() for text in (f"--{name}", value)]
        return run_json(OBJECTS / "syscalls.bpf.o", program, "--ctx", context, *extra)

    def test_enter(self):
        for engine in ENGINES:
            lines, summary = self.run_syscalls("on_enter", 0, 59, 1, 2, 3, 4, 5, 6, engine=engine, repeat=3)
            self.assertEqual([line["r0"] for line in lines], [0, 0, 0])
            calls = entries(summary, "calls")
            self.assertEqual(list(calls), [59])
            self.assertEqual((calls[59]["entered"], calls[59]["failed"]), (3, 0))
            self.assertEqual(calls[59]["last_command"], "skep")

    def test_exit_traces_failures(self):
        for engine in ENGINES:
            _, summary = self.run_syscalls("on_exit", 0, 2, -13, engine=engine)
            self.assertEqual(summary["trace"], {"count": 1, "first": ["call 2 failed: -13"]})
            self.assertEqual(entries(summary, "calls")[2]["last_error"], -13)

    def test_success_leaves_no_trace(self):
        _, summary = self.run_syscalls("on_exit", 0, 2, 3)
        self.assertEqual((summary["trace"]["count"], entries(summary, "calls")), (0, {}))


class Histogram(unittest.TestCase):
    @per_capture
    def test_globals(self, capture, engine):
        packets = packets_of(capture)
        _, summary = run_json(OBJECTS / "histogram.bpf.o", "--pcap", CAPTURES / capture, "--engine", engine)
        sizes = collections.Counter(packet.length.bit_length() - 1 for packet in packets)
        looked_at = b"".join(packet.frame[:min(packet.length // 16 * 16, 96 * 16)] for packet in packets)
        bss = entries(summary, ".bss")[0]
        self.assertEqual(bss["sizes"], [sizes[n] for n in range(17)])
        self.assertEqual(bss["looked_at"], len(looked_at))
        self.assertEqual(bss["printable"], sum(0x20 <= byte < 0x7F for byte in looked_at))
        self.assertEqual(bss["largest"], max(packet.length for packet in packets))
        self.assertEqual(entries(summary, ".data")[0]["smallest"], min(packet.length for packet in packets))
        self.assertEqual(entries(summary, ".rodata")[0]["chunk_limit"], 96)


if __name__ == "__main__":
    main()
