#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""OpenGL frames a second of a scene with little and with much work in its shader: natively on llvmpipe,
over virglrenderer's own server (vtest), and in a virtual machine over Sluice and virglrenderer. Each frame
is waited for. Under TCG the guest's CPU is emulated, and weighs most where there is little work."""

import argparse
import os
import pathlib
import re
import shutil
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ["SLUICE_BUILD_DIR"])
GL = BUILD / "tests/vm/gl_picture"
# Mesa's virpipe of Debian 12 knows this path only.
VTEST_SOCKET = pathlib.Path("/tmp/.virgl_test")
SCENES = {"little": 8, "much": 400}


def frames(text, seconds):
    found = re.findall(r"(\d+) frames", text)
    return int(found[-1]) / seconds if found else None


def run(seconds, loops, **variables):
    """Frames a second on the host."""
    done = subprocess.run([GL, "--seconds", str(seconds), str(loops)], check=False, text=True,
                          timeout=60 + 3 * seconds, stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL,
                          env=dict(os.environ, LIBGL_ALWAYS_SOFTWARE="1", **variables))
    return frames(done.stdout, seconds)


def run_vtest(seconds):
    if shutil.which("virgl_test_server") is None or VTEST_SOCKET.exists():
        return {name: None for name in SCENES}
    server = subprocess.Popen(["virgl_test_server", "--use-egl-surfaceless"],
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        while not VTEST_SOCKET.exists() and server.poll() is None:
            time.sleep(0.05)
        return {name: run(seconds, loops, GALLIUM_DRIVER="virpipe")
                for name, loops in SCENES.items()}
    finally:
        server.terminate()
        server.wait()
        VTEST_SOCKET.unlink(missing_ok=True)


def run_guest(seconds):
    commands = "; echo next; ".join(f"{GL} --seconds {seconds} {loops}"
                                    for loops in SCENES.values())
    done = subprocess.run([ROOT / "scripts/vm.sh", "run", "--no-build", "--", "sh", "-c", commands],
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, check=False)
    parts = done.stdout.split("next\n")
    return {name: frames(part, seconds) for name, part in zip(SCENES, parts)}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=5, help="of each run (default: 5)")
    arguments = parser.parse_args()

    native = {name: run(arguments.seconds, loops) for name, loops in SCENES.items()}
    vtest = run_vtest(arguments.seconds)
    guest = run_guest(arguments.seconds)
    print(f"{'shader work':12} {'native':>9} {'vtest':>9} {'Sluice':>9}   frames a second; Sluice/vtest")
    for name in SCENES:
        row = [native[name], vtest[name], guest.get(name)]
        ratio = f"{row[2] / row[1]:.2f}" if row[1] and row[2] else "-"
        cells = " ".join(f"{value:9.1f}" if value is not None else f"{'-':>9}" for value in row)
        print(f"{name:12} {cells}   {ratio}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
