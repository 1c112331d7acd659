#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A VLAN sub-interface in user space, for kernels built without CONFIG_VLAN_8021Q: makes the TAP device NAME and carries its
frames over INTERFACE with the tags TPID:VID, outermost first. Runs until killed.

usage: vlan_device.py NAME INTERFACE TPID:VID [TPID:VID]      e.g. vlan_device.py q200 eth0 88a8:200 8100:30
"""
import fcntl
import os
import select
import socket
import struct
import sys

TUNSETIFF, IFF_TAP, IFF_NO_PI = 0x400454CA, 0x0002, 0x1000
ETH_P_ALL, SOL_PACKET, PACKET_AUXDATA = 3, 263, 8
TP_STATUS_VLAN_VALID, TP_STATUS_VLAN_TPID_VALID = 1 << 4, 1 << 6
PACKET_OUTGOING = 4


def open_tap(name):
    tap = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(tap, TUNSETIFF, struct.pack("16sH22x", name.encode(), IFF_TAP | IFF_NO_PI))
    return tap


def open_wire(interface):
    wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
    wire.bind((interface, ETH_P_ALL))
    wire.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
    return wire


def receive(wire):
    """The frame as it was on the wire: the kernel hands the outer tag over beside the frame, not in it."""
    frame, ancillary, _, address = wire.recvmsg(65536, 256)
    if address[2] == PACKET_OUTGOING:
        return b""
    for level, kind, data in ancillary:
        if level == SOL_PACKET and kind == PACKET_AUXDATA:
            status, _, _, _, _, tci, tpid = struct.unpack("IIIHHHH", data)
            if status & TP_STATUS_VLAN_VALID:
                tpid = tpid if status & TP_STATUS_VLAN_TPID_VALID else 0x8100
                return frame[:12] + struct.pack("!HH", tpid, tci) + frame[12:]
    return frame


def main():
    name, interface = sys.argv[1:3]
    tags = b"".join(struct.pack("!HH", int(tpid, 16), int(vid)) for tpid, vid in (tag.split(":") for tag in sys.argv[3:]))
    tap, wire = open_tap(name), open_wire(interface)
    while True:
        for ready in select.select([tap, wire], [], [])[0]:
            if ready is tap:
                frame = os.read(tap, 65536)
                wire.send(frame[:12] + tags + frame[12:])
                continue
            frame = receive(wire)
            inner = frame[12 + len(tags):]
            if frame[12:12 + len(tags)] == tags and inner[:2] not in (b"\x81\x00", b"\x88\xa8"):
                os.write(tap, frame[:12] + inner)


if __name__ == "__main__":
    main()
