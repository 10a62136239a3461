# SPDX-License-Identifier: MIT
"""Display servers of the tests' own, what is on their screens, and programs that run in them."""

import os
import pathlib
import shutil
import struct
import subprocess
import tempfile
import zlib

import host

# OpenGL by Mesa's Zink, on whichever Vulkan driver there is; without what earlier runs compiled,
# which a renderer does not have either.
ZINK = {"LIBGL_ALWAYS_SOFTWARE": "1", "GALLIUM_DRIVER": "zink",
        "MESA_LOADER_DRIVER_OVERRIDE": "zink", "MESA_SHADER_CACHE_DISABLE": "true"}


class Server:
    """A display server; environment() names it. None of it is left at the end."""

    def __init__(self, *command, **more):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="sluice-window-"))
        self.directory.chmod(0o700)
        log_directory = host.BUILD / "tests/integration/logs"
        log_directory.mkdir(parents=True, exist_ok=True)
        env = host.clean_environment(XDG_RUNTIME_DIR=self.directory)
        self.log = log_directory / f"{pathlib.Path(command[0]).name}.log"
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(command, env=env, cwd=self.directory,
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            **more)

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.process.terminate()
        try:
            self.process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        shutil.rmtree(self.directory, ignore_errors=True)

    def environment(self):
        return {}


class Xvfb(Server):
    def __init__(self, depth=24, *options, screen="800x600"):
        read_fd, write_fd = os.pipe()
        super().__init__("Xvfb", "-displayfd", str(write_fd), "-screen", "0", f"{screen}x{depth}",
                         "-nolisten", "tcp", "-noreset", *options, pass_fds=(write_fd,))
        os.close(write_fd)
        with os.fdopen(read_fd) as ready:
            self.display = ready.readline().strip()
        if not self.display:
            self.__exit__()
            raise RuntimeError("Xvfb did not start")

    def environment(self):
        return {"DISPLAY": f":{self.display}"}

    def screen(self):
        """All pixels, line by line; of a server with the options "-fbdir", "."."""
        # It is a file that xwd might have written: its header's size, and 12 bytes per colour.
        data = (self.directory / "Xvfb_screen0").read_bytes()
        header_size, = struct.unpack_from(">I", data)
        color_count, = struct.unpack_from(">I", data, 19 * 4)
        return data[header_size + 12 * color_count:]


class Weston(Server):
    """renderer: pixman or gl. Weston 10 shows nothing of 10-bit pixels with pixman."""

    def __init__(self, renderer="pixman"):
        super().__init__("weston", "--backend=headless-backend.so", f"--use-{renderer}", "--debug",
                         "--socket=sluice", "--idle-time=0", "--no-config", "--width=640",
                         "--height=480")
        if not host.wait_for((self.directory / "sluice").exists, 10):
            self.__exit__()
            raise RuntimeError("weston did not start")

    def environment(self):
        return {"WAYLAND_DISPLAY": "sluice", "XDG_RUNTIME_DIR": str(self.directory)}

    def screenshot(self):
        """The screen as (width, height, function from x, y to (red, green, blue))."""
        subprocess.run(["weston-screenshooter"], cwd=self.directory, check=True, timeout=20,
                       env=host.clean_environment(**self.environment()),
                       stdout=subprocess.DEVNULL)
        picture, = self.directory.glob("*.png")
        data = picture.read_bytes()
        picture.unlink()
        return decode_png(data)


def unfilter(kind, row, above, step):
    for i, byte in enumerate(row):
        left = row[i - step] if i >= step else 0
        up = above[i]
        corner = above[i - step] if i >= step else 0
        if kind == 4:
            guess = left + up - corner
            _, predicted = min((abs(guess - p), k) for k, p in enumerate((left, up, corner)))
            row[i] = (byte + (left, up, corner)[predicted]) & 255
        else:
            row[i] = (byte + (0, left, up, (left + up) // 2)[kind]) & 255


def decode_png(data):
    """8-bit RGB and RGBA without interlacing: what screenshots are."""
    chunks, at = {}, 8
    while at < len(data):
        size, name = struct.unpack_from(">I4s", data, at)
        chunks[name] = chunks.get(name, b"") + data[at + 8:at + 8 + size]
        at += size + 12
    width, height, depth, kind = struct.unpack_from(">IIBB", chunks[b"IHDR"])
    step = {2: 3, 6: 4}[kind]
    if depth != 8:
        raise ValueError(f"a picture of {depth} bits")
    lines, rows, above = zlib.decompress(chunks[b"IDAT"]), [], bytes(width * step)
    for y in range(height):
        start = y * (width * step + 1)
        row = bytearray(lines[start + 1:start + 1 + width * step])
        unfilter(lines[start], row, above, step)
        rows.append(row)
        above = row
    return width, height, lambda x, y: tuple(rows[y][x * step:x * step + 3])


def run(command, env, timeout=60):
    """Returns (exit status, None if it took too long; output)."""
    try:
        done = subprocess.run(command, env=env, timeout=timeout, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    except subprocess.TimeoutExpired as expired:
        return None, (expired.stdout or b"").decode(errors="replace")
    return done.returncode, done.stdout.decode(errors="replace")


def has(*programs):
    return all(shutil.which(program) for program in programs)
