#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Run the test programs natively and through Sluice, and compare what they found bit for bit.

Each test is a process of its own. Native results are kept in the build directory, under a name
that depends on the program and the driver, so that several passes share them.
"""

import argparse
import concurrent.futures
import hashlib
import os
import pathlib
import re
import subprocess
import sys
import tempfile

import host

PROGRAM = host.BUILD / "tests/integration/vulkan_cases"
SKIPPED = 77


def parse_results(path):
    """The file's results as a list of (label, bytes)."""
    data = path.read_bytes()
    results, at = [], 0
    while at < len(data):
        end = data.index(b"\n", at)
        label, size = data[at:end].rsplit(b" ", 1)
        start, at = end + 1, end + 1 + int(size) + 1
        results.append((label.decode(), data[start:at - 1]))
    return results


def describe_difference(native, sluice):
    """The first result that differs, for a person; None if there is none."""
    if native.stat().st_size == sluice.stat().st_size and \
            native.read_bytes() == sluice.read_bytes():
        return None
    ours, theirs = parse_results(sluice), parse_results(native)
    for i, ((label, expected), (ours_label, found)) in enumerate(zip(theirs, ours)):
        if label != ours_label:
            return f"result {i} is '{ours_label}', natively '{label}'"
        if expected == found:
            continue
        if len(expected) != len(found):
            return f"result {i} '{label}' has {len(found)} bytes, natively {len(expected)}"
        differ = [k for k in range(len(expected)) if expected[k] != found[k]]
        at = differ[0]
        return (f"result {i} '{label}': {len(differ)} of {len(expected)} bytes differ, the first at "
                f"{at}: {found[at:at + 16].hex()}, natively {expected[at:at + 16].hex()}")
    return f"{len(ours)} results, natively {len(theirs)}"


def run_program(name, result, env, options=(), timeout=120):
    """Returns (exit status, output); the status is None if it took too long."""
    try:
        run = subprocess.run([PROGRAM, *options, "--out", result, name], env=env, timeout=timeout,
                             stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                             stderr=subprocess.STDOUT, check=False)
    except subprocess.TimeoutExpired as expired:
        return None, (expired.stdout or b"").decode(errors="replace")
    return run.returncode, run.stdout.decode(errors="replace")


class Native:
    """Native results, made when they are first asked for."""

    def __init__(self):
        key = hashlib.sha256(PROGRAM.read_bytes())
        key.update(str(host.host_driver()).encode())
        self.directory = host.BUILD / "tests/integration/native" / key.hexdigest()[:16]
        self.directory.mkdir(parents=True, exist_ok=True)

    def get(self, name):
        """Returns (path of the results, None), or (None, why there are none)."""
        path = self.directory / name
        skipped = self.directory / f"{name}.skipped"
        if path.exists():
            return path, None
        if skipped.exists():
            return None, skipped.read_text()
        temporary = self.directory / f"{name}.{os.getpid()}"
        status, output = run_program(name, temporary, host.native_environment())
        if status == 0:
            temporary.rename(path)
            return path, None
        temporary.unlink(missing_ok=True)
        if status == SKIPPED:
            skipped.write_text(output)
            return None, output
        raise RuntimeError(f"natively: status {status}\n{output}")


def run_case(name, native, env, options, directory):
    """Returns (problem, skip): both None if the test passed."""
    result = directory / name
    try:
        expected, skipped = native.get(name)
        status, output = run_program(name, result, env, options)
        if skipped and status == SKIPPED:
            return None, skipped.strip()
        if skipped:
            return f"natively {skipped.strip()}, here status {status}\n{output}", None
        if status is None:
            return f"did not end in time\n{output}", None
        if status != 0:
            return f"status {status}\n{output}", None
        return describe_difference(expected, result), None
    except RuntimeError as error:
        return str(error), None
    finally:
        result.unlink(missing_ok=True)


def validation_errors(log):
    """Lines of the daemon's log in which the validation layer found an error."""
    return "\n".join(line for line in log.splitlines()
                     if "validation:" in line and "error:" in line)


def count_pieces(log):
    """How many pieces the renderers say they made; log at level debug."""
    return sum(int(count) for count in re.findall(r"submissions in (\d+) pieces", log))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--memory-mode", choices=["auto", "import", "copy"], default="auto",
                        help="how the daemon shares memory with the driver")
    parser.add_argument("--cut", choices=["auto", "always", "never"], default="auto",
                        help="whether the daemon cuts work into pieces")
    parser.add_argument("--timestamps", choices=["auto", "always", "never"], default="auto",
                        help="whether the GPU's timestamps are around submissions")
    parser.add_argument("--validate", choices=["guest", "host"],
                        help="the validation layer in the program or around the replay")
    parser.add_argument("--jobs", type=int, default=min(4, os.cpu_count() or 1))
    parser.add_argument("--except", dest="without", action="append", default=[],
                        help="a test to leave out")
    parser.add_argument("names", nargs="*", help="tests to run (default: all)")
    arguments = parser.parse_args()

    names = arguments.names or subprocess.run(
        [PROGRAM, "--list"], stdout=subprocess.PIPE, text=True, check=True).stdout.split()
    names = [name for name in names if name not in arguments.without]
    daemon_options = ["--memory-mode", arguments.memory_mode, "--cut", arguments.cut,
                      "--timestamps", arguments.timestamps]
    if arguments.validate == "host":
        daemon_options.append("--validate")
    options = ["--validate"] if arguments.validate == "guest" else []
    # What the layer says in the log belongs to one test only if one test runs.
    jobs = 1 if arguments.validate == "host" else arguments.jobs
    label = "-".join(["cases", arguments.memory_mode, arguments.cut] +
                     ([arguments.validate] if arguments.validate else []))

    tap = host.Tap()
    native = Native()
    log_level = "debug" if arguments.cut == "always" else "info"
    with host.Host(*daemon_options, log_level=log_level, name=label) as daemon, \
            tempfile.TemporaryDirectory() as directory:
        def run(name):
            start = daemon.log_size()
            problem, skip = run_case(name, native, daemon.environment(), options,
                                     pathlib.Path(directory))
            if arguments.validate == "host":
                daemon.wait_until_idle()
                problem = problem or validation_errors(daemon.log(start))
            if problem and jobs == 1:
                problem += "\n" + daemon.log(start)
            return problem, skip

        with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
            for name, (problem, skip) in zip(names, pool.map(run, names)):
                tap.point(name, problem, skip)
        tap.point("no program is left", None if daemon.wait_until_idle() else
                  f"still there: {daemon.programs()}")
        if arguments.cut == "always":
            pieces = count_pieces(daemon.log())
            tap.point("work was cut", None if pieces > len(names) else f"{pieces} pieces")
        tap.point("the daemon ends", None if daemon.stop() == 0 else daemon.log())
    return tap.finish()


if __name__ == "__main__":
    sys.exit(main())
