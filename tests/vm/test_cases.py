#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Run the test programs of tests/integration inside a virtual machine, and compare what they
found with native runs on the host, bit for bit."""

import argparse
import pathlib
import subprocess
import sys
import tempfile

import guest
from guest import ROOT, host

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


def run_guest(directory, names, timeout):
    """Returns vm.sh's status and what it printed."""
    (directory / "names").write_text("".join(f"{name}\n" for name in names))
    (directory / "script").write_text(SCRIPT)
    run = subprocess.run(
        [ROOT / "scripts/vm.sh", "run", "--no-build", "--share", directory,
         "--timeout", str(timeout), "--", "sh", "/share/script", run_cases.PROGRAM],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        check=False)
    return run.returncode, run.stdout


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
    with tempfile.TemporaryDirectory() as directory:
        directory = pathlib.Path(directory)
        status, output = run_guest(directory, names, arguments.timeout)
        for name in names:
            problem, skip = judge(name, native, directory)
            tap.point(name, problem, skip)
    tap.point("the guest ends", None if status == 0 else f"status {status}\n{output[-3000:]}")
    return tap.finish()


if __name__ == "__main__":
    sys.exit(main())
