#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Measure programs with windows on the host's driver directly, through Sluice, and through Venus
where it is installed, by turns: vkcube, a window that is only cleared, and, where it is installed,
glmark2 on Zink. The servers are an Xvfb and a headless Weston of its own. Nothing waits for a
refresh: present modes are IMMEDIATE, and MAILBOX on Wayland."""

import argparse
import json
import pathlib
import re
import shutil
import statistics
import subprocess
import sys
import time

import bench

sys.path.insert(0, str(bench.ROOT / "tests/integration"))
import display  # pylint: disable=wrong-import-position

WINDOW = bench.host.BUILD / "tests/bench/window_bench"
IMMEDIATE, MAILBOX = "0", "1"
CUBE_START = 10
SCENES = ("build", "texture", "shading", "effect2d", "terrain", "desktop")


def run(system, server, command, **more):
    """Returns (seconds, output). Raises RuntimeError."""
    start = time.monotonic()
    try:
        done = subprocess.run([*system.wrapper, *command], stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=30,
                              env={**system.environment(), "WAYLAND_DISPLAY": "", "DISPLAY": "",
                                   **server.environment(), **more},
                              check=False)
    except subprocess.TimeoutExpired as expired:
        raise RuntimeError(f"{system.name} hangs in {command[0]}") from expired
    output = done.stdout.decode(errors="replace")
    if done.returncode != 0:
        raise RuntimeError(f"{system.name} fails in {command[0]}: status {done.returncode}, "
                           + output[-500:].strip())
    return time.monotonic() - start, output


class Clear:
    """Microseconds per frame of one colour."""

    def __init__(self, title, server, platform, size, mode, frames):
        self.title, self.server, self.platform = title, server, platform
        self.size, self.mode, self.frames = size, mode, frames
        self.target = 0.8

    def measure(self, system):
        _, output = run(system, self.server, [WINDOW, self.platform, *map(str, self.size),
                                              self.mode, str(self.frames)])
        return float(output)


class Cube:
    """Microseconds per frame of vkcube, without those that it takes to start."""

    target = None

    def __init__(self, title, server, size, frames):
        self.title, self.server, self.size, self.frames = title, server, size, frames

    def measure(self, system):
        def seconds(frames):
            return run(system, self.server, [
                shutil.which("vkcube"), "--c", str(frames), "--present_mode", IMMEDIATE,
                "--width", str(self.size[0]), "--height", str(self.size[1])])[0]

        return (seconds(self.frames + CUBE_START) - seconds(CUBE_START)) / self.frames * 1e6


class Scene:
    """Microseconds per frame of a scene of glmark2."""

    target = None

    def __init__(self, server, scene):
        self.title, self.server, self.scene = f"glmark2 {scene}", server, scene

    def measure(self, system):
        _, output = run(system, self.server, [
            shutil.which("glmark2"), "--swap-mode=immediate", "--size=800x600",
            "-b", f"{self.scene}:duration=1.5"], **display.ZINK)
        if not re.search(r"GL_RENDERER: +zink", output):
            raise RuntimeError(f"{system.name}: glmark2 does not run on Zink\n{output[-500:]}")
        return 1000 * float(re.search(r"FrameTime: ([0-9.]+) ms", output).group(1))


def list_measures(x_server, compositor):
    measures = [
        Clear("clear only, 500×500", x_server, "x11", (500, 500), IMMEDIATE, 2000),
        Clear("clear only, 100×100", x_server, "x11", (100, 100), IMMEDIATE, 5000),
        Clear("clear only, Wayland", compositor, "wayland", (500, 500), MAILBOX, 3000),
    ]
    if display.has("vkcube"):
        measures += [Cube("vkcube, 500×500", x_server, (500, 500), 800),
                     Cube("vkcube, 1200×1000", x_server, (1200, 1000), 200)]
    if display.has("glmark2"):
        measures += [Scene(x_server, scene) for scene in SCENES]
    return measures


def measure_by_turns(systems, measures, rounds):
    """measure's title → system's name → microseconds."""
    found = {measure.title: {} for measure in measures}
    for turn in range(rounds):
        for measure in measures:
            for system in systems[turn % len(systems):] + systems[:turn % len(systems)]:
                try:
                    value = measure.measure(system)
                except RuntimeError as error:
                    if system.name != "venus":
                        raise
                    print(f"Venus is left out: {error}")
                    system.stop()
                    systems.remove(system)
                    continue
                found[measure.title].setdefault(system.name, []).append(value)
        print(f"round {turn + 1} of {rounds} done", file=sys.stderr)
    return found


def print_table(systems, measures, found):
    print(f"{'microseconds per frame':24}" + "".join(f"{system.name:>24}" for system in systems)
          + f"{'of native speed':>18}{'wanted':>8}"
          + (f"{'Venus':>8}" if len(systems) > 2 else ""))
    for measure in measures:
        line, medians = f"{measure.title:24}", {}
        for system in systems:
            values = found[measure.title].get(system.name)
            if not values:
                line += f"{'-':>24}"
                continue
            medians[system.name] = statistics.median(values)
            line += f"{f'{medians[system.name]:.0f} ({min(values):.0f}-{max(values):.0f})':>24}"
        speed = medians["native"] / medians["sluice"]
        # Of short frames there is a target for those that are only cleared.
        target = measure.target or (0.95 if medians["native"] >= 1000 else None)
        verdict = "" if target is None else "reached" if speed >= target else "not reached"
        line += f"{speed:>18.2f}{target or '-':>8}"
        if "venus" in medians:
            line += f"{medians['native'] / medians['venus']:>8.2f}"
        print(f"{line}  {verdict}")


def main():
    parser = argparse.ArgumentParser(prog="bench.sh windows", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="turns of each (default: 5)")
    parser.add_argument("--json", type=pathlib.Path, metavar="FILE",
                        help="write all figures there too")
    parser.add_argument("names", nargs="*", metavar="NAME",
                        help="only what begins so: clear, vkcube, glmark2")
    arguments = parser.parse_args()

    print(f"{time.strftime('%Y-%m-%d')}, {bench.describe_machine()}")
    systems = [bench.Native(), bench.Sluice([])]
    found_venus = bench.Venus.find()
    if found_venus:
        systems.append(bench.Venus(*found_venus))
        print(f"Venus: Mesa {systems[-1].version}")
    try:
        with display.Xvfb(24, screen="1280x1024") as x_server, display.Weston() as compositor:
            measures = [measure for measure in list_measures(x_server, compositor)
                        if not arguments.names or measure.title.startswith(tuple(arguments.names))]
            found = measure_by_turns(systems, measures, arguments.rounds)
    finally:
        for system in systems:
            system.stop()
    print(f"Medians of {arguments.rounds} rounds (least-greatest):\n")
    print_table(systems, measures, found)
    if arguments.json:
        arguments.json.write_text(json.dumps({"machine": bench.describe_machine(), "found": found},
                                             indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
