#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What `sluiced --record` writes runs again with `sluice-replay`: all of it, and to its end. What once
crashed the driver runs to where it is refused."""

import os
import pathlib
import subprocess
import sys
import tempfile

import host
import run_cases

REPLAY = host.BUILD / "host/renderer/sluice-replay"
# Far more than any of them takes; a recording that hangs is a failure.
SECONDS = 60
# Of each kind of work, and all that the order of submissions and signals matters to. Which way
# these go depends on the time they take, so they run more often.
NAMES = ["saxpy", "triangle", "mip_chain", "indirect_dispatch", "threads_submit"]
TIMELINES = ["timeline_mixed", "timeline_threads", "barriers"]
# Inputs of fuzz_replay that crashed lavapipe, or had it write beyond what is its own: what is wrong
# with them, in the words of the check that refuses it.
CORPUS = host.SOURCE / "tests/fuzz/corpus/replay"
REFUSED = {
    "block-color": "a view with usage 0x7 is used as 0x10",
    "block-depth": "a view with usage 0x7 is used as 0x20",
    "clears-no-aspect": "clears no aspect",
    "color-samples": "attachments with samples 0x5 are rendered to together",
    "depth-samples": "attachments with samples 0x5 are rendered to together",
    "image-levels": "vkGetImageMemoryRequirements2: no live object of this type has this id",
    "location-of-no-device": "SPIR-V: a location that no device has",
    "missing-binding": "set 0 binding 3, which the pipeline's layout lacks",
    "missing-set": "set 0 binding 0, which the pipeline's layout lacks",
    "stage-of-all": "shaders of stages 0x7fffffff",
}


def replay(path):
    """Returns (exit status, output); the status is None if it took too long."""
    try:
        run = subprocess.run([REPLAY, path], env=host.native_environment(), timeout=SECONDS,
                             stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                             stderr=subprocess.STDOUT, check=False)
    except subprocess.TimeoutExpired as expired:
        return None, (expired.stdout or b"").decode(errors="replace")
    return run.returncode, run.stdout.decode(errors="replace")


def record(daemon, directory, name):
    """Run a program; returns its recording."""
    before = set(directory.iterdir())
    status, output = run_cases.run_program(name, os.devnull, daemon.environment())
    if status != 0:
        raise RuntimeError(f"{name}: status {status}: {output}")
    daemon.wait_until_idle()
    (path,) = set(directory.iterdir()) - before
    return path


def test_recording(tap, daemon, directory, name, times):
    path = record(daemon, directory, name)
    problems = []
    for _ in range(times):
        status, output = replay(path)
        if status != 0 or "messages ran" not in output:
            problems.append(f"status {status}: {output}")
    tap.point(name, "\n".join(problems))
    return path


def test_damaged(tap, path):
    """A recording that ends early runs as far as it goes; one that is none is refused in words."""
    data = path.read_bytes()
    for name, content, words in (
            ("cut within a message", data[:-12], "the recording is cut off"),
            ("no recording", b"x" * 4096, "is no recording of this version"),
            ("empty", b"", "is no recording of this version")):
        path.write_bytes(content)
        status, output = replay(path)
        tap.point(name, None if status == 1 and words in output else f"status {status}: {output}")


def test_refused(tap):
    """An input that no longer gets as far as its check would test nothing."""
    for name, words in REFUSED.items():
        if host.host_driver() != host.LAVAPIPE:
            tap.point(name, skip="it is about lavapipe")
            continue
        status, output = replay(CORPUS / name)
        tap.point(f"{name} is refused", None if status == 1 and words in output else
                  f"status {status}: {output}")


def main():
    tap = host.Tap()
    with tempfile.TemporaryDirectory() as text:
        directory = pathlib.Path(text)
        with host.Host("--record", directory, name="recordings") as daemon:
            for name in NAMES:
                path = test_recording(tap, daemon, directory, name, 1)
            for name in TIMELINES:
                test_recording(tap, daemon, directory, name, 5)
        test_damaged(tap, path)
    test_refused(tap)
    return tap.finish()


if __name__ == "__main__":
    sys.exit(main())
