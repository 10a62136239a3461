#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Window surfaces: test programs and programs of Debian in an X server and a compositor of their
own, through Sluice. Pictures are compared with what was drawn."""

import argparse
import os
import pathlib
import re
import subprocess
import sys

import film
import host
from display import Server, Weston, Xvfb, has, run

PROGRAM = host.BUILD / "tests/window/vulkan_windows"
COMPOSITOR = host.BUILD / "tests/window/compositor"
UDMABUF = host.BUILD / "tests/window/libudmabuf.so"
SKIPPED = 77
# They say "shown" and wait for somebody to look, or for their server's end.
INTERACTIVE, SERVER_ENDS = "quarters", "server_ends"
# Where Weston shows them all.
ALL_FORMATS = "pictures"


def find_processes(name):
    return [int(path.parent.name) for path in pathlib.Path("/proc").glob("[0-9]*/comm")
            if path.read_text(encoding="utf-8").strip() == name]


def memfds(pid):
    """The memory files that a process maps, by their inodes."""
    maps = pathlib.Path(f"/proc/{pid}/maps").read_text(encoding="utf-8")
    return set(re.findall(r"^\S+ \S+ \S+ \S+ (\d+) +/memfd:", maps, re.MULTILINE))


class Compositor(Server):
    """tests/window/compositor.c."""

    def __init__(self, *options):
        super().__init__(COMPOSITOR, "sluice", *options)
        if not host.wait_for((self.directory / "sluice").exists, 10):
            self.__exit__()
            raise RuntimeError("the compositor did not start")

    def environment(self):
        return {"WAYLAND_DISPLAY": "sluice", "XDG_RUNTIME_DIR": str(self.directory)}

    def pictures(self):
        """What it saw, a line each."""
        return self.log.read_text(encoding="utf-8").splitlines()


class Windows:
    def __init__(self, tap, daemon):
        self.tap = tap
        self.daemon = daemon

    def environment(self, server, more):
        """server: None for programs without windows."""
        own = {"DISPLAY": "", "WAYLAND_DISPLAY": ""} if server is None else server.environment()
        return self.daemon.environment(**own, **more)

    def cases(self, label, system, server, names, options=(), **more):
        env = self.environment(server, more)
        for name in names:
            start = self.daemon.log_size()
            status, output = run([PROGRAM, *options, system, name], env)
            problem, skip = None, None
            if status == SKIPPED:
                skip = output.strip()
            elif status != 0:
                problem = f"status {status}\n{output}\n{self.daemon.log(start)}"
            self.tap.point(f"{label}: {name}", problem, skip)

    def program(self, label, server, command, expected, **more):
        """Run a program to its end; its output must match expected."""
        if not has(command[0]):
            self.tap.point(label, skip=f"no {command[0]}")
            return
        status, output = run(command, self.environment(server, more))
        is_good = status == 0 and re.search(expected, output)
        self.tap.point(label, None if is_good else f"status {status}\n{output[-2000:]}")

    def screens(self, label, servers, command, stop):
        """What a program shows on the screen is what it shows natively."""
        if not has(command[0]):
            self.tap.point(label, skip=f"no {command[0]}")
            return
        natively = host.native_environment(**servers[0].environment())
        sluice = self.environment(servers[1], {})
        self.tap.point(label, film.compare_screens(command, stop, (servers[0], natively),
                                                   (servers[1], sluice)))

    def surfaces(self, label, server):
        """What vulkaninfo says of surfaces is what it says natively."""
        natively = host.native_environment(**server.environment())
        texts = []
        for env in (natively, self.environment(server, {})):
            _, output = run(["vulkaninfo"], env)
            found = re.search(r"^Presentable Surfaces:\n.*?\n\n\n", output, re.DOTALL | re.MULTILINE)
            texts.append(found.group(0) if found else "vulkaninfo tells of no surfaces\n" + output)
        self.tap.point(label, None if texts[0] == texts[1] else "\n".join(texts))

    def start(self, system, server, name, **more):
        return subprocess.Popen([PROGRAM, system, name], text=True, stdin=subprocess.PIPE,
                                stdout=subprocess.PIPE, env=self.environment(server, more))

    def shared_pages(self, label, system, server, **more):
        """Nobody copies pixels for the display server: it maps the pages that the renderer maps."""
        process = self.start(system, server, INTERACTIVE, **more)
        problem, skip = None, None
        if process.stdout.readline() != "shown\n":
            problem = "it shows nothing"
        else:
            try:
                shared = (memfds(process.pid) & memfds(server.process.pid)
                          & set().union(*map(memfds, find_processes("sluice-renderer"))))
                problem = None if len(shared) >= 2 else f"{len(shared)} memfds are in all three"
            except PermissionError:
                skip = "only root sees what a renderer maps"
        process.stdin.close()
        if process.wait(timeout=30) != 0:
            problem = problem or "it failed at the end"
        self.tap.point(label, problem, skip)

    def dmabuf(self, label, options, expected):
        """A compositor that takes dma-bufs, or refuses each, sees the right pictures."""
        has_device = os.access("/dev/udmabuf", os.R_OK | os.W_OK)
        shim = {} if has_device else {"LD_PRELOAD": str(UDMABUF)}
        with Compositor(*options) as server:
            process = self.start("wayland", server, INTERACTIVE, **shim)
            is_shown = process.stdout.readline() == "shown\n"
            process.stdin.close()
            status = process.wait(timeout=30)
            pictures = server.pictures()
        is_good = (is_shown and status == 0 and len(pictures) >= 3
                   and set(pictures) == {f"{expected} ff0000 00ff00 0000ff ffffff"})
        self.tap.point(label, None if is_good else f"status {status}, seen: {pictures}")

    def server_ends(self, label, system, server, **more):
        """A program whose server is killed gets an error, and ends."""
        process = self.start(system, server, SERVER_ENDS, **more)
        problem = None if process.stdout.readline() == "shown\n" else "it shows nothing"
        server.process.kill()
        try:
            status = process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            process.kill()
            status = process.wait()
        self.tap.point(label, problem or (f"status {status}" if status != 0 else None))

    def quarters(self, label, weston):
        """Four quarters of four colours, in a screenshot."""
        process = self.start("wayland", weston, INTERACTIVE)
        wanted = [(255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)]
        found = []

        def is_seen():
            width, height, pixel = weston.screenshot()
            found[:] = [pixel(x, y) for y in (height // 4, height * 3 // 4)
                        for x in (width // 4, width * 3 // 4)]
            return found == wanted

        problem = None
        if process.stdout.readline() != "shown\n":
            problem = "it shows nothing"
        elif not host.wait_for(is_seen, 10):
            problem = f"seen: {found}"
        process.stdin.close()
        if process.wait(timeout=30) != 0:
            problem = problem or "it failed at the end"
        self.tap.point(label, problem)


def test_x11(windows, names):
    with Xvfb() as server:
        windows.cases("X11", "x11", server, names)
        windows.cases("Xlib", "xlib", server, ["pictures", "storm"])
        windows.shared_pages("X11: no copy", "x11", server)
        windows.shared_pages("X11: one copy, by the GPU", "x11", server, SLUICE_PRESENT="copy")
        windows.cases("X11, copied by the GPU", "x11", server,
                      ["pictures", "several_windows", "resize", "threads", "aliases"],
                      SLUICE_PRESENT="copy")
        windows.surfaces("X11: vulkaninfo", server)
        windows.program("vkcube", server, ["vkcube", "--c", "60"], "")
        windows.program("vkcube, validated", server,
                        ["vkcube", "--c", "30", "--validate"], r"(?s)\A(?!.*(ERROR|VUID))")
        windows.program("vkcubepp", server, ["vkcubepp", "--c", "60"], "")
    with Xvfb(24, "-fbdir", ".") as server, Xvfb(24, "-fbdir", ".") as other:
        # vkd3d-triangle draws when it is told to: once.
        for program, stop in (("vkcube", 20), ("vkcubepp", 20), ("vkd3d-gears", 20),
                              ("vkd3d-triangle", 1)):
            windows.screens(f"{program}: the screen", (server, other), [program], stop)
    with Xvfb(30) as server:
        windows.cases("X11, 10 bits", "x11", server, ["pictures", "resize"])
    with Xvfb(16) as server:
        windows.cases("X11, 16 bits", "x11", server, ["pictures", "resize", "storm", "paced"])
    with Xvfb(24, "-extension", "MIT-SHM") as server:
        windows.cases("X11 without shared memory", "x11", server,
                      ["pictures", "resize", "window_ends", "paced", "present_wait"])
    for more in {}, {"SLUICE_PRESENT": "copy"}:
        with Xvfb() as server:
            windows.server_ends("X11: the server ends " + str(more), "x11", server, **more)


def test_wayland(windows, names):
    with Weston() as server:
        windows.cases("Wayland", "wayland", server,
                      [name for name in names if name != ALL_FORMATS])
        windows.cases("Wayland, copied by the GPU", "wayland", server, ["threads", "aliases"],
                      SLUICE_PRESENT="copy")
        windows.shared_pages("Wayland: no copy", "wayland", server)
        windows.surfaces("Wayland: vulkaninfo", server)
        windows.quarters("Wayland: a screenshot", server)
        windows.program("vkcube-wayland", server, ["vkcube-wayland", "--c", "60"], "")
    windows.dmabuf("Wayland: dma-bufs", [], "dmabuf")
    windows.dmabuf("Wayland: dma-bufs are refused", ["--refuse"], "shm")
    with Weston("gl") as server:
        windows.cases("Wayland, all formats", "wayland", server, [ALL_FORMATS])
        windows.cases("Wayland, all formats, copied by the GPU", "wayland", server, [ALL_FORMATS],
                      SLUICE_PRESENT="copy")
        windows.server_ends("Wayland: the server ends", "wayland", server)


def test_validated(tap, names):
    """The Khronos validation layer around what the host does, and in the program."""
    with host.Host("--validate", name="windows-validate") as daemon:
        with Xvfb() as server:
            windows = Windows(tap, daemon)
            windows.cases("validated host", "x11", server, names)
            windows.cases("validated host, copied by the GPU", "x11", server,
                          ["pictures", "several_windows"], SLUICE_PRESENT="copy")
            # It asks a retired swapchain for an image, which the layer would not have.
            windows.cases("validated program", "x11", server,
                          [name for name in names if name != "retired"], ["--validate"])
        daemon.wait_until_idle()
        errors = [line for line in daemon.log().splitlines()
                  if "validation:" in line and "error:" in line]
        tap.point("no validation errors on the host", "\n".join(errors[:20]))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", choices=["x11", "wayland", "headless", "validate", []],
                        help="what to test (default: all)")
    parts = parser.parse_args().parts or ["headless", "x11", "wayland", "validate"]
    names = subprocess.run([PROGRAM, "--list"], stdout=subprocess.PIPE, text=True,
                           check=True).stdout.split()
    names.remove(INTERACTIVE)
    names.remove(SERVER_ENDS)
    tap = host.Tap()
    with host.Host(name="windows") as daemon:
        windows = Windows(tap, daemon)
        if "headless" in parts:
            windows.cases("headless", "headless", None, names)
        if "x11" in parts and has("Xvfb"):
            test_x11(windows, names)
        if "wayland" in parts and has("weston", "weston-screenshooter"):
            test_wayland(windows, names)
        tap.point("no program is left", None if daemon.wait_until_idle() else
                  f"still there: {daemon.programs()}")
        tap.point("the daemon ends", None if daemon.stop() == 0 else daemon.log())
    if "validate" in parts and has("Xvfb"):
        test_validated(tap, names)
    return tap.finish()


if __name__ == "__main__":
    sys.exit(main())
