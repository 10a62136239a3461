#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A guest whose GPU comes over vfio-user: its kernel sees blobs, the window and rings; programs find
what they find natively, bit for bit; and nothing is left of them. Skipped where there is no QEMU
that knows vfio-user, neither installed nor in Debian's archive."""

import os
import pathlib
import signal
import sys
import tempfile

import guest as guest_module
from guest import Guest, State, host

import run_cases
from test_gl import GL, Pictures
from test_life import judge, run_case, test_killed_renderer, test_reboot, works

OPTIONS = ["--front-end", "vfio-user"]
CASES = ["saxpy", "reduction", "map_patterns", "many_allocations", "timeline_threads", "textured",
         "huge_command_buffer"]
FEATURES = ["+virgl", "+resource_blob", "+host_visible", "+context_init"]


def window_bytes(vm):
    """What the guest's window takes of the host's memory."""
    for pid in vm.vgpu_pids():
        for name in os.listdir(f"/proc/{pid}/fd"):
            path = f"/proc/{pid}/fd/{name}"
            if "sluice-window" in os.readlink(path):
                return os.stat(path).st_blocks * 512
    return None


def test_kernel(tap, vm):
    _, output = vm.run("dmesg | grep 'features:'")
    missing = [feature for feature in FEATURES if feature not in output]
    tap.point("the guest's kernel has all features", f"{missing} missing: {output}" if missing
              else None)
    status, output = vm.run("vulkaninfo --summary")
    tap.point("vulkaninfo", None if status == 0 and "deviceName" in output
              else f"status {status}: {output}")


def test_cases(tap, vm, native):
    for name in CASES:
        tap.point(name, works(vm, native, name))
    numbers = [(name, vm.start(run_case(vm, name))) for name in ("saxpy", "triangle", "textured")]
    problems = [judge(vm, native, name, number) for name, number in numbers]
    tap.point("programs at the same time", "\n".join(problem for problem in problems if problem))


def test_opengl(tap, vm):
    """Stock Mesa, in contexts that say what they are for."""
    if not (host.BUILD / "host/virgl/sluice-virgl").exists():
        return
    with tempfile.TemporaryDirectory() as directory:
        pictures = Pictures(pathlib.Path(directory))
        _, output = vm.run(f"{GL} /tmp/first")
        tap.point("OpenGL is virgl", None if output.startswith("virgl (") else output)
        tap.point("a picture is the host's", pictures.problem(vm, pictures.start(vm)))
        frames = vm.start(f"{GL} --seconds 4 8")
        problem = works(vm, run_cases.Native(), "timeline_threads")
        status, output = vm.wait(frames)
        if status != 0 or "in the end" not in output:
            problem = problem or f"status {status}: {output}"
        tap.point("OpenGL and Vulkan at once", problem)


def test_window(tap, vm):
    """Programs have used it; what they used is free again."""
    empty = host.wait_for(lambda: window_bytes(vm) == 0, 15)
    tap.point("the window is empty again", None if empty else f"{window_bytes(vm)} bytes")


def test_killed_device(tap, vm):
    """The guest is without its GPU, but it is."""
    os.kill(vm.vgpu_pids()[-1], signal.SIGKILL)
    status, output = vm.run("sleep 1; echo here", timeout=60)
    tap.point("the device is killed: the guest goes on",
              None if status == 0 and "here" in output else f"status {status}: {output}")


def main():
    tap = host.Tap()
    guest_module.require_image(*OPTIONS)
    native = run_cases.Native()
    with host.Host(name="vm-vfio-user") as daemon:
        vm = Guest(daemon, options=OPTIONS)
        try:
            tap.point("a program runs", works(vm, native))
            state = State(daemon, vm)
            baseline = state.settle()
            test_kernel(tap, vm)
            test_cases(tap, vm, native)
            test_opengl(tap, vm)
            test_killed_renderer(tap, daemon, vm, native)
            test_window(tap, vm)
            tap.point("nothing is left", state.compare(baseline))
            test_reboot(tap, daemon, vm, native)
            test_window(tap, vm)
            tap.point("nothing is left after a reset", state.compare(baseline))
            test_killed_device(tap, vm)
            status = vm.end()
            tap.point("the guest ends", None if status == 0 else f"status {status}: {vm.log()}")
            if tap.failed:
                print("".join(f"# vm: {line}\n" for line in vm.log().splitlines()[-30:]), end="")
        finally:
            vm.remove()
    return tap.finish()


if __name__ == "__main__":
    sys.exit(main())
