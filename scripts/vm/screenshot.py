#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Take a picture of a guest's screen once its program has ended, then let the guest go.

Usage: screenshot.py SOURCE SHARE-DIRECTORY OUT.ppm

SOURCE is QEMU's QMP socket, or the frame buffer file of the Xvfb that shows QEMU's window.
"""
import json
import socket
import struct
import sys
import time
from pathlib import Path


def ask_qemu(path, out):
    """QEMU writes the picture of the guest's screen itself."""
    with socket.socket(socket.AF_UNIX) as qmp:
        qmp.connect(path)
        lines = qmp.makefile('rw')

        def ask(command, **arguments):
            lines.write(json.dumps({'execute': command, 'arguments': arguments}) + '\n')
            lines.flush()
            while True:
                answer = json.loads(lines.readline())
                if 'error' in answer:
                    sys.exit(f'{command}: {answer["error"]["desc"]}')
                if 'return' in answer:
                    return

        lines.readline()
        ask('qmp_capabilities')
        ask('screendump', filename=out)


def convert_xwd(path, out):
    """XWDFile.h, version 7, of 32 bits a pixel: blue, green, red, nothing."""
    data = Path(path).read_bytes()
    header = struct.unpack_from('>25I', data)
    header_size, width, height, stride, colours = (header[0], header[4], header[5], header[12],
                                                   header[19])
    start = header_size + colours * 12
    rows = []
    for y in range(height):
        row = data[start + y * stride:start + y * stride + width * 4]
        rgb = bytearray(width * 3)
        rgb[0::3], rgb[1::3], rgb[2::3] = row[2::4], row[1::4], row[0::4]
        rows.append(bytes(rgb))
    Path(out).write_bytes(b'P6\n%d %d\n255\n' % (width, height) + b''.join(rows))


def main():
    source, share, out = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
    while not (share / 'status').exists():
        time.sleep(0.1)
    time.sleep(1)  # what was flushed last is on its way to the display
    if source.is_socket():
        ask_qemu(str(source), out)
    else:
        convert_xwd(source, out)
    (share / 'wait').unlink()


if __name__ == "__main__":
    main()
