#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A DNS server for record-captures.sh: answers A and AAAA of *.example, NXDOMAIN for everything else.

usage: dns_server.py PORT
"""
import socket
import struct
import sys

ANSWERS = {1: bytes([192, 0, 2, 7]), 28: bytes.fromhex("20010db8000000000000000000000007")}


def question_end(message):
    at = 12
    while message[at]:
        at += message[at] + 1
    return at + 5


def reply(message):
    """The answer to a query with one question; its other records (EDNS) are dropped."""
    end = question_end(message)
    question = message[12:end]
    kind = struct.unpack("!H", question[-4:-2])[0]
    data = ANSWERS.get(kind) if question[:-5].lower().endswith(b"\x07example") else None
    flags, answers = (0x8580, 1) if data else (0x8583, 0)
    header = message[:2] + struct.pack("!5H", flags, 1, answers, 0, 0)
    record = b"\xc0\x0c" + struct.pack("!HHIH", kind, 1, 60, len(data)) + data if data else b""
    return header + question + record


def main():
    server = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    server.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    server.bind(("::", int(sys.argv[1])))
    while True:
        message, sender = server.recvfrom(4096)
        server.sendto(reply(message), sender)


if __name__ == "__main__":
    main()
