#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What the subcommands say to files and folders that are not what they should be and to a full disk, what `skep verify` says beside
the kernel, and with which exit codes.
"""
import ctypes
import json
import os
import pathlib
import shutil
import struct
import subprocess
import tempfile
import unittest

from skep_command import CAPTURES, OBJECTS, SKEP, main, skep

OK, NEGATIVE, USAGE, BAD_INPUT, SYSTEM = range(5)
ACCEPTED = OBJECTS / "firewall.bpf.o"
PACKET = ("--pcap", CAPTURES / "dns.pcap")
NOBODY = 65534
READERS = ("verify", "run", "jit", "disasm", "dump")

LICENSE = 'char _license[] __attribute__((section("license"))) = "GPL";\n'
SOURCES = {
    "none": LICENSE,
    # What this kernel does not have keeps one program from being loaded.
    "half": LICENSE
    + """extern int no_such_function(int) __attribute__((section(".ksyms")));
__attribute__((section("xdp/bad"))) int bad(void *context) { return no_such_function(1); }
__attribute__((section("xdp/good"))) int good(void *context) { return 2; }
""",
    "rejected": LICENSE + '__attribute__((section("xdp"))) int rejected(int *context) { return context[99]; }\n',
    # The kernel refuses the length 12 for one number, and does not say so.
    "silent": LICENSE
    + """struct __sk_buff { unsigned len; };
static const char format[] = "%d";
static long (*print)(char *to, unsigned size, const char *format, const void *data, unsigned length) = (void *)165;
__attribute__((section("tc"))) int silent(struct __sk_buff *context) {
  unsigned long long data[2] = {1, 2};
  char to[8];
  return print(to, sizeof(to), format, data, 12);
}
""",
    # Looks into a map that a lookup gave.
    "nested": LICENSE
    + """
struct inner { int (*type)[2]; int (*max_entries)[1]; int *key; int *value; };
struct { int (*type)[12]; int (*max_entries)[1]; int *key; struct inner *values[]; } outer __attribute__((section(".maps")));
static void *(*lookup)(void *map, const void *key) = (void *)1;
__attribute__((section("xdp"))) int nested(void *context) {
  int zero = 0;
  void **map = lookup(&outer, &zero);
  return map && map[0] ? 1 : 2;
}
""",
}


class Case(unittest.TestCase):
    """With a folder of files to be used as `self.path(NAME)`."""

    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp())
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        clang = shutil.which("clang-14") or shutil.which("clang")
        for name, text in SOURCES.items():
            subprocess.run([clang, "-target", "bpf", "-g", "-O2", "-x", "c", "-c", "-", "-o", cls.folder / f"{name}.o"], input=text, text=True, check=True)
        (cls.folder / "words.txt").write_text("no object\nnot at all\n   ")  # As long as three instructions.
        (cls.folder / "hex.txt").write_text("b700000002000000 9500000000000000")
        (cls.folder / "empty").touch()
        (cls.folder / "loop").symlink_to("loop")
        with open(cls.folder / "huge", "wb") as file:
            file.truncate(8 << 30)

    def path(self, name):
        return self.folder / name

    def check(self, arguments, code, words, **options):
        with self.subTest(" ".join(map(str, arguments))[:160]):
            done = skep(*arguments, **options)
            text = (done.stdout or "") + done.stderr
            self.assertEqual(done.returncode, code, text)
            for word in words:
                self.assertIn(str(word), text)
            return text


class Input(Case):
    def test_every_reader_names_the_file_once_and_says_why(self):
        for command in READERS:
            for name, why in (("nothing.o", "cannot open: No such file"), ("loop", "cannot open: Too many levels"), ("x" * 300, "cannot open: File name too long"),
                              ("huge", "more than 256 MiB")):
                text = self.check([command, self.path(name)], BAD_INPUT, [why])
                self.assertEqual(text.count(name), 1, text)
            if command != "dump":
                self.check([command, self.path("none.o")], BAD_INPUT, ["none.o: ", "no program"])
                self.check([command, self.path("empty")], BAD_INPUT, ["empty: ", "the file is empty"])
        self.check(["jit", f"{self.path('x' * 300)}:program"], BAD_INPUT, ["cannot open: File name too long"])

    def test_a_device_ends(self):
        for command in READERS:
            self.check([command, "/dev/zero"], BAD_INPUT, ["/dev/zero: ", "more than 256 MiB"])

    def test_bytecode_needs_a_type_to_be_judged(self):
        for name in ("words.txt", "hex.txt"):
            self.check(["verify", self.path(name)], BAD_INPUT, [f"{name}: error: no ELF object", "--type"])
        self.check(["verify", self.path("words.txt"), "--type", "xdp"], NEGATIVE, ["main rejected"])

    def test_bytecode_may_be_hexadecimal_everywhere(self):
        self.check(["verify", self.path("hex.txt"), "--type", "xdp"], OK, ["main accepted"])
        self.check(["run", self.path("hex.txt")], OK, ["2"])
        self.check(["jit", self.path("hex.txt")], OK, ["2 instructions"])
        self.check(["disasm", self.path("hex.txt")], OK, ["r0 = 2"])

    def test_a_type_is_an_option_of_few_values(self):
        for command in ("verify", "run", "jit"):
            self.check([command, ACCEPTED, "--type", "magic"], USAGE, ["--type", '"magic"', "sched_cls"])

    def test_what_cannot_be_loaded_leaves_the_rest(self):
        self.check(["jit", self.path("half.o")], BAD_INPUT, ["half.o: bad: ", "no_such_function", "good (xdp): 2 instructions"])
        self.check(["verify", self.path("half.o")], BAD_INPUT, ["half.o: bad: error: ", "good accepted"])

    def test_a_map_out_of_a_map_has_the_kernel_s_structure(self):
        if not os.access("/sys/kernel/btf/vmlinux", os.R_OK):
            self.skipTest("this kernel publishes no types")
        self.check(["verify", self.path("nested.o")], OK, ["nested accepted"])


class Kernel(Case):
    """--btf and --kconfig are read once, and an error in them is no error in objects."""

    def test_named_files_must_be_what_they_should_be(self):
        words = self.path("words.txt")
        for option, why in (("--btf", "magic"), ("--kconfig", "CONFIG_")):
            text = self.check(["verify", ACCEPTED, ACCEPTED, option, words], BAD_INPUT, ["skep: ", "words.txt: ", why])
            self.assertEqual(text.count("words.txt"), 1)
            for command in ("run", "jit", "disasm", "dump"):
                self.check([command, ACCEPTED, option, words], BAD_INPUT, ["words.txt: ", why])

    def test_a_configuration_that_cannot_be_read(self):
        if os.geteuid() != 0:
            self.skipTest("needs root, to become somebody else")
        closed = self.path("closed-config")
        closed.write_text("CONFIG_HZ=250\n")
        closed.chmod(0)
        with as_nobody(self.folder) as (command, folder):
            done = subprocess.run([command, "verify", folder / "rejected.o", "--kconfig", folder / closed.name], user=NOBODY, capture_output=True, text=True)
        self.assertEqual((done.returncode, done.stdout), (BAD_INPUT, ""))
        self.assertIn("closed-config: cannot open: Permission denied", done.stderr)


class as_nobody:
    """A copy of the command and of a folder that everybody may enter."""

    def __init__(self, folder):
        self.folder = folder

    def __enter__(self):
        self.copy = tempfile.TemporaryDirectory()
        root = pathlib.Path(self.copy.name)
        root.chmod(0o755)
        shutil.copy(SKEP, root / "skep")
        (root / "files").mkdir()
        for path in self.folder.iterdir():
            if path.is_file() and path.stat().st_size < 1 << 20:
                shutil.copy2(path, root / "files" / path.name)
        return root / "skep", root / "files"

    def __exit__(self, *_):
        self.copy.cleanup()


class Folders(Case):
    def test_pipes_are_no_objects(self):
        with tempfile.TemporaryDirectory() as folder:
            shutil.copy(ACCEPTED, folder)
            os.mkfifo(pathlib.Path(folder) / "pipe.o")
            self.check(["verify", folder], OK, ["firewall accepted"])

    def test_a_closed_folder_is_named_and_the_rest_is_judged(self):
        if os.geteuid() != 0:
            self.skipTest("needs root, to become somebody else")
        with as_nobody(self.folder) as (command, folder):
            closed = folder / "closed"
            closed.mkdir(mode=0)
            for path, words in ((folder, ["rejected.o: rejected rejected", "closed: error: cannot open: Permission denied"]),
                                (closed, ["closed: error: cannot open: Permission denied"])):
                done = subprocess.run([command, "verify", path], user=NOBODY, capture_output=True, text=True)
                self.assertEqual(done.returncode, BAD_INPUT, done.stderr)
                for word in words:
                    self.assertIn(word, done.stdout)


@unittest.skipUnless(os.path.exists("/dev/full"), "no /dev/full here")
class FullDisk(Case):
    def test_standard_output(self):
        cases = [["--help"], ["verify", ACCEPTED], ["verify", ACCEPTED, "--json"], ["verify", ACCEPTED, "--log-level", 2], ["verify", self.path("rejected.o")],
                 ["dump", ACCEPTED], ["dump", ACCEPTED, "--json"], ["disasm", ACCEPTED], ["jit", ACCEPTED], ["run", ACCEPTED, *PACKET],
                 ["verify", ACCEPTED, "--help"]]
        for arguments in cases:
            with open("/dev/full", "w") as full:
                self.check(arguments, SYSTEM, ["skep: standard output: cannot write"], stdout=full)

    def test_files(self):
        for arguments in (["asm", "-o", "/dev/full", "-"], ["run", ACCEPTED, *PACKET, "--coverage", "/dev/full"],
                          ["run", ACCEPTED, *PACKET, "--write", "/dev/full"], ["jit", ACCEPTED, "--elf", "/dev/full"]):
            self.check(arguments, SYSTEM, ["/dev/full: cannot write: No space left on device"], stdin="exit\n")


class Help(unittest.TestCase):
    def test_every_subcommand_has_the_exit_codes(self):
        for command in (*READERS, "asm", "conformance-plugin"):
            text = skep(command, "--help").stdout
            for word in ("Exit codes: 0 done", "A file named - is standard input or output."):
                self.assertEqual(text.count(word), 1, text)


def kill_who_creates_maps():
    """A seccomp filter that ends the thread at BPF_MAP_CREATE, as a kernel does that crashes while it verifies."""
    load, jump, give = 0x20, 0x15, 0x06
    number, first_argument, bpf = 0, 16, {"x86_64": 321, "aarch64": 280}[os.uname().machine]
    kill, allow = 0x00000000, 0x7FFF0000
    rows = [(load, 0, 0, number), (jump, 0, 3, bpf), (load, 0, 0, first_argument), (jump, 0, 1, 0), (give, 0, 0, kill), (give, 0, 0, allow)]
    code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *row) for row in rows))
    program = ctypes.create_string_buffer(struct.pack("HP", len(rows), ctypes.addressof(code)))
    libc, no_new_privileges, set_seccomp, filter_mode = ctypes.CDLL(None), 38, 22, 2
    assert libc.prctl(no_new_privileges, 1, 0, 0, 0) == 0 and libc.prctl(set_seccomp, filter_mode, program) == 0


class Compare(Case):
    def table(self, *rows):
        path = self.path("table.csv")
        path.write_text("object,program,verdict,error_line\n" + "".join(",".join(row) + "\n" for row in rows))
        return ["--compare-table", path]

    def test_exit_codes(self):
        same, other = ("firewall.bpf.o", "firewall", "accept", ""), ("firewall.bpf.o", "firewall", "reject", "no")
        missing = self.path("nothing.o")
        with tempfile.TemporaryDirectory() as folder:
            shutil.copy(ACCEPTED, folder)
            (pathlib.Path(folder) / "broken.o").write_text("no object")
            for rows, paths, code, words in (
                (same, [ACCEPTED], OK, ["1  agree"]),
                (other, [ACCEPTED], NEGATIVE, ["1  FALSE ACCEPTS"]),
                (same, [missing], BAD_INPUT, ["skep: ", "nothing.o: cannot open"]),
                (same, [ACCEPTED, missing], BAD_INPUT, ["1  agree", "nothing.o: cannot open"]),
                (other, [ACCEPTED, missing], NEGATIVE, ["1  FALSE ACCEPTS", "nothing.o: cannot open"]),
                (same, [folder], OK, ["1  agree", "1 not by skep"]),
            ):
                self.check(["verify", *paths, *self.table(rows)], code, words)
            (pathlib.Path(folder) / ACCEPTED.name).unlink()
            self.check(["verify", folder, *self.table(same)], BAD_INPUT, ["1 not by skep"])

    def test_rows_need_a_comparison(self):
        rows = self.path("rows.csv")
        self.check(["verify", ACCEPTED, "--csv", rows], USAGE, ["--csv", "--compare-kernel", "--compare-table"])
        self.assertFalse(rows.exists())

    def test_a_table_that_is_none(self):
        text = self.check(["verify", ACCEPTED, "--compare-table", self.path("words.txt")], BAD_INPUT, ["words.txt: no column 'object'"])
        self.assertEqual(text.count("words.txt"), 1)

    def ask(self, *arguments, **options):
        done = skep("verify", "--compare-kernel", *arguments, **options)
        if done.returncode == SYSTEM:
            self.skipTest(done.stderr)
        return done

    def test_a_rejection_without_a_word_is_one(self):
        row = json.loads(self.ask(self.path("silent.o"), "--json").stdout)
        self.assertEqual(row["kernel"]["verdict"], "reject", row)
        self.assertEqual(row["kernel"]["message"], "refused without a word: Invalid argument")

    def test_a_kernel_that_crashes_is_survived(self):
        self.ask(ACCEPTED)
        if os.environ.get("SKEP_SANITIZE") == "thread":
            self.skipTest("ThreadSanitizer waits for ever for a thread that ends without a word")
        # Under AddressSanitizer: what the killed thread had in hand is lost.
        environment = {**os.environ, "ASAN_OPTIONS": "detect_leaks=0"}
        done = self.ask(ACCEPTED, self.path("rejected.o"), preexec_fn=kill_who_creates_maps, env=environment)
        self.assertEqual(done.returncode, OK, done.stderr)
        self.assertIn("firewall.bpf.o: firewall: the kernel ended the thread that asked", done.stderr)
        self.assertRegex(done.stdout, r"1  agree .* 1 rejected by both(.|\n)*1  not judged")


if __name__ == "__main__":
    main()
