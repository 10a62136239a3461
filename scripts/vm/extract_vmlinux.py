#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Take the ELF kernel out of a bzImage, so that QEMU can start it directly (PVH).

Usage: extract_vmlinux.py BZIMAGE OUT
"""
import lzma
import struct
import subprocess
import sys


def main():
    image = open(sys.argv[1], 'rb').read()
    # Linux's Documentation/x86/boot.rst: setup_sects, payload_offset, payload_length.
    setup_sectors = image[0x1f1] or 4
    offset, length = struct.unpack_from('<II', image, 0x248)
    start = (setup_sectors + 1) * 512 + offset
    payload = image[start:start + length]
    if payload.startswith(b'\xfd7zXZ\0'):
        kernel = lzma.LZMADecompressor().decompress(payload)
    elif payload.startswith(b'\x28\xb5\x2f\xfd'):
        # The kernel's build appends the size.
        kernel = subprocess.run(['zstd', '-dc'], input=payload[:-4], check=True,
                                stdout=subprocess.PIPE).stdout
    else:
        sys.exit(f'{sys.argv[1]}: compressed with something unknown')
    if not kernel.startswith(b'\x7fELF'):
        sys.exit(f'{sys.argv[1]}: no ELF kernel inside')
    open(sys.argv[2], 'wb').write(kernel)


main()
