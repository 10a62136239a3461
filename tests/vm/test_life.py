#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What happens to a virtual machine's programs: several at once, killed in the middle, their renderer
killed, the driver unloaded, the guest rebooted, the daemon killed; and that nothing is left of them."""

import os
import signal
import sys

import guest as guest_module
from guest import Guest, State, host

import run_cases

CASES = run_cases.PROGRAM
GIB = host.BUILD / "tests/vm/vulkan_gib"
STUCK = host.BUILD / "tests/integration/vulkan_stuck"
DEVICE_LOST = "result -4"


def run_case(vm, name):
    """The shell command that runs a case and leaves its results in the share."""
    return f"{CASES} --out /tmp/{name} {name} && cp /tmp/{name} /share/{name}.result"


def judge(vm, native, name, number):
    """None, or what is wrong with a case that was started as run_case()."""
    status, output = vm.wait(number)
    if status != 0:
        return f"{name}: status {status}\n{output}"
    difference = run_cases.describe_difference(native.get(name)[0], vm.share / f"{name}.result")
    return f"{name}: {difference}" if difference else None


def works(vm, native, name="triangle"):
    return judge(vm, native, name, vm.start(run_case(vm, name)))


def test_two_programs(tap, vm, native):
    names = ["saxpy", "triangle", "reduction", "timeline_threads"]
    numbers = [(name, vm.start(run_case(vm, name))) for name in names]
    problems = [judge(vm, native, name, number) for name, number in numbers]
    tap.point("programs at the same time", "\n".join(problem for problem in problems if problem))


def test_memory(tap, vm):
    status, output = vm.run(str(GIB), timeout=300)
    tap.point("1 GiB of host-visible memory in pieces",
              None if status == 0 else f"status {status}: {output}")


def start_stuck(daemon, vm, way):
    """Returns the number of the command and None, or what is wrong."""
    number = vm.start(f"{STUCK} {way}")
    if not host.wait_for(lambda: "working" in vm.output(number), 60):
        return number, f"it does not start to work: {vm.output(number)}"
    return number, None


def test_killed_program(tap, daemon, vm, native):
    number, problem = start_stuck(daemon, vm, "fence")
    if not problem:
        vm.run("pkill -KILL vulkan_stuck")
        vm.wait(number)
        if not daemon.wait_until_idle(20):
            problem = f"the daemon still lists {daemon.programs()}"
    tap.point("a program is killed in the middle", problem or works(vm, native))


def test_killed_renderer(tap, daemon, vm, native):
    number, problem = start_stuck(daemon, vm, "fence")
    if not problem:
        for program in daemon.programs():
            os.kill(program["renderer_pid"], signal.SIGKILL)
        status, output = vm.wait(number, 30)
        if DEVICE_LOST not in output:
            problem = f"status {status}: {output}"
    tap.point("a renderer is killed: the program gets DEVICE_LOST", problem)
    tap.point("the next program works", works(vm, native))


def test_reload(tap, vm, native):
    version = "$(uname -r)"
    status, output = vm.run(f"""
for console in /sys/class/vtconsole/*; do
	grep -q 'frame buffer' $console/name && echo 0 >$console/bind
done
rmmod virtio_gpu && insmod /lib/modules/{version}/kernel/drivers/gpu/drm/virtio/virtio-gpu.ko &&
	sleep 1 && ls /dev/dri
""")
    problem = None if status == 0 and "renderD" in output else f"status {status}: {output}"
    tap.point("the guest's driver is unloaded and loaded again", problem or works(vm, native))


def test_reboot(tap, daemon, vm, native):
    _, problem = start_stuck(daemon, vm, "fence")
    boots = vm.boots()
    vm.reset()
    if not host.wait_for(lambda: vm.boots() > boots, 120):
        problem = "the guest did not come up again"
    if not problem and not daemon.wait_until_idle(20):
        problem = f"the daemon still lists {daemon.programs()}"
    tap.point("the guest is reset in the middle", problem or works(vm, native))


def test_two_guests(tap, daemon, vm, native):
    other = Guest(daemon, name="other")
    try:
        names = ["saxpy", "textured", "reduction"]
        numbers = [(machine, name, machine.start(run_case(machine, name)))
                   for name in names for machine in (vm, other)]
        problems = [judge(machine, native, name, number) for machine, name, number in numbers]
        tap.point("two virtual machines at the same time",
                  "\n".join(problem for problem in problems if problem))
        status = other.end()
        tap.point("one of them ends", None if status == 0 else f"status {status}: {other.log()}")
    finally:
        other.remove()


def test_killed_daemon(tap, daemon, vm, native):
    """Programs are told, the machine and its screen go on, and the next daemon serves it."""
    number, problem = start_stuck(daemon, vm, "fence")
    daemon.process.kill()
    daemon.process.wait()
    status, output = vm.wait(number, 30)
    if not problem and DEVICE_LOST not in output:
        problem = f"status {status}: {output}"
    tap.point("the daemon is killed: the program gets DEVICE_LOST", problem)
    # What is drawn on the console is sent to the device before the command ends.
    status, output = vm.run("echo still here >/dev/tty1 && cat /sys/class/graphics/fb0/name")
    tap.point("the console goes on", None if status == 0 else f"status {status}: {output}")
    status, output = vm.run(f"{CASES} triangle", timeout=60)
    tap.point("a program without a daemon ends, and says why",
              None if status == 1 and "sluice" in output.lower() else f"status {status}: {output}")
    daemon.start()
    tap.point("the next daemon serves the machine", works(vm, native))


def main():
    tap = host.Tap()
    guest_module.require_image()
    native = run_cases.Native()
    with host.Host(name="vm-life") as daemon:
        vm = Guest(daemon, options=["--memory", "2560"])
        try:
            tap.point("a program runs", works(vm, native))
            state = State(daemon, vm)
            baseline = state.settle()
            for test in (
                    lambda: test_two_programs(tap, vm, native),
                    lambda: test_memory(tap, vm),
                    lambda: test_killed_program(tap, daemon, vm, native),
                    lambda: test_killed_renderer(tap, daemon, vm, native),
                    lambda: test_reload(tap, vm, native),
                    lambda: test_reboot(tap, daemon, vm, native),
                    lambda: test_two_guests(tap, daemon, vm, native)):
                test()
                tap.point("nothing is left", state.compare(baseline))
            test_killed_daemon(tap, daemon, vm, native)
            status = vm.end()
            tap.point("the guest ends", None if status == 0 else f"status {status}: {vm.log()}")
            if tap.failed:
                print("".join(f"# vm: {line}\n" for line in vm.log().splitlines()[-30:]), end="")
        finally:
            vm.remove()
    return tap.finish()


if __name__ == "__main__":
    sys.exit(main())
