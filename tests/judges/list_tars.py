"""Lists tars as Python's tarfile reads them, or as bsdtar's library does.

    list_tars.py tarfile|libarchive < TARS > LISTS

Each tar has its length before it, in 8 bytes, the lowest first. A list has a line for each member (type, size,
mode, uid, gid, name, target of a link, checksum of the content; names in hex), a line that begins with `!` if something is wrong, and ends
with a line `.`.
"""

import ctypes
import ctypes.util
import io
import locale
import os
import struct
import sys
import tarfile
import zlib

# No content above this is read, in bytes: what a sparse file says of its size need not be true. So do listtars.go
# and the test.
MAX_CONTENT = 1 << 20

TYPES = {
    tarfile.REGTYPE: "-",
    tarfile.AREGTYPE: "-",
    tarfile.CONTTYPE: "-",
    tarfile.GNUTYPE_SPARSE: "-",
    tarfile.LNKTYPE: "h",
    tarfile.SYMTYPE: "l",
    tarfile.CHRTYPE: "c",
    tarfile.BLKTYPE: "b",
    tarfile.DIRTYPE: "d",
    tarfile.FIFOTYPE: "p",
}


def members_of_tarfile(tar):
    with tarfile.open(fileobj=io.BytesIO(tar), mode="r:", encoding="utf-8") as opened:
        for member in opened:
            kind = TYPES.get(member.type, "?")
            link = os.fsencode(member.linkname)
            content = opened.extractfile(member).read() if kind == "-" and 0 < member.size <= MAX_CONTENT else b""
            yield kind, member.size, member.mode, member.uid, member.gid, os.fsencode(member.name), link, content


class Libarchive:
    """What `bsdtar --list` does, without starting it for each tar."""

    TYPES = {0o100000: "-", 0o120000: "l", 0o020000: "c", 0o060000: "b", 0o040000: "d", 0o010000: "p"}
    END, WARNING = 1, -20
    # The bits of a format's number that say which family it is of, and that of tars.
    FAMILY, TAR = 0xFF0000, 0x30000

    def __init__(self):
        # Names are in the locale's encoding.
        locale.setlocale(locale.LC_ALL, "C.UTF-8")
        library = ctypes.CDLL(ctypes.util.find_library("archive") or "libarchive.so.13")
        pointer, text, number = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int64
        for name, result, arguments in (
            ("read_new", pointer, []),
            ("read_support_filter_all", ctypes.c_int, [pointer]),
            ("read_support_format_all", ctypes.c_int, [pointer]),
            ("read_open_memory", ctypes.c_int, [pointer, text, ctypes.c_size_t]),
            ("read_next_header", ctypes.c_int, [pointer, ctypes.POINTER(pointer)]),
            ("read_data", ctypes.c_ssize_t, [pointer, pointer, ctypes.c_size_t]),
            ("read_free", ctypes.c_int, [pointer]),
            ("format", ctypes.c_int, [pointer]),
            ("error_string", text, [pointer]),
            ("entry_pathname", text, [pointer]),
            ("entry_hardlink", text, [pointer]),
            ("entry_symlink", text, [pointer]),
            ("entry_filetype", ctypes.c_uint, [pointer]),
            ("entry_perm", ctypes.c_uint, [pointer]),
            ("entry_size", number, [pointer]),
            ("entry_uid", number, [pointer]),
            ("entry_gid", number, [pointer]),
        ):
            function = getattr(library, "archive_" + name)
            function.restype, function.argtypes = result, arguments
            setattr(self, name, function)

    def content(self, archive, size):
        # Who unpacks gives a file its size, whatever hole is at its end.
        buffer = ctypes.create_string_buffer(size)
        filled = 0
        while filled < size:
            got = self.read_data(archive, ctypes.addressof(buffer) + filled, size - filled)
            if got < 0:
                raise ValueError(self.error_string(archive))
            if got == 0:
                break
            filled += got
        return buffer.raw

    def members(self, tar):
        archive = self.read_new()
        try:
            self.read_support_filter_all(archive)
            self.read_support_format_all(archive)
            if self.read_open_memory(archive, tar, len(tar)):
                raise ValueError(self.error_string(archive))
            entry = ctypes.c_void_p()
            while (status := self.read_next_header(archive, ctypes.byref(entry))) != self.END:
                if status < self.WARNING:
                    raise ValueError(self.error_string(archive))
                if self.format(archive) & self.FAMILY != self.TAR:
                    raise ValueError("no tar")
                hard_link = self.entry_hardlink(entry)
                kind = "h" if hard_link is not None else self.TYPES.get(self.entry_filetype(entry), "?")
                size = self.entry_size(entry)
                yield (
                    kind,
                    size,
                    self.entry_perm(entry),
                    self.entry_uid(entry),
                    self.entry_gid(entry),
                    self.entry_pathname(entry) or b"",
                    hard_link if hard_link is not None else self.entry_symlink(entry) or b"",
                    self.content(archive, size) if kind == "-" and 0 < size <= MAX_CONTENT else b"",
                )
        finally:
            self.read_free(archive)


def show(members, tar):
    lines = []
    try:
        for kind, size, mode, uid, gid, name, link, content in members(tar):
            sum = zlib.crc32(content)
            lines.append(f"{kind} {size} {mode & 0o7777:o} {uid} {gid} {name.hex()} {link.hex()} {sum}\n")
    except (tarfile.TarError, ValueError, OverflowError, OSError) as error:
        lines.append("!" + repr(error).replace("\n", " ") + "\n")
    return "".join(lines) + ".\n"


members = {"tarfile": lambda: members_of_tarfile, "libarchive": lambda: Libarchive().members}[sys.argv[1]]()
while head := sys.stdin.buffer.read(8):
    (length,) = struct.unpack("<Q", head)
    sys.stdout.write(show(members, sys.stdin.buffer.read(length)))
