#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Run the test programs of tests/integration inside a virtual machine, and compare what they
found with native runs on the host, bit for bit."""

import argparse
import subprocess
import sys

import guest
from guest import Guest, State, host

import run_cases

# The results go to the guest's own memory first: 9p cannot write from memory of a device, which is
# what mapped Vulkan memory is to the guest's kernel.
SCRIPT = """
cd /share
while read -r name; do
	"$1" --out /tmp/result "$name" >"$name.log" 2>&1
	status=$?
	cp /tmp/result "$name" 2>/dev/null
	rm -f /tmp/result
	echo $status >"$name.status"
done <names
"""


def run_guest(vm, names, timeout):
    """None, or why not all could be run."""
    (vm.share / "names").write_text("".join(f"{name}\n" for name in names))
    (vm.share / "script").write_text(SCRIPT)
    status, output = vm.run(f"sh /share/script {run_cases.PROGRAM}", timeout)
    return None if status == 0 else f"status {status}\n{output}\n{vm.log()[-3000:]}"


def judge(name, native, directory):
    """Returns (problem, skip) of one test: both None if it passed."""
    try:
        expected, skipped = native.get(name)
    except RuntimeError as error:
        return str(error), None
    status_file = directory / f"{name}.status"
    if not status_file.exists():
        return "it did not end, or was not reached", None
    status = int(status_file.read_text())
    output = (directory / f"{name}.log").read_text(errors="replace")
    if status == run_cases.SKIPPED:
        return (None, output.strip()) if skipped else (f"skipped: {output}", None)
    if skipped:
        return f"natively {skipped.strip()}, here status {status}\n{output}", None
    if status != 0:
        return f"status {status}\n{output}", None
    return run_cases.describe_difference(expected, directory / name), None


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--timeout", type=int, default=1200)
    parser.add_argument("--except", dest="without", action="append", default=[],
                        help="a test to leave out")
    parser.add_argument("names", nargs="*", help="tests to run (default: all)")
    arguments = parser.parse_args()

    names = arguments.names or subprocess.run(
        [run_cases.PROGRAM, "--list"], stdout=subprocess.PIPE, text=True,
        check=True).stdout.split()
    names = [name for name in names if name not in arguments.without]
    tap = host.Tap()
    guest.require_image()
    native = run_cases.Native()
    with host.Host(name="vm-cases") as daemon:
        vm = Guest(daemon)
        try:
            state = State(daemon, vm)
            problem = run_guest(vm, names[:1], 120)
            baseline = state.settle()
            problem = problem or run_guest(vm, names[1:], arguments.timeout)
            for name in names:
                wrong, skip = judge(name, native, vm.share)
                tap.point(name, wrong, skip)
            tap.point("nothing is left", problem or state.compare(baseline))
            status = vm.end()
            tap.point("the guest ends", None if status == 0 else f"status {status}: {vm.log()}")
        finally:
            vm.remove()
    return tap.finish()


if __name__ == "__main__":
    sys.exit(main())
