#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""OpenGL in a guest that has nothing but Mesa: what it is called, its pictures, a desktop with it, beside
Vulkan, paused, its process killed, and shared between virtual machines by weight."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import pathlib

import guest as guest_module
from guest import Guest, host

import run_cases

GL = host.BUILD / "tests/vm/gl_picture"
CASES = run_cases.PROGRAM
# Mesa of the guest and virglrenderer write shaders of their own: the last bit may differ.
TOLERANCE = 2
DESKTOP_COLOUR = (0x20, 0x40, 0xa0)
CONSOLE_COLOUR = (170, 0, 0)
DESKTOP = r"""
cat >/tmp/weston.ini <<END
[core]
require-input=false
idle-time=0
[shell]
background-color=0xff2040a0
panel-position=none
locking=false
startup-animation=none
END
export XDG_RUNTIME_DIR=/run/user
setsid weston --backend=drm-backend.so --tty=2 --config=/tmp/weston.ini --socket=w \
	>/tmp/weston.log 2>&1 </dev/null &
for i in $(seq 300); do
	grep -q "launching '.*weston-desktop-shell'" /tmp/weston.log && break
	sleep 0.2
done
WAYLAND_DISPLAY=w setsid es2gears_wayland >/tmp/gears.log 2>&1 </dev/null &
grep 'GL renderer' /tmp/weston.log || cat /tmp/weston.log
"""


def screen(vm, directory):
    """What QEMU's display shows: (width, bytes of red, green, blue)."""
    out = directory / "screen.ppm"
    with socket.socket(socket.AF_UNIX) as qmp:
        qmp.connect(str(vm.qmp_path))
        lines = qmp.makefile("rw")
        lines.readline()
        for command in ({"execute": "qmp_capabilities"},
                        {"execute": "screendump", "arguments": {"filename": str(out)}}):
            lines.write(json.dumps(command) + "\n")
            lines.flush()
            while "return" not in json.loads(lines.readline()):
                pass
    data = out.read_bytes()
    width, height = (int(word) for word in data.split(maxsplit=3)[1:3])
    return width, data[len(data) - width * height * 3:]


def colours(picture):
    """How many pixels there are of each colour."""
    _, pixels = picture
    counts = {}
    for at in range(0, len(pixels), 15):
        colour = tuple(pixels[at:at + 3])
        counts[colour] = counts.get(colour, 0) + 1
    return counts


def share_of(picture, is_wanted):
    counts = colours(picture)
    return sum(count for colour, count in counts.items() if is_wanted(colour)) / sum(
        counts.values())


def gl_process(daemon):
    """The process of the virtual machine's OpenGL, or None."""
    for program in daemon.programs():
        if program["program"] == "OpenGL":
            return program["renderer_pid"]
    return None


def compare(expected, found):
    if len(expected) != len(found):
        return f"{len(found)} bytes"
    worst = max(abs(a - b) for a, b in zip(expected, found))
    return None if worst <= TOLERANCE else f"a channel differs by {worst}"


class Pictures:
    """The scene as the host's own driver renders it."""

    def __init__(self, directory):
        self.path = directory / "native"
        subprocess.run([GL, self.path], check=True, stderr=subprocess.DEVNULL,
                       env=dict(os.environ, LIBGL_ALWAYS_SOFTWARE="1"))
        self.native = self.path.read_bytes()

    def problem(self, vm, number):
        """None, or what is wrong with a picture that was started by start()."""
        status, output = vm.wait(number)
        if status != 0:
            return f"status {status}: {output}"
        return compare(self.native, (vm.share / f"picture{number}").read_bytes())

    def start(self, vm):
        name = f"picture{vm.count + 1}"
        return vm.start(f"{GL} /tmp/{name} && cp /tmp/{name} /share/{name}")


def test_names(tap, vm):
    _, output = vm.run("eglinfo -B")
    tap.point("eglinfo names the driver",
              None if "EGL driver name: virtio_gpu" in output else output)
    status, output = vm.run(f"{GL} /tmp/first")
    tap.point("OpenGL is virgl", None if output.startswith("virgl (") else f"{status}: {output}")


def test_picture(tap, vm, pictures):
    tap.point("a picture is the host's", pictures.problem(vm, pictures.start(vm)))


def test_glmark(tap, vm):
    _, output = vm.run("timeout 60 glmark2-es2-drm --off-screen -b build:duration=1.0:nframes=2")
    tap.point("glmark2 runs on the device",
              None if re.search(r"\[build\].*FPS: \d+", output) else output)


def test_beside_vulkan(tap, vm, pictures, native):
    """Vulkan's fences are hints on the timeline that OpenGL's are on."""
    frames = vm.start(f"{GL} --seconds 6 8")
    cases = [(name, vm.start(f"{CASES} --out /tmp/{name} {name} && cp /tmp/{name} /share/{name}"))
             for name in ("saxpy", "triangle", "timeline_threads")]
    zink = vm.start(
        "MESA_LOADER_DRIVER_OVERRIDE=zink GALLIUM_DRIVER=zink LIBGL_ALWAYS_SOFTWARE=1 "
        f"{GL} /share/zink")
    problems = [f"OpenGL: {pictures.problem(vm, pictures.start(vm))}"]
    status, output = vm.wait(zink)
    problem = output if status != 0 or not output.startswith("zink") else compare(
        pictures.native, (vm.share / "zink").read_bytes())
    problems.append(f"Zink: {problem}")
    for name, number in cases:
        status, output = vm.wait(number)
        problem = output if status != 0 else run_cases.describe_difference(
            native.get(name)[0], vm.share / name)
        problems.append(f"{name}: {problem}")
    status, output = vm.wait(frames)
    problems.append(f"frames: {None if 'in the end' in output else output}")
    tap.point("OpenGL, Zink and Vulkan at once",
              "\n".join(text for text in problems if not text.endswith("None")))


def frames_of(vm, number):
    found = re.findall(r"(\d+) frames", vm.output(number))
    return int(found[-1]) if found else 0


def test_pause(tap, daemon, vm):
    number = vm.start(f"{GL} --seconds 5 8")
    problem = None
    if not host.wait_for(lambda: frames_of(vm, number) > 0, 30):
        problem = f"it does not begin: {vm.output(number)}"
    daemon.ask("pause", "default")
    # What is under way may end, and be told, before nothing more is.
    status, _ = vm.wait(vm.start("sleep 1"))
    before = daemon.ask("list")["guests"][0]["usage"]["submissions"]
    vm.wait(vm.start("sleep 1"))
    after = daemon.ask("list")["guests"][0]["usage"]["submissions"]
    if after != before:
        problem = problem or f"{after - before} pieces ran while it was paused"
    works, _ = vm.run("echo a >/dev/tty1")
    daemon.ask("resume", "default")
    status, output = vm.wait(number)
    if status != 0 or works != 0:
        problem = problem or f"status {status}: {output}"
    tap.point("a paused guest's OpenGL waits, and goes on", problem)


def test_desktop(tap, vm, directory):
    _, output = vm.run(DESKTOP, timeout=90)
    problem = None if "virgl" in output else output

    def is_right():
        picture = screen(vm, directory)
        background = share_of(picture, lambda colour: colour == DESKTOP_COLOUR)
        red = share_of(picture, lambda colour: colour[0] > 100 and max(colour[1:]) < 60)
        green = share_of(picture, lambda colour: colour[1] > 100 and colour[0] < 60)
        return background > 0.7 and red > 0.005 and green > 0.001
    if not problem and not host.wait_for(is_right, 40):
        problem = f"{sorted(colours(screen(vm, directory)).items())[-8:]}\n" + vm.run(
            "tail -n 5 /tmp/weston.log /tmp/gears.log")[1]
    tap.point("a desktop composed with OpenGL, and a program on it", problem)


def test_death(tap, daemon, vm, pictures, native, directory):
    """On a desktop: its compositor's context is lost, and that of another program."""
    number = vm.start(f"{GL} --seconds 3 8")
    host.wait_for(lambda: frames_of(vm, number) > 0, 30)
    vulkan = vm.start(f"{CASES} --out /tmp/after saxpy && cp /tmp/after /share/after")
    pid = gl_process(daemon)
    os.kill(pid, signal.SIGKILL)
    problem = None
    status, output = vm.wait(vulkan)
    if status != 0 or run_cases.describe_difference(native.get("saxpy")[0], vm.share / "after"):
        problem = f"Vulkan: status {status}: {output}"
    tap.point("sluice-virgl is killed: Vulkan goes on", problem)
    status, output = vm.wait(number, 40)
    tap.point("a program whose context is lost does not hang",
              None if status is not None else output)
    tap.point("new programs have a new process", pictures.problem(vm, pictures.start(vm)))
    vm.run(r"pkill es2gears; pkill weston; sleep 1; printf '\033[41m\033[2J\033[H' >/dev/tty0")
    seen = host.wait_for(lambda: share_of(screen(vm, directory),
                                          lambda colour: colour == CONSOLE_COLOUR) > 0.9, 20)
    tap.point("the console is there",
              None if seen else f"{sorted(colours(screen(vm, directory)).items())[-8:]}")


def test_shares(tap, daemon, vm):
    """Both want the GPU all the time: the second has three times the first one's weight."""
    answer = daemon.ask("add-guest", "heavy")
    daemon.ask("set", "heavy", "weight=3")

    class Other:
        socket = answer["socket"]

    other = Guest(Other, name="heavy")
    problem = None
    try:
        other.run("true", timeout=200)
        # Two programs each: a guest that has nothing to do for a moment leaves the GPU to others.
        numbers = [(machine, machine.start(f"{GL} --seconds 100 400"))
                   for machine in (vm, other) for _ in range(2)]

        def used():
            guests = {one["name"]: one for one in daemon.ask("list")["guests"]}
            return [guests[name]["usage"]["gpu_busy_ns"] for name in ("default", "heavy")]
        if not host.wait_for(lambda: all(frames_of(*pair) > 0 for pair in numbers), 60):
            problem = "\n".join(pair[0].output(pair[1]) for pair in numbers)
        before = used()
        vm.run("sleep 8")
        light, heavy = (after - start for start, after in zip(before, used()))
        if not problem and not 2.2 < heavy / max(light, 1) < 4:
            problem = f"{light / 1e6:.0f} ms and {heavy / 1e6:.0f} ms"
        for machine, number in numbers:
            machine.run("pkill gl_picture")
            machine.wait(number)
        tap.point("two virtual machines share by their weights", problem)
        status = other.end()
        tap.point("one of them ends", None if status == 0 else f"status {status}: {other.log()}")
    finally:
        other.remove()


def main():
    tap = host.Tap()
    if host.skips_virgl():
        return 0
    guest_module.require_image()
    native = run_cases.Native()
    with host.Host(name="vm-gl") as daemon, tempfile.TemporaryDirectory() as directory:
        directory = pathlib.Path(directory)
        pictures = Pictures(directory)
        vm = Guest(daemon)
        try:
            test_names(tap, vm)
            test_picture(tap, vm, pictures)
            test_glmark(tap, vm)
            test_beside_vulkan(tap, vm, pictures, native)
            test_pause(tap, daemon, vm)
            test_desktop(tap, vm, directory)
            test_death(tap, daemon, vm, pictures, native, directory)
            test_shares(tap, daemon, vm)
            idle = daemon.wait_until_idle(15)
            tap.point("no process is left", None if idle else f"{daemon.programs()}")
            status = vm.end()
            tap.point("the guest ends", None if status == 0 else f"status {status}: {vm.log()}")
            if tap.failed:
                print("".join(f"# vm: {line}\n" for line in vm.log().splitlines()[-30:]), end="")
        finally:
            vm.remove()
    return tap.finish()


if __name__ == "__main__":
    sys.exit(main())
