#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Write the seeds of the fuzz targets: what well-behaved peers send.

Usage: make_corpus.py OUT    (OUT/<target>/<name>)
"""
import json
import struct
import sys
from pathlib import Path

RAM = 0x100000
RAM_SIZE = 0x400000
DATA = RAM + 0x100000
USER = 0x7F0000000000
RING = 0x1000


def virtqueue():
    def ring(heads, descriptors, table=(), features=3):
        out = struct.pack('<BH17H', features, len(heads), *(list(heads) + [0] * 17)[:17])
        for descriptor in (list(descriptors) + [(0, 0, 0, 0)] * 16)[:16]:
            out += struct.pack('<4H', *descriptor)
        for descriptor in table:
            out += struct.pack('<4H', *descriptor)
        return out

    yield 'empty', ring([], [])
    yield 'chain', ring([0], [(0x100, 32, 1, 1), (0x200, 64, 2, 0)])
    yield 'full', ring(range(16), [(0x100, 32, 0, 0)] * 16)
    yield 'indirect', ring([0, 1], [(0, 64, 4, 0), (0, 1024, 4, 0)],
                           [(0x1000 + i, 8, 1 if i < 3 else 2, i + 1) for i in range(4)])
    yield 'loop', ring([0], [(0x100, 32, 1, 1), (0x200, 64, 1, 0)])
    yield 'edge', ring([0], [(0x8030, 16, 0, 0)], features=0)


GPU = ['display_info', 'create_2d', 'unref', 'set_scanout', 'flush', 'transfer_2d', 'attach_backing',
       'detach_backing', 'capset_info', 'capset', 'edid', 'ctx_create', 'ctx_destroy', 'ctx_attach',
       'ctx_detach', 'create_3d', 'transfer_3d', 'submit', 'update_cursor', 'move_cursor',
       'create_blob', 'map_blob', 'unmap_blob']


def command(name, *words, fence=False, context=0, tail=b''):
    body = struct.pack(f'<{len(words)}I', *words) + tail
    return bytes([GPU.index(name), len(body), int(fence) | context << 2]) + body


def event(kind, argument):
    """kind as in fuzz_virtio_gpu.c; 24 is the first multiple of 8 past the commands."""
    return bytes([24 + kind, argument, 0])


def entries(*runs):
    return b''.join(struct.pack('<QII', addr, size, 0) for addr, size in runs)


def picture(resource_id, width, height):
    return (command('create_2d', resource_id, 2, width, height) +
            command('attach_backing', resource_id, 2,
                    tail=entries((DATA, 0x1000), (DATA + 0x2000, 0x10000))) +
            command('transfer_2d', 0, 0, width, height, 0, 0, resource_id, 0) +
            command('set_scanout', 0, 0, width, height, 0, resource_id) +
            command('flush', 0, 0, width, height, resource_id, 0))


def buffer(resource_id, size):
    return (command('create_3d', resource_id, 0, 64, 0, size, 1, 1, 1, 0, 0, 1 << 31, 0) +
            command('attach_backing', resource_id, 1, tail=entries((DATA, size))))


def virtio_gpu():
    context = command('ctx_create', 3, 0, context=1, tail=b'app'.ljust(64, b'\0'))
    submit = command('submit', 4, 0, context=1, fence=True, tail=b'SLC1')
    yield 'console', (command('display_info') + event(0, 1) + command('edid', 0, 0) + event(1, 0) +
                      picture(1, 64, 32) + command('transfer_2d', 3, 5, 8, 4, 0x514, 0, 1, 0) +
                      command('flush', 3, 5, 8, 4, 1, 0) + command('unref', 1, 0))
    yield 'scanouts', (picture(1, 64, 32) + command('set_scanout', 32, 0, 32, 32, 1, 1) +
                       command('flush', 0, 0, 64, 32, 1, 0) +
                       command('set_scanout', 0, 0, 0, 0, 0, 0) + command('detach_backing', 1, 0))
    yield 'cursor', (picture(1, 64, 64) + command('update_cursor', 0, 9, 9, 0, 1, 2, 3, 0) +
                     command('move_cursor', 0, 10, 9, 0, 1, 0, 0, 0) +
                     command('update_cursor', 0, 9, 9, 0, 0, 0, 0, 0))
    yield 'capset', command('capset_info', 0, 0) + command('capset', 16, 1)
    yield 'context', (context + buffer(2, 4096) + command('ctx_attach', 2, 0, context=1) + submit +
                      event(2, 255) + command('ctx_detach', 2, 0, context=1) +
                      command('unref', 2, 0) + command('ctx_destroy', context=1))
    yield 'slow', (event(5, 1) + context + buffer(2, 4096) +
                   command('ctx_attach', 2, 0, context=1) + submit + command('unref', 2, 0) +
                   event(3, 2 * 8) + buffer(3, 8192) + command('ctx_attach', 3, 0, context=1) +
                   command('detach_backing', 3, 0) + command('ctx_destroy', context=1) + event(4, 0))
    yield 'reset', context + buffer(2, 4096) + submit + event(5, 1) + event(7, 0) + context
    yield from blobs()
    yield 'display goes', command('display_info') + picture(1, 8, 8) + event(6, 0) + event(6, 1)


def blobs():
    """Blobs of the host (2) and of guest pages (1), in the window and out of it."""
    def host(resource_id, size):
        return command('create_blob', resource_id, 2, 1, 0, 0, 0, size, 0, context=1)

    context = command('ctx_create', 3, 0x10, context=1, tail=b'app'.ljust(64, b'\0'))
    begin = context + command('submit', 4, 0, context=1, tail=b'SLC1')
    attach = command('ctx_attach', 2, 0, context=1)
    guest = command('create_blob', 3, 1, 1, 2, 0, 0, 8192, 0,
                    tail=entries((DATA, 4096), (DATA + 8192, 4096)))
    yield 'blobs', (begin + host(2, 8192) + attach + command('map_blob', 2, 0, 4096, 0) +
                    command('unmap_blob', 2, 0) + command('map_blob', 2, 0, 0, 0) +
                    command('unref', 2, 0) + guest + command('ctx_attach', 3, 0, context=1) +
                    command('unref', 3, 0))
    yield 'slow blobs', (event(5, 1) + begin + host(2, 8192) + attach +
                         command('map_blob', 2, 0, 0, 0) + command('unmap_blob', 2, 0) +
                         host(3, 4096) + command('map_blob', 3, 0, 0, 0) + event(3, 2 * 8) +
                         command('map_blob', 3, 0, 0, 0) + command('map_blob', 2, 0, 4096, 0) +
                         command('unref', 2, 0) + command('ctx_destroy', context=1) + event(4, 0))


def message(request, payload=b'', fds=0, flags=1):
    return bytes([request, flags, fds, len(payload)]) + payload


def vhost_user():
    memory, kick, display = 1, 2, 3
    negotiate = (message(1) + message(15) + message(16, struct.pack('<Q', 0xffffffff)) +
                 message(17) + message(3) +
                 message(2, struct.pack('<Q', 1 << 32 | 1 << 30 | 1 << 29 | 2)))
    table = message(5, struct.pack('<II4Q', 1, 0, RAM, RAM_SIZE, USER, 0), memory)
    vring = (message(18, struct.pack('<II', 0, 1)) + message(8, struct.pack('<II', 0, 16)) +
             message(10, struct.pack('<II', 0, 0)) +
             message(9, struct.pack('<II4Q', 0, 0, USER + RING, USER + RING + 0x2000,
                                    USER + RING + 0x1000, 0)))
    start = vring + message(13, struct.pack('<Q', 0), kick) + message(12, struct.pack('<Q', 0), kick)
    ring = struct.pack('<QIHH', DATA, 24, 1, 1) + struct.pack('<QIHH', DATA + 4096, 512, 2, 0)
    avail = struct.pack('<HHH', 0, 1, 0).ljust(64, b'\0')
    guest = ring.ljust(960, b'\0') + avail
    yield 'negotiate', negotiate
    yield 'start', negotiate + table + start + guest
    yield 'slots', (negotiate + message(36) +
                    message(37, struct.pack('<Q4Q', 0, RAM, RAM_SIZE, USER, 0), memory) + start +
                    message(38, struct.pack('<Q4Q', 0, RAM, RAM_SIZE, USER, 0)) + guest)
    yield 'display', negotiate + message(33, b'', display) + table + start + guest
    yield 'config', (message(24, struct.pack('<III16s', 0, 16, 0, b'')) +
                     message(25, struct.pack('<III16s', 0, 16, 0, b'')))
    yield 'stop', (negotiate + table + start + message(11, struct.pack('<II', 0, 0)) +
                   message(34) + start + table + guest)
    yield 'ack', negotiate + message(999 & 255, b'', 0, 9) + table


def vfio_user():
    memory, eventfds = 1 * 2, 3 * 2 + 1
    registers, config, window = 0, 7, 2

    def write(region, offset, value, size):
        return message(10, struct.pack('<QII', offset, region, size) +
                       struct.pack('<Q', value)[:size], flags=0)

    def read(region, offset, size):
        return message(9, struct.pack('<QII', offset, region, size), flags=0)

    def dma_map(address, size, flags=3, fds=memory):
        return message(2, struct.pack('<IIQQQ', 32, flags, 0, address, size), fds, 0)

    def dma_unmap(address, size, flags=0):
        return message(3, struct.pack('<IIQQ', 24, flags, address, size), 0, 0)

    def region(index, room):
        return message(5, struct.pack('<IIIIQQ', room, 0, index, 0, 0, 0), 0, 0)

    begin = b'\0'
    ask = (message(4, bytes(16), flags=0) + region(0, 32) + region(2, 32) + region(2, 64) +
           region(7, 32) + message(7, struct.pack('<4I', 16, 0, 2, 0), flags=0) + read(config, 0, 64))
    table = dma_map(RAM, RAM_SIZE)
    irqs = message(8, struct.pack('<5I', 20, 0x24, 2, 0, 3), eventfds, 0)
    features = b''.join(write(registers, 8, i, 4) + write(registers, 12, value, 4)
                        for i, value in enumerate((0x1a | 1 << 29, 1)))
    queue = (write(registers, 22, 0, 2) + write(registers, 26, 1, 2) + write(registers, 24, 16, 2) +
             write(registers, 32, RAM + RING, 8) + write(registers, 40, RAM + RING + 0x1000, 8) +
             write(registers, 48, RAM + RING + 0x2000, 8) + write(registers, 28, 1, 2))
    driver = (write(config, 4, 6, 2) + write(registers, 20, 3, 1) + features +
              write(registers, 20, 11, 1) + queue + write(registers, 20, 15, 1))
    kick = write(registers, 0x3000, 0, 2)
    ring = struct.pack('<QIHH', DATA, 24, 1, 1) + struct.pack('<QIHH', DATA + 4096, 512, 2, 0)
    avail = struct.pack('<HHH', 0, 1, 0).ljust(64, b'\0')
    guest = ring.ljust(960, b'\0') + avail
    yield 'ask', begin + ask
    yield 'start', begin + table + irqs + driver + kick + read(registers, 0x1000, 1) + guest
    yield 'reset', (begin + table + irqs + driver + kick + message(13, flags=0) + driver + kick +
                    write(registers, 20, 0, 1) + guest)
    yield 'memory moves', (begin + table + driver + dma_unmap(RAM, RAM_SIZE) + kick + table +
                           dma_map(RAM, 4096) + dma_map(0, 4096, 1) + dma_unmap(0, 0, 2) + guest)
    yield 'window', begin + write(window, 0, 5, 8) + read(window, 0xfffc, 4) + read(window, 0xfffd, 4)
    yield 'without bars', (begin + write(config, 0x84, 0, 1) +
                           b''.join(write(config, at, 4, 4) for at in range(0x40, 0x100, 4)) +
                           b''.join(read(config, at, 4) for at in range(0x40, 0x100, 4)))
    yield 'interrupts', (begin + irqs + message(8, struct.pack('<5I', 20, 0x21, 2, 0, 0), 0, 0) +
                         message(8, struct.pack('<5I3B', 23, 0x22, 2, 0, 3, 1, 0, 1), 0, 0) +
                         read(1, 0x800, 8))
    yield 'no version', b'\x0f' + message(4, bytes(16), flags=0)


def display():
    """Steps as in fuzz_display.c."""
    features, info, edid = (bytes([0, which]) for which in range(3))
    drain, negotiate = bytes([5, 0]), features + b'\x01' + bytes(7)
    ask_info, ask_edid = bytes([3, 128]), bytes([3, 0])
    mode = struct.pack('<6I', 0, 0, 640, 480, 1, 0)
    yield 'answers', (negotiate + ask_info + drain + info + mode.ljust(64, b'\0') + ask_edid +
                      drain + edid + struct.pack('<II', 256, 0).ljust(64, b'\0'))
    yield 'pictures', negotiate + bytes([4, 0]) + drain + bytes([4, 35]) + drain + bytes([4, 16])
    yield 'huge', negotiate + ask_info + bytes([1, 30, 255]) + drain
    yield 'late', negotiate + edid + bytes(64) + ask_edid + info + bytes(64) + drain
    yield 'pieces', negotiate + ask_info + bytes([2, 4]) + struct.pack('<I', 4) + bytes([2, 5, 4, 0])
    yield 'gone', ask_info + bytes([4, 0, 6, 1]) + ask_edid + bytes([4, 1])


def connector():
    """Packets as in fuzz_connector.c: length, descriptors, bytes."""
    def packet(error, to_gl=0, fds=0):
        return bytes([8, fds]) + struct.pack('<II', error, to_gl)

    yield 'requests', packet(0) * 2 + packet(0, 1)
    yield 'answers', packet(0, fds=1) + packet(2)
    yield 'strange', packet(0xffffffff) + bytes([3, 1, 1, 2, 3, 0, 0]) + packet(0, fds=16)
    yield 'long', bytes([64, 2]) + bytes(64) + packet(0)


def sluice_backend():
    def step(*numbers):
        return bytes(numbers).ljust(8, b'\0')

    hello = (step(0, 0) + b''.join(step(2, 0, i, i) + step(3, 0, i) for i in (1, 2, 3)) +
             step(6, 0, 1, 1, 2, 3, 0, 1))
    welcome = step(8, 0, 0, 0, 1)
    region = step(2, 0, 4, 0) + step(3, 0, 4) + step(6, 0, 2, 4, 0, 0, 5, 0)
    wait = step(6, 0, 4, 0, 0, 0, 0, 1)
    yield 'greet', hello + welcome + step(6, 0, 3, 0, 0, 0, 0, 1) + wait
    yield 'refused', hello + step(8, 0, 0, 0, 2) + step(8, 0, 0, 0, 0)
    yield 'region', (hello + welcome + region + step(4, 0, 4) + step(5, 0, 4) +
                     step(8, 0, 0, 5, 4) + step(1, 0) + step(8, 0, 0, 0, 0))
    yield 'killed', (hello + welcome + wait + step(4, 0, 1) + step(5, 0, 1) + step(1, 0) +
                     step(8, 0, 0, 0, 0) + hello)
    yield 'died', hello + welcome + wait + step(8, 0, 0, 0, 0) + region + wait
    yield 'reset', hello + welcome + region + wait + step(9, 0, 0) + hello + welcome


def virgl_server():
    """Packets of host/virgl/virgl_msg.h, with or without a descriptor."""
    def packet(kind, *fields, payload=b'', fd=0, done=0):
        body = struct.pack(f'<{len(fields)}I', *fields) + payload
        # An odd length, one more byte, says that the work before is complete.
        return bytes([kind | fd << 6, len(body) + done, len(payload)]) + body + bytes(done)

    texture = packet(2, 1, 2, 1, 0, 16, 16, 1, 1, 0, 0, 0, 0)
    memory = packet(1, fd=1)
    pages = packet(4, 1, 2, payload=struct.pack('<QIIQII', 0, 4096, 0, 4096, 100, 0))
    context = bytes([6, 72, 0]) + struct.pack('<II', 1, 0) + b'x'.ljust(64, b'\0')
    move = packet(10, 1, 1, 1, 0, 0, 0, 0, 0, 0, 16, 16, 1, 0, 0)
    draw = packet(11, 1, 0, payload=struct.pack('<4I', 8 | 1 << 16, 0, 7, 3))
    fence = packet(12, 1, 0)
    screen = packet(13, 0, 64, 16, 0, fd=1)
    read = packet(14, 0, 1, 0, 0, 16, 16, 0, 0)
    gone = packet(9, 1, 1) + packet(5, 1, 0) + pages + packet(3, 1, 0)
    yield 'all', (memory + texture + pages + context + packet(8, 1, 1) + move + draw + fence +
                  screen + read + gone)
    yield 'twice', (texture + memory * 3 + pages + move * 2 + screen * 2 + read * 2 + gone) * 2


def virgl_backend():
    """Steps of fuzz_virgl_backend.c."""
    def step(*numbers):
        return bytes(numbers).ljust(8, b'\0')

    begin = (step(0, 1, 1, 1, 16, 16) + step(2, 1, 1, 0, 9) + step(1, 0, 1, 0) +
             step(1, 2, 1, 1) + step(3, 1, 8, 1) + step(4, 1, 1, 3))
    show = step(5, 1, 0, 0, 16, 16) + step(6, 2, 0, 0) + step(5, 1, 1, 1, 8, 8)
    end = step(1, 3, 1, 1) + step(1, 5, 1, 1) + step(6, 1, 0, 1) + step(1, 4, 1, 1) + step(6, 1, 0, 1)
    yield 'draw', begin + step(6, 0, 0, 200) + show + end
    yield 'died', begin + show + step(6, 251) + begin + step(3, 1, 8, 1) + end
    yield 'nonsense', begin + step(6, 245, 9) + begin + step(255) + begin + show


def ring():
    """Steps of fuzz_ring.c, after a byte that chooses which end is attacked."""
    word, fill, send, advance, sync, reply, packet, wait = range(8)

    def step(kind, count=0, at=0, value=0):
        return struct.pack('<BBHI', kind, count, at, value)

    # As messages these are a reply, a hold of a region, a release, a published number.
    requests = b''.join(step(kind, count, 512, 0) for kind in range(4) for count in (1, 2))
    send_all = b''.join(step(send, 31, 64 + i, 0x10000 + i) for i in range(8))
    region = step(packet, 1 | 2)
    yield 'messages', b'\0' + send_all + step(wait, 255) + requests
    yield 'regions', (b'\0' + region * 3 + step(send, 2, 64, 1) + step(wait, 32) +
                      step(packet, 8 | 4, 2) + send_all)
    yield 'indices', (b'\0' + send_all + step(word, 0, 0, 0xffff0000) + step(wait, 8) +
                      step(advance, 0, 0, 0x8000) + send_all)
    yield 'bytes', b'\0' + b''.join(step(send, 9, 0, i) + step(fill, 64, i * 16, 255)
                                    for i in range(16))
    yield 'pages', b'\0' + b''.join(step(sync, 0, i, 0xffffffff) + step(reply, 0, i, 2) +
                                    step(send, 3, 4, i * 64) for i in range(16))
    yield 'packets', b'\0' + b''.join(step(packet, i, 3, 1 << 20) for i in range(64))
    yield 'producer', b'\1' + b''.join(step(word, 0, 16, i * 61) + step(wait, 4)
                                       for i in range(64))


def control():
    def order(what, **members):
        return json.dumps({"command": what, **members}).encode() + b'\n'

    def program(guest):
        return b'\1' + guest.encode() + b'\n'

    def packet(kind, *fields):
        """struct sl_sched_msg; its bytes may hold no newline."""
        return b'\2' + struct.pack(f'<II{len(fields)}Q', 0x100 + kind, 0, *fields) + b'\n'

    share = {"weight": 3, "cap": "50%", "class": "realtime", "deadline": "60fps", "memory": "1G"}
    yield 'questions', b''.join(order(name) for name in ("status", "list", "ledger", "policy"))
    yield 'guests', (order("add-guest", name="web", users=[0, "root"], **share) +
                     order("add-guest", name="web", keep_existing=True, weight="2") +
                     order("add-guest", name="w2", socket="/run/x/w2.sock") + order("list") +
                     order("set", name="web", **share) + order("pause", name="web") +
                     order("resume", name="web") + order("remove-guest", name="web") +
                     order("remove-guest", name="w2") + order("list"))
    yield 'programs', (program("default") + packet(0) + order("list") + packet(3, 1, 100, 5, 7) +
                       program("default") + order("ledger") + packet(0) + packet(3, 2, 1 << 63) +
                       order("end-program", context=1) + b'\3\n' + order("kill", target="2") +
                       order("kill", target="default") + order("list"))
    yield 'policies', b''.join(order("policy", policy=name)
                               for name in ("best-effort", "equal", "fixed", "none"))
    yield 'mistakes', (b'{"command": 1}\n[]\nnull\n{"a": {"a": [[[]]]}}\n{"command": "\\u0000"}\n' +
                       order("hold", pid=-1) + order("set", name="default", weight=1e300) +
                       order("add-guest", name="../x") + b'x' * 300 + b'\n')
    yield 'long', b'{"command": "' + b'a' * 65000


def main():
    out = Path(sys.argv[1])
    for target in (virtqueue, virtio_gpu, vhost_user, vfio_user, display, connector,
                   sluice_backend, virgl_server, virgl_backend, ring, control):
        folder = out / target.__name__
        folder.mkdir(parents=True, exist_ok=True)
        for name, data in target():
            (folder / name.replace(' ', '-')).write_bytes(data)


main()
