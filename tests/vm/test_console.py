#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The guest's console shows on QEMU's display, in the right colours: as QEMU has it, and in QEMU's
own window."""

import pathlib
import subprocess
import sys
import tempfile

import guest
from guest import ROOT, host

# Linux's console colours 1 and 4 as backgrounds: (170, 0, 0) and (0, 0, 170).
SCRIPT = r"printf '\033[2J\033[H\033[41m\033[2J\033[12;1H\033[44m\033[J' >/dev/tty0; sleep 2"


def read_ppm(path):
    """Returns (width, height, bytes)."""
    data = path.read_bytes()
    fields, at = [], 0
    while len(fields) < 4:
        end = min(data.find(c, at) for c in (b" ", b"\n") if data.find(c, at) >= 0)
        fields.append(data[at:end])
        at = end + 1
    return int(fields[1]), int(fields[2]), data[at:]


def look(path, window):
    """None, or what is wrong with the picture."""
    width, height, pixels = read_ppm(path)
    top = 60 if window else 8  # below the window's menu

    def at(x, y):
        start = (y * width + x) * 3
        return tuple(pixels[start:start + 3])

    above, below = at(600, top + 30), at(600, height - 100)
    if (above, below) != ((170, 0, 0), (0, 0, 170)):
        return f"{width}x{height}: the upper part is {above}, the lower {below}"
    return None


def main():
    tap = host.Tap()
    guest.require_image()
    with tempfile.TemporaryDirectory() as directory:
        for name, options in (("display", []), ("window", ["--window"])):
            picture = pathlib.Path(directory) / f"{name}.ppm"
            run = subprocess.run(
                [ROOT / "scripts/vm.sh", "run", "--no-build", *options, "--screenshot", picture,
                 "--", "sh", "-c", SCRIPT],
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                text=True, check=False)
            if run.returncode != 0 or not picture.exists():
                tap.point(f"the console on QEMU's {name}",
                          f"status {run.returncode}\n{run.stdout}")
            else:
                tap.point(f"the console on QEMU's {name}", look(picture, name == "window"))
    return tap.finish()


if __name__ == "__main__":
    sys.exit(main())
