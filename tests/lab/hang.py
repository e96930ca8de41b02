#!/usr/bin/env python3
"""Hangs what a kubelet waits for.

  hang.py fuse FOLDER FLAG    a FUSE file system at FOLDER that answers nothing more once the file FLAG exists
  hang.py socket PATH         a Unix socket that takes connections and never answers
"""
import ctypes, os, socket, struct, sys


def fuse(folder, flag):
    os.makedirs(folder, exist_ok=True)
    device = os.open("/dev/fuse", os.O_RDWR)
    libc = ctypes.CDLL(None, use_errno=True)
    options = f"fd={device},rootmode=40000,user_id=0,group_id=0,allow_other".encode()
    if libc.mount(b"hang", folder.encode(), b"fuse", 0, options) != 0:
        sys.exit(os.strerror(ctypes.get_errno()))

    def attr():  # struct fuse_attr of an empty folder
        return struct.pack("<QQQQQQIIIIIIIIII", 1, 0, 0, 0, 0, 0, 0, 0, 0, 0o40755, 2, 0, 0, 0, 4096, 0)

    while True:
        request = os.read(device, 1 << 20)
        _, opcode, unique = struct.unpack_from("<IIQ", request)
        if os.path.exists(flag) and opcode != 26:
            continue
        error, body = 0, b""
        if opcode == 26:  # INIT: version 7.31, nothing special
            body = struct.pack("<IIIIHHIIHH8I", 7, 31, 65536, 0, 12, 9, 65536, 1, *bytes(10))
        elif opcode == 3:  # GETATTR, valid for no time at all
            body = struct.pack("<QII", 0, 0, 0) + attr()
        elif opcode in (27, 14):  # OPENDIR, OPEN
            body = struct.pack("<QII", 1, 0, 0)
        elif opcode == 17:  # STATFS
            body = struct.pack("<QQQQQIIII", 1 << 20, 1 << 19, 1 << 19, 1 << 16, 1 << 15, 4096, 255, 4096, 0) + bytes(24)
        elif opcode in (28, 44, 29, 25, 18):  # READDIR, READDIRPLUS, RELEASEDIR, FLUSH, RELEASE: an empty folder
            pass
        elif opcode in (2, 42):  # FORGET, BATCH_FORGET: no answer
            continue
        else:
            error = -2 if opcode == 1 else -38
        os.write(device, struct.pack("<IiQ", 16 + len(body), error, unique) + body)


def deaf(path):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    if os.path.exists(path):
        os.unlink(path)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen(64)
    kept = []
    while True:
        kept.append(listener.accept()[0])


if __name__ == "__main__":
    {"fuse": fuse, "socket": deaf}[sys.argv[1]](*sys.argv[2:])
