#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Requests for memory that fail, one after the other, in the two processes that belong to a virtual
machine, sluice-vgpu and sluice-virgl, and the same processes killed at any time. A machine (machine.c)
with three users is served by them; a failure is one user's, and none else notices, in the machine or
beside it."""

import contextlib
import os
import random
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time

import host
import run_cases
from test_faults import FAILED, FAULT, KILLS, Fault, Neighbour, next_program_works

VGPU = host.BUILD / "host/vgpu/sluice-vgpu"
MACHINE = host.BUILD / "tests/integration/machine"
DMABUF = host.BUILD / "tests/integration/libdmabuf.so"
# The machine gives its device 10 s for each answer; all that it does takes half a second.
SECONDS = 60
# Sandboxes copy some hundred paths. In a renderer's each copy fails in turn: it is the same code.
COPIES = {"FAULT_EXCEPT": "strdup"}
# Each request of the first ones, which begin the process, then each so many'th of those that serve.
FIRST = 20


class Run:
    """One virtual machine from its start to its end. served: called once it is served, with its
    device's process."""

    def __init__(self, daemon, env=None, served=lambda device: None, front_end="vhost-user",
                 options=()):
        begin = daemon.log_size()
        ours, theirs = socket.socketpair()
        with ours, theirs, tempfile.TemporaryFile("w+") as log:
            fds = [ours.fileno(), theirs.fileno()]
            device = subprocess.Popen([VGPU, f"--fd={fds[1]}", f"--daemon={daemon.socket}",
                                       f"--front-end={front_end}", *options],
                                      env=host.clean_environment(**(env or {})), pass_fds=fds[1:],
                                      stdin=subprocess.DEVNULL, stdout=log, stderr=log)
            protocol = [] if front_end == "vhost-user" else [front_end]
            machine = subprocess.Popen([MACHINE, str(fds[0]), *protocol], pass_fds=fds[:1], text=True,
                                       stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
            ours.close()
            theirs.close()
            first = machine.stdout.readline()
            served(device)
            try:
                self.output = first + machine.communicate(timeout=SECONDS)[0]
                device.wait(timeout=10)
            except subprocess.TimeoutExpired:
                machine.kill()
                device.kill()
                self.output = first + "hangs"
            self.status = (machine.wait(), device.wait())
            log.seek(0)
            self.log = log.read() + daemon.log(begin)

    def failures(self):
        """What did not work: texts like "B texture", once each."""
        return sorted(set(re.findall("^([ABC] [a-z]+):", self.output, re.MULTILINE)))

    def describe(self):
        return f"status {self.status}\n{self.output}\n{self.log}"


def judge_device(run):
    """None, or how the failure of one request in sluice-vgpu harmed more than who made it."""
    if run.status not in ((0, 0), (0, 1)) or "hangs" in run.output:
        return "a crash, or no answer in time"
    if "ended" in run.output and "OpenGL" in run.output:
        return "it serves no longer"
    if re.search("pixel|not shown|reads nothing", run.output):
        return "what did not happen was answered as if it had"
    return "more than one part failed" if len(run.failures()) > 1 else None


def judge_opengl(run, was_killed=False):
    """The same of sluice-virgl, which ends: textures of the time are lost, and nothing later is."""
    if run.status != (0, 0) or "hangs" in run.output:
        return "the device ended, or did not answer in time"
    if any("texture" not in part for part in run.failures()):
        return "more than textures is lost"
    if {"B texture", "C texture"} <= set(run.failures()) or (
            "was killed" in run.log and not was_killed):
        return "it crashed, or no other took its place"
    return None


def test_served(tap, daemon, name, expected, **options):
    run = Run(daemon, **options)
    tap.point(name, None if run.status == (0, 0) and run.output == expected else run.describe())


def test_requests(tap, daemon, native, fault, name, judge, step, expected="OpenGL\n", **options):
    """options: those of a run."""
    test_served(tap, daemon, f"{name}: a machine is served", expected, **options)
    neighbour = Neighbour(daemon)
    problems = []
    ends = losses = 0
    number = 1
    while True:
        fault.set(number)
        run = Run(daemon, **options)
        problem = judge(run)
        problems += [f"request {number}: {problem}\n{run.describe()}"] if problem else []
        if FAILED not in run.log:
            break
        ends += "ended" in run.output
        losses += bool(run.failures())
        number += step if number > FIRST else 1
    fault.set(0)
    did = neighbour.ask()
    print(f"# {name} makes some {number} requests: {ends} times nothing was served, {losses} times "
          f"something was lost; the neighbour: {did}")
    if losses == 0:
        problems.append("nothing ever failed")
    problems += filter(None, [neighbour.end(did)])
    daemon.ask("remove-guest", "neighbour")
    tap.point(f"memory fails in {name}", "\n".join(problems[:3]))
    test_served(tap, daemon, f"{name}: the next machine is served", expected, **options)
    tap.point(f"{name}: the next program works", next_program_works(daemon, native))


def test_shared_pictures(tap, native):
    """The device as on a host whose OpenGL shares pictures."""
    with tempfile.TemporaryDirectory() as directory:
        fault = Fault(directory, "sluice-vgpu", **COPIES)
        env = {"LIBGL_ALWAYS_SOFTWARE": "1", "LD_PRELOAD": str(DMABUF)}
        with host.Host(name="vgpu-faults-dmabuf", env=env) as daemon:
            test_requests(tap, daemon, native, fault, "sluice-vgpu --dmabuf", judge_device, 3,
                          expected="OpenGL\nshared\n", options=["--dmabuf"],
                          env=fault.env | {"LD_PRELOAD": f"{FAULT}:{DMABUF}"})


def device_child(device):
    """The process that reads what the guest writes; 0 once it has ended."""
    with open(f"/proc/{device.pid}/task/{device.pid}/children", encoding="ascii") as children:
        return int((children.read().split() or ["0"])[0])


def opengl_process(daemon):
    return next((program["renderer_pid"] for program in daemon.programs()
                 if program["program"] == "OpenGL"), 0)


def test_kills(tap, daemon, native):
    """A device that is killed takes its machine's programs along, an OpenGL process its textures."""
    moments = random.Random(4)
    for name, find, judge in (
            ("sluice-vgpu", lambda device: device.pid, None),
            ("sluice-vgpu's device", device_child, None),
            ("sluice-virgl", lambda device: opengl_process(daemon),
             lambda run: judge_opengl(run, was_killed=True))):
        def kill(device, find=find):
            time.sleep(moments.uniform(0, 0.2))
            pid = find(device)
            if pid != 0:
                # It may have ended since it was found.
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
                    killed.append(pid)

        neighbour = Neighbour(daemon)
        problems, killed = [], []
        for _ in range(KILLS):
            run = Run(daemon, served=kill)
            problem = judge(run) if judge else None
            if "hangs" in run.output or run.status[0] != 0:
                problem = "it hangs"
            problems += [f"{problem}\n{run.describe()}"] if problem else []
        did = neighbour.ask()
        print(f"# {name} killed {len(killed)} times of {KILLS}; the neighbour: {did}")
        problems += filter(None, [neighbour.end(did)])
        daemon.ask("remove-guest", "neighbour")
        problems += [] if killed else ["it was never there"]
        problems += [] if daemon.wait_until_idle() else ["a program is still listed"]
        tap.point(f"{name} killed", "\n".join(problems[:3]) or next_program_works(daemon, native))


def main():
    tap = host.Tap()
    if host.skips_virgl():
        return 0
    native = run_cases.Native()
    with tempfile.TemporaryDirectory() as directory:
        device = Fault(directory, "sluice-vgpu", **COPIES)
        opengl = Fault(directory, "sluice-virgl", **COPIES)
        loop = Fault(directory, "sluice-vgpu", "libsystemd.so.0")
        with host.Host(name="vgpu-faults",
                       env={"LIBGL_ALWAYS_SOFTWARE": "1"} | opengl.env) as daemon:
            if daemon.skips_opengl():
                return 0
            test_requests(tap, daemon, native, device, "sluice-vgpu", judge_device, 3,
                          env=device.env)
            test_requests(tap, daemon, native, device, "sluice-vgpu with vfio-user", judge_device,
                          3, front_end="vfio-user", env=device.env)
            test_requests(tap, daemon, native, loop, "sluice-vgpu's libsystemd", judge_device, 1,
                          env=loop.env)
            # Only the process that serves when the machine comes has the failure.
            test_requests(tap, daemon, native, opengl, "sluice-virgl", judge_opengl, 1,
                          served=lambda device: opengl.set(0))
            test_kills(tap, daemon, native)
            tap.point("no process is left", None if daemon.wait_until_idle(20) else
                      f"{daemon.programs()}")
            tap.point("the daemon ends", None if daemon.stop() == 0 else daemon.log())
    test_shared_pictures(tap, native)
    return tap.finish()


if __name__ == "__main__":
    sys.exit(main())
