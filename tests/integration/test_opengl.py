#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""OpenGL by Mesa's Zink through Sluice: who renders, what is offered, and the pictures of programs,
compared with those of Zink on the host's driver. A fall-back to another renderer is a failure."""

import argparse
import collections
import re
import subprocess
import sys
import threading

import film
import host
from display import Weston, Xvfb, ZINK, has, run

RENDERER = str(host.BUILD / "tests/window/gl_renderer")
# What Zink has natively only, and why is in docs/guests.md.
MISSING = {"GL_EXT_memory_object", "GL_EXT_memory_object_fd"}
# Its screen can be read.
SCREEN = ["-fbdir", "."]
GLMARK = ["-s", "240x160"]
# Of the variants of glmark2, where another does all scenes.
FEW = [word for scene in ("build", "shading", "bump", "desktop", "terrain", "jellyfish")
       for word in ("-b", f"{scene}:nframes=3")]


def words(text):
    return collections.Counter(re.findall(r"[^\s,]+", text))


class OpenGL:
    def __init__(self, tap, daemon):
        self.tap = tap
        self.daemon = daemon
        # The daemon has found it by the time it has served somebody.
        run(["vulkaninfo", "--summary"], daemon.environment(DISPLAY="", WAYLAND_DISPLAY=""))
        self.device = daemon.ask("status")["device"]["name"]

    def environments(self, server):
        """Natively, through Sluice."""
        own = {"DISPLAY": "", "WAYLAND_DISPLAY": ""} if server is None else server.environment()
        return host.native_environment(**own, **ZINK), self.daemon.environment(**own, **ZINK)

    def served(self):
        guest, = self.daemon.ask("list")["guests"]
        return guest["programs_total"]

    def point(self, label, program, test):
        """test() returns the problem, or None; the program must have been served meanwhile."""
        if not has(program):
            self.tap.point(label, skip=f"no {program}")
            return
        before = self.served()
        problem = test()
        if problem is None and self.served() == before:
            problem = "it has not used Sluice"
        self.tap.point(label, problem)

    def says(self, label, server, command, *expected):
        """A program that ends; each of the lines expected, with Zink for the device, is in its
        output."""
        def test():
            status, output = run(command, self.environments(server)[1])
            wanted = [line.replace("ZINK", f"zink ({self.device})") for line in expected]
            return None if status == 0 and all(line in output for line in wanted) else \
                f"status {status}, wanted {wanted}\n{output[-2000:]}"

        self.point(label, command[0], test)

    def goes_on(self, label, server, command, expected):
        """A program without an end says such text, and is ended then."""
        def test():
            process = subprocess.Popen(["stdbuf", "-oL", *command], text=True,
                                       env=self.environments(server)[1],
                                       stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                       stderr=subprocess.STDOUT)
            timer = threading.Timer(60, process.kill)
            timer.start()
            output = ""
            for line in process.stdout:
                output += line
                if re.search(expected.replace("ZINK", re.escape(f"zink ({self.device})")), output):
                    break
            timer.cancel()
            process.kill()
            process.wait()
            is_said = re.search(expected.replace("ZINK", re.escape(f"zink ({self.device})")), output)
            return None if is_said else output[-2000:]

        self.point(label, command[0], test)

    def capabilities(self, label, server, command):
        """A program that lists what there is says what it says natively."""
        def test():
            (_, native), (_, sluice) = (run(command, env) for env in self.environments(server))
            less, more = words(native) - words(sluice), words(sluice) - words(native)
            problem = f"less: {' '.join(set(less) - MISSING)}; more: {' '.join(more)}"
            if "zink" not in sluice and "EGL_" not in sluice:
                problem = sluice[-2000:]
            elif not set(less) - MISSING and not more:
                return None
            return problem

        self.point(label, command[0], test)

    def pictures(self, label, server, command, **more):
        """Each of the pictures is that of Zink on the host's driver."""
        def test():
            problem, output = film.compare_pictures(command, *self.environments(server), **more)
            if problem is None and "GL_RENDERER" in output and f"zink ({self.device})" not in output:
                problem = output
            return problem

        self.point(label, command[0], test)

    def screens(self, label, servers, command, stop):
        """So is what is on the screen."""
        natively, _ = self.environments(servers[0])
        _, sluice = self.environments(servers[1])
        self.point(label, command[0], lambda: film.compare_screens(
            command, stop, (servers[0], natively), (servers[1], sluice)))


def test_x11(opengl):
    with Xvfb(24, *SCREEN) as server, Xvfb(24, *SCREEN) as other:
        opengl.says("GLX: glxinfo", server, ["glxinfo", "-B"], "OpenGL renderer string: ZINK",
                    "OpenGL core profile version string: 4.6",
                    "OpenGL ES profile version string: OpenGL ES 3.2")
        opengl.says("EGL on X11", server, [RENDERER, "x11"], "OpenGL ES 3.2", "by ZINK\n4.6")
        opengl.goes_on("glxgears", server, ["glxgears", "-info"],
                       r"(?s)GL_RENDERER   = ZINK.*frames in")
        opengl.goes_on("es2gears_x11", server, ["es2gears_x11"], "frames in")
        opengl.capabilities("what GLX offers", server, ["glxinfo", "-l"])
        opengl.capabilities("what EGL offers", server, ["eglinfo"])
        opengl.capabilities("what OpenGL ES offers", server, ["es2_info"])
        for program in ("glxgears", "es2gears_x11"):
            opengl.pictures(f"{program}: pictures", server, [program], stop=40)
            opengl.screens(f"{program}: the screen", (server, other), [program], stop=40)
        opengl.pictures("glmark2: all scenes", server,
                        ["glmark2", *GLMARK, "-b", ":nframes=3"], distinct=60)
        opengl.pictures("glmark2, OpenGL ES", server, ["glmark2-es2", *GLMARK, *FEW], distinct=10)


def test_wayland(opengl):
    with Weston() as server:
        opengl.says("EGL on Wayland", server, [RENDERER, "wayland"], "OpenGL ES 3.2",
                    "by ZINK\n4.6")
        opengl.goes_on("weston-simple-egl", server, ["weston-simple-egl"], "frames in")
        # It sleeps after its first picture, natively too: it waits for events that need not come.
        opengl.pictures("es2gears_wayland", server, ["es2gears_wayland"], stop=1, distinct=1)
        opengl.pictures("glmark2, OpenGL ES, Wayland", server,
                        ["glmark2-es2-wayland", *GLMARK, *FEW], distinct=10)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", choices=["x11", "wayland", "surfaceless", []],
                        help="what to test (default: all)")
    parts = parser.parse_args().parts or ["surfaceless", "x11", "wayland"]
    tap = host.Tap()
    # What a scene takes on a busy machine is not what is tested here.
    with host.Host("--run-limit=120s", name="opengl") as daemon:
        opengl = OpenGL(tap, daemon)
        if "surfaceless" in parts:
            opengl.says("EGL without a window system", None, [RENDERER, "surfaceless"],
                        "OpenGL ES 3.2", "by ZINK\n4.6")
        if "x11" in parts and has("Xvfb"):
            test_x11(opengl)
        if "wayland" in parts and has("weston"):
            test_wayland(opengl)
        tap.point("no program is left", None if daemon.wait_until_idle() else
                  f"still there: {daemon.programs()}")
    return tap.finish()


if __name__ == "__main__":
    sys.exit(main())
