#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""skep asm, disasm and conformance-plugin as a person or a script calls them.

usage: isa_commands_test.py SKEP SOURCE_DIR

The plugin is driven as the bpf_conformance project's runner drives it, over the files of tests/conformance/data and,
where they are found, that project's own, once per engine.
"""
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

SKEP, SOURCE = sys.argv[1], pathlib.Path(sys.argv[2])
UPSTREAM = pathlib.Path(os.environ.get("SKEP_CONFORMANCE_DIR", SOURCE / "../shared/conformance/bpf_conformance"))


def skep(*arguments, stdin=b""):
    done = subprocess.run([SKEP, *arguments], input=stdin, capture_output=True, check=False)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def sections(path):
    found, name = {}, None
    for line in path.read_text().splitlines():
        if line.startswith("-- "):
            name = line[3:]
            found[name] = ""
        elif name:
            found[name] += line.split("#")[0] + "\n"
    return found


class AsmAndDisasm(unittest.TestCase):
    def test_there_and_back(self):
        text = "r1 = 7\nif r1 s> 3 goto +1\nr2 = 1234605616436508552 ll\nexit\n"
        code, hexadecimal, _ = skep("asm", stdin=text.encode())
        self.assertEqual(code, 0)
        self.assertEqual(hexadecimal.splitlines()[0], "b7 01 00 00 07 00 00 00")
        self.assertEqual(skep("disasm", "--plain", stdin=hexadecimal.encode()), (0, text, ""))

    def test_listing_looks_as_llvm_objdump(self):
        code, text, _ = skep("disasm", stdin=b"1801000088776655 0000000044332211 9500000000000000")
        self.assertEqual(code, 0)
        self.assertEqual(
            text,
            "       0:\t18 01 00 00 88 77 66 55 00 00 00 00 44 33 22 11\tr1 = 1234605616436508552 ll\n"
            "       2:\t95 00 00 00 00 00 00 00\texit\n",
        )

    def test_syntaxes(self):
        _, program, _ = skep("asm", stdin=b"r1 = *(u32 *)(r2 + 4)\n")
        self.assertEqual(skep("disasm", "--plain", "--syntax", "mnemonic", stdin=program.encode())[1], "ldxw %r1, [%r2+4]\n")
        self.assertEqual(skep("disasm", "--plain", "--syntax", "kernel", stdin=program.encode())[1], "r1 = *(u32 *)(r2 +4)\n")

    def test_binary_file(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "program.bin")
            self.assertEqual(skep("asm", "-o", path, stdin=b"exit\n")[0], 0)
            self.assertEqual(pathlib.Path(path).read_bytes(), bytes.fromhex("9500000000000000"))
            self.assertEqual(skep("disasm", "--plain", path)[1], "exit\n")

    def test_mistakes_have_exit_codes_and_messages(self):
        code, out, err = skep("asm", stdin=b"r1 = 1\nr2 ! 3\n")
        self.assertEqual((code, out), (3, ""))
        self.assertIn("line 2, column 4: found '!'", err)
        self.assertEqual(skep("asm", "--syntax", "none")[0], 2)
        self.assertEqual(skep("disasm", "/nonexistent")[0], 3)
        code, _, err = skep("disasm", stdin=b"9500")
        self.assertEqual(code, 3)
        self.assertIn("expected a multiple of 8", err)


class Plugin(unittest.TestCase):
    def run_files(self, folder, engine):
        ran = 0
        for path in sorted(folder.glob("*.data")):
            parts = sections(path)
            if path.name == "callx.data" or "result" not in parts or "asm" not in parts:
                continue
            with self.subTest(path=path.name, engine=engine):
                code, program, err = skep("asm", "--syntax", "mnemonic", stdin=parts["asm"].encode())
                self.assertEqual(code, 0, err)
                memory = " ".join(parts.get("mem", "").split())
                code, out, err = skep("conformance-plugin", "--engine", engine, memory, stdin=program.encode())
                self.assertEqual(code, 0, err)
                self.assertEqual(int(out, 16), int(parts["result"].split()[0], 0))
            ran += 1
        return ran

    def test_own_files(self):
        for engine in ENGINES:
            self.assertGreater(self.run_files(SOURCE / "tests/conformance/data", engine), 40)

    def test_upstream_files(self):
        if not UPSTREAM.is_dir():
            self.skipTest(f"no bpf_conformance files in {UPSTREAM}: set SKEP_CONFORMANCE_DIR")
        for engine in ENGINES:
            self.assertEqual(self.run_files(UPSTREAM, engine), 312)

    def test_program_option_and_trap(self):
        self.assertEqual(skep("conformance-plugin", "--program", "b7000000ff000000 9500000000000000")[:2], (0, "ff\n"))
        self.assertEqual(skep("conformance-plugin", "00", stdin=b"7110010000000000 9500000000000000")[0], 1)
        self.assertEqual(skep("conformance-plugin", "0g", stdin=b"9500000000000000")[0], 3)


def engines():
    """The JIT too, where this host has one."""
    code, _, _ = skep("conformance-plugin", "--engine", "jit", "--program", "b7000000ff000000 9500000000000000")
    return ["interpreter", "jit"] if code == 0 else ["interpreter"]


ENGINES = engines()

if __name__ == "__main__":
    print("engines:", ", ".join(ENGINES))
    unittest.main(argv=sys.argv[:1])
