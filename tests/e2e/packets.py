# SPDX-License-Identifier: Apache-2.0
"""Captures and packets, read without skep and without libpcap: the second opinion of the end-to-end tests."""
import struct
import subprocess

TCP, UDP, ICMP, ICMPV6 = 6, 17, 1, 58
VLAN_TYPES = (0x8100, 0x88A8)


def read_capture(path):
    """[(frame, wire length)] of a pcap file; pcapng goes through tcpdump."""
    data = path.read_bytes()
    if data[:4] == b"\x0a\x0d\x0d\x0a":
        data = subprocess.run(["tcpdump", "-r", str(path), "-w", "-"], check=True, capture_output=True).stdout
    magic = struct.unpack_from("<I", data)[0]
    assert magic in (0xA1B2C3D4, 0xA1B23C4D), hex(magic)
    packets, at = [], 24
    while at < len(data):
        _, _, captured, length = struct.unpack_from("<4I", data, at)
        packets.append((data[at + 16:at + 16 + captured], length))
        at += 16 + captured
    return packets


class Packet:
    """One frame taken apart; what is not there is None."""

    def __init__(self, frame):
        self.frame = frame
        self.length = len(frame)
        self.destination_mac, self.source_mac = frame[0:6], frame[6:12]
        self.vlans = []
        at = 12
        kind = int.from_bytes(frame[at:at + 2], "big")
        while kind in VLAN_TYPES and len(self.vlans) < 2:
            self.vlans.append(int.from_bytes(frame[at + 2:at + 4], "big") & 0xFFF)
            at += 4
            kind = int.from_bytes(frame[at:at + 2], "big")
        self.ethertype = kind
        self.version = self.source = self.destination = self.protocol = None
        self.source_port = self.destination_port = self.tcp_flags = None
        self.network = at + 2
        self.fragment = False
        {0x0800: self.parse_ipv4, 0x86DD: self.parse_ipv6}.get(kind, lambda ip: None)(frame[at + 2:])

    def parse_ipv4(self, ip):
        if len(ip) < 20:
            return
        self.version, self.protocol = 4, ip[9]
        self.source, self.destination = ip[12:16], ip[16:20]
        self.fragment = int.from_bytes(ip[6:8], "big") & 0x1FFF != 0
        if not self.fragment:
            self.parse_transport(ip[(ip[0] & 15) * 4:])

    def parse_ipv6(self, ip):
        if len(ip) < 40:
            return
        self.version, self.protocol = 6, ip[6]
        self.source, self.destination = ip[8:24], ip[24:40]
        self.parse_transport(ip[40:])

    def parse_transport(self, data):
        if self.protocol not in (TCP, UDP) or len(data) < 4:
            return
        self.source_port, self.destination_port = struct.unpack("!HH", data[:4])
        if self.protocol == TCP and len(data) >= 20:
            self.tcp_flags = data[13]

    @property
    def vlan(self):
        return self.vlans[0] if self.vlans else 0
