#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Objects that nobody here wrote: Debian's xdpfilt_*.o (package libxdp1), with rules as xdp-filter(8) describes them.

How the command xdp-filter fills the maps was read off the maps themselves (bpftool map dump after `xdp-filter port`, `ip`, `ether`):
the key of filter_ports is the port in network order in a u32, keys of the others are the addresses; values are bits: 1 source,
2 destination, 4 TCP, 8 UDP, and hits are counted above them.
"""
import pathlib
import unittest

from packets import TCP, UDP, Packet, read_capture
from skep_command import ALL_CAPTURES, CAPTURES, ENGINES, entries, main, run_json

FOLDER = next(iter(pathlib.Path("/usr/lib").glob("*-linux-gnu/bpf")), pathlib.Path("/usr/lib/bpf"))
SOURCE, DESTINATION, FOR_TCP, FOR_UDP = 1, 2, 4, 8
FEATURES = {"tcp": {"tcp"}, "udp": {"udp"}, "ip": {"ip"}, "eth": {"eth"}, "all": {"tcp", "udp", "ip", "eth"}}


class Rules:
    """What a user would have told xdp-filter."""

    def __init__(self, ports=(), addresses=(), macs=()):
        self.ports = dict(ports)  # port: bits
        self.addresses = dict(addresses)  # text: bits
        self.macs = dict(macs)

    def arguments(self, features):
        for port, bits in self.ports.items():
            if features & {"tcp", "udp"}:
                yield f"filter_ports[be16:{port}]={bits}"
        for address, bits in self.addresses.items():
            if "ip" in features:
                yield f"filter_ipv{6 if ':' in address else 4}[{address}]={bits}"
        for mac, bits in self.macs.items():
            if "eth" in features:
                yield f"filter_ethernet[{mac}]={bits}"

    def matches(self, packet, features):
        if "eth" in features and self.match(self.macs, packet.source_mac.hex(":"), packet.destination_mac.hex(":"), 0):
            return True
        if "ip" in features and packet.version:
            source, destination = (address_text(address) for address in (packet.source, packet.destination))
            if self.match(self.addresses, source, destination, 0):
                return True
        for name, protocol, bit in (("tcp", TCP, FOR_TCP), ("udp", UDP, FOR_UDP)):
            if name in features and packet.protocol == protocol and packet.source_port is not None:
                if self.match(self.ports, packet.source_port, packet.destination_port, bit):
                    return True
        return False

    @staticmethod
    def match(table, source, destination, needed):
        def hit(key, side):
            bits = table.get(key, 0)
            return bits & side and bits & needed == needed

        return bool(hit(source, SOURCE) or hit(destination, DESTINATION))


def address_text(address):
    import ipaddress

    return str(ipaddress.ip_address(address))


RULES = {
    "none": Rules(),
    "web": Rules(ports={80: DESTINATION | FOR_TCP, 8080: SOURCE | FOR_TCP | FOR_UDP}),
    "dns": Rules(ports={53: SOURCE | DESTINATION | FOR_UDP}),
    "server": Rules(addresses={"10.1.0.2": SOURCE, "fd00:1::2": SOURCE | DESTINATION}),
    "client": Rules(addresses={"10.1.0.1": DESTINATION, "10.100.0.1": SOURCE}, macs={"02:00:00:00:00:02": SOURCE}),
    "both": Rules(ports={80: 15}, addresses={"fd00:1::1": DESTINATION}, macs={"ff:ff:ff:ff:ff:ff": DESTINATION}),
}


@unittest.skipUnless((FOLDER / "xdpfilt_alw_all.o").exists(), f"no xdpfilt_*.o in {FOLDER} (package libxdp1)")
class XdpFilter(unittest.TestCase):
    """alw_*: drops what a rule matches. dny_*: drops what none does."""

    def check(self, policy, feature):
        path = FOLDER / f"xdpfilt_{policy}_{feature}.o"
        for capture in ALL_CAPTURES:
            packets = [Packet(frame) for frame, _ in read_capture(CAPTURES / capture)]
            for name, rules in RULES.items():
                maps = [text for argument in rules.arguments(FEATURES[feature]) for text in ("--map", argument)]
                matched = [rules.matches(packet, FEATURES[feature]) for packet in packets]
                want = ["XDP_DROP" if match == (policy == "alw") else "XDP_PASS" for match in matched]
                for engine in ENGINES:
                    with self.subTest(object=path.name, capture=capture, rules=name, engine=engine):
                        lines, summary = run_json(path, "--pcap", CAPTURES / capture, "--engine", engine, *maps)
                        self.assertEqual([line["verdict"] for line in lines], want)
                        stats = entries(summary, "xdp_stats_map")
                        self.assertEqual(sum(self.packets_of(row) for row in stats.values()), len(packets))

    @staticmethod
    def packets_of(row):
        """The first member is a nameless union of two names for the same count."""
        return row["packets"] if "packets" in row else row["rx_packets"]


def add_tests():
    for policy in ("alw", "dny"):
        for feature in FEATURES:
            setattr(XdpFilter, f"test_{policy}_{feature}", lambda self, p=policy, f=feature: self.check(p, f))


add_tests()
if __name__ == "__main__":
    main()
