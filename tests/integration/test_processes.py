#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Processes that run at the same time, that end in the middle, and renderers that die."""

import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time

import host
import run_cases

STUCK = host.BUILD / "tests/integration/vulkan_stuck"
HASTY = host.BUILD / "tests/integration/vulkan_hasty"
PAUSE = host.BUILD / "tests/integration/libpause.so"
SECRETS = host.BUILD / "tests/integration/vulkan_secrets"
DEVICE_LOST = "result -4"
# What a program may take to notice that its renderer is gone.
NOTICE_SECONDS = 5
# Between them they create an object of nearly every kind.
GROWTH_CASES = ("textured", "reduction", "descriptor_writes", "descriptor_pools",
                "timeline_device", "events", "occlusion", "secondary", "early_destruction",
                "pipeline_cache", "threads_create")
GROWTH_ROUNDS = 4
# A heap that is not yet as large as it will be may still grow by so much.
GROWTH_SLACK = {"kib": 512, "mappings": GROWTH_ROUNDS - 1}


def start_stuck(daemon, way):
    """A program with work pending; returns once its work is submitted."""
    program = subprocess.Popen([STUCK, way], env=daemon.environment(), text=True,
                               stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE)
    line = program.stdout.readline()
    if line != "working\n":
        program.kill()
        raise RuntimeError(f"{way}: {line}{program.communicate()[1]}")
    return program


def next_program_works(daemon, native):
    with tempfile.TemporaryDirectory() as directory:
        return run_cases.run_case("triangle", native, daemon.environment(), [],
                                  pathlib.Path(directory))[0]


def nothing_is_left(daemon, native, before):
    """None, or what is wrong after a program's end."""
    if not daemon.is_running():
        return "the daemon has ended"
    if not daemon.wait_until_idle():
        return f"the daemon still lists {daemon.programs()}"
    problem = next_program_works(daemon, native)
    if problem:
        return f"the next program: {problem}"
    if not host.wait_for(lambda: len(daemon.renderer_pids()) <= before, 10):
        return f"{len(daemon.renderer_pids())} renderers are left, not {before}"
    return None


def cpu_seconds(pid):
    """What a process has used until now; its threads included."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_idleness(tap, daemon):
    """While a program waits, neither it nor its renderer burns a core."""
    program = start_stuck(daemon, "nothing")
    renderer = next(entry["renderer_pid"] for entry in daemon.programs()
                    if entry["pid"] == program.pid)
    pids = (program.pid, renderer, daemon.process.pid)
    before = [cpu_seconds(pid) for pid in pids]
    time.sleep(1)
    used = [cpu_seconds(pid) - start for pid, start in zip(pids, before)]
    output = program.communicate(timeout=30)[0]
    problem = None if "result 2" in output else output
    if max(used) > 0.1:
        problem = f"in one second program, renderer and daemon used {used} s"
    tap.point("waiting costs nothing", problem)


def test_secrets(tap, daemon):
    """New memory is empty, whatever was in it before."""
    for program in ("first", "next"):
        run = subprocess.run([SECRETS], env=daemon.environment(), stdin=subprocess.DEVNULL,
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                             timeout=60, check=False)
        tap.point(f"the {program} program finds nothing in new memory",
                  None if run.returncode == 0 and run.stdout == "0\n" else
                  f"status {run.returncode}: {run.stdout}")


def test_several_at_once(tap, daemon, native):
    """Different programs at the same time, each with its own results."""
    names = ["saxpy", "triangle", "mip_chain", "threads_submit", "huge_command_buffer", "indexed"]
    with tempfile.TemporaryDirectory() as directory:
        programs = []
        for i, name in enumerate(names * 2):
            result = pathlib.Path(directory) / str(i)
            programs.append((name, result, subprocess.Popen(
                [run_cases.PROGRAM, "--out", result, name], env=daemon.environment(),
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)))
        problems = []
        for name, result, program in programs:
            output = program.communicate(timeout=120)[0].decode(errors="replace")
            expected = native.get(name)[0]
            if program.returncode != 0:
                problems.append(f"{name}: status {program.returncode}: {output}")
            else:
                difference = run_cases.describe_difference(expected, result)
                problems += [f"{name}: {difference}"] if difference else []
    tap.point("several programs at once", "\n".join(problems))


def test_killed(tap, daemon, native, before):
    for way in ("fence", "record"):
        program = start_stuck(daemon, way)
        program.kill()
        program.wait()
        tap.point(f"killed in '{way}' with work pending", nothing_is_left(daemon, native, before))


def test_unclean_exits(tap, daemon, native, before):
    for way, status in (("exit", 0), ("_exit", 0), ("abort", -signal.SIGABRT)):
        program = start_stuck(daemon, way)
        try:
            program.wait(timeout=NOTICE_SECONDS)
            problem = None if program.returncode == status else f"status {program.returncode}"
        except subprocess.TimeoutExpired:
            program.kill()
            problem = "does not end"
        tap.point(f"'{way}' without cleaning up",
                  problem or nothing_is_left(daemon, native, before))


def test_renderer_killed(tap, daemon, native, before):
    """Every way to wait ends with VK_ERROR_DEVICE_LOST, and a neighbour goes on."""
    for way in ("fence", "fence-status", "queue", "device", "timeline", "timeline-value", "query",
                "call", "record"):
        program = start_stuck(daemon, way)
        renderer = next(entry["renderer_pid"] for entry in daemon.programs()
                        if entry["pid"] == program.pid)
        start = time.monotonic()
        os.kill(renderer, signal.SIGKILL)
        try:
            output, errors = program.communicate(timeout=NOTICE_SECONDS)
            problem = None
            if DEVICE_LOST not in output or program.returncode != 0:
                problem = f"status {program.returncode}: {output}{errors}"
        except subprocess.TimeoutExpired:
            program.kill()
            program.communicate()
            problem = f"still waits {time.monotonic() - start:.1f} s after its renderer died"
        tap.point(f"renderer killed in '{way}'",
                  problem or nothing_is_left(daemon, native, before))


def test_neighbour(tap, daemon, native):
    """One program's renderer dies while another program works."""
    victim = start_stuck(daemon, "fence")
    with tempfile.TemporaryDirectory() as directory:
        result = pathlib.Path(directory) / "result"
        neighbour = subprocess.Popen([run_cases.PROGRAM, "--out", result, "chain"],
                                     env=daemon.environment(), stdin=subprocess.DEVNULL,
                                     stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        renderer = next(entry["renderer_pid"] for entry in daemon.programs()
                        if entry["pid"] == victim.pid)
        os.kill(renderer, signal.SIGKILL)
        output = neighbour.communicate(timeout=60)[0].decode(errors="replace")
        victim.communicate(timeout=60)
        problem = output if neighbour.returncode != 0 else \
            run_cases.describe_difference(native.get("chain")[0], result)
    tap.point("a neighbour goes on when a renderer dies", problem)


def nice_values(pid):
    """Of all threads."""
    return {int(task.read_text().rsplit(")", 1)[1].split()[16])
            for task in pathlib.Path(f"/proc/{pid}/task").glob("*/stat")}


def may_set_priorities():
    """Does the kernel let this process take back what it has given away?"""
    code = "import os; os.nice(10); os.setpriority(os.PRIO_PROCESS, 0, 0)"
    return subprocess.run([sys.executable, "-c", code], stderr=subprocess.DEVNULL,
                          check=False).returncode == 0


def test_priority(tap, daemon):
    """Who starts for nobody leaves the processor to the others; who serves a program does not."""
    own = os.getpriority(os.PRIO_PROCESS, daemon.process.pid)
    if own > 9 or not may_set_priorities():
        tap.point("idle renderers stand back", skip="no priority can be raised here")
        return
    program = start_stuck(daemon, "fence")
    serving = {entry["renderer_pid"] for entry in daemon.programs()}
    host.wait_for(lambda: daemon.ask("status")["idle_renderers"] >= 2, 10)
    # One that was started because a program had to wait may be among the idle.
    idle = [nice_values(pid) for pid in daemon.renderer_pids() - serving]
    problem = None if {own + 10} in idle else f"idle renderers: {idle}"
    for pid in serving:
        if nice_values(pid) != {own}:
            problem = f"a renderer at work: {nice_values(pid)}, the daemon {own}"
    program.kill()
    program.communicate()
    daemon.wait_until_idle()
    tap.point("idle renderers stand back", problem)


def connect(daemon, path):
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    connection.connect(str(daemon.directory / path))
    return connection


def test_slow_driver(tap):
    """The driver's thread is not through with a submission when its end is known, and what the
    program destroys then is overwritten at once."""
    env = {"LD_PRELOAD": PAUSE, "MALLOC_PERTURB_": 165}
    with host.Host(name="processes-slow", env=env) as daemon:
        run = subprocess.run([HASTY, "20"], env=daemon.environment(), stdin=subprocess.DEVNULL,
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                             timeout=60, check=False)
        daemon.wait_until_idle()
        log = daemon.log()
    problem = run.stdout if run.returncode != 0 else log if "was killed" in log else None
    tap.point("semaphores destroyed while the driver looks at them", problem)


def test_order(tap):
    """A guest that starts one program does not wait behind all those of another."""
    with host.Host("--pool=0", name="processes-order") as daemon:
        daemon.ask("add-guest", "modest")
        connections = [connect(daemon, "guest.sock") for _ in range(30)]
        connections.append(connect(daemon, "modest.sock"))

        def served():
            return re.findall(r"guest (\w+), .* connected \(", daemon.log())

        complete = host.wait_for(lambda: len(served()) == 31, 30)
        order = served()
        for connection in connections:
            connection.close()
        # Four of the other are as good as it, and some have a renderer before it comes.
        problem = None if complete and order.index("modest") < 15 else f"served: {order}"
        tap.point("few before many", problem)
        daemon.wait_until_idle(20)


class Holdings:
    """What a renderer has."""

    def __init__(self, daemon):
        (program,) = daemon.programs()
        directory = pathlib.Path(f"/proc/{program['renderer_pid']}")
        status = (directory / "status").read_text()
        self.objects = program["usage"]["objects"]
        self.device_memory = program["usage"]["device_memory_bytes"]
        self.shared_memory = program["usage"]["shared_memory_bytes"]
        self.fds = len(os.listdir(directory / "fd"))
        self.threads = int(re.search(r"Threads:\t(\d+)", status)[1])
        self.mappings = (directory / "maps").read_text().count("\n")
        self.kib = int(re.search(r"RssAnon:\t *(\d+)", status)[1])


def run_rounds(program, count):
    for _ in range(count):
        program.stdin.write("\n")
        program.stdin.flush()
        if program.stdout.readline() != "done\n":
            raise RuntimeError(f"it ends: {program.communicate()[0]}")


def grows(daemon, name):
    """Run a case again and again in one context. None, or what becomes more and more."""
    program = subprocess.Popen([run_cases.PROGRAM, "--again", name], env=daemon.environment(),
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, text=True)
    line = program.stdout.readline()
    if line != "done\n":
        output = line + program.communicate()[0]
        return None if program.returncode == 77 else f"{name}: {output}"
    seen = []
    for _ in range(3):
        run_rounds(program, GROWTH_ROUNDS)
        # What was destroyed last may still be under way.
        host.wait_for(lambda: not seen or Holdings(daemon).objects <= seen[0]["objects"], 2)
        seen.append(vars(Holdings(daemon)))
    program.communicate()
    print(f"# {name}: {seen[0]} -> {seen[2]}")
    more = [key for key in seen[0] if seen[0][key] < seen[1][key] and
            seen[1][key] + GROWTH_SLACK.get(key, 0) < seen[2][key]]
    return f"{name}: {more} grow: {seen}" if more else None


def test_growth(tap):
    """What a program creates and destroys is given back by its renderer, too."""
    with host.Host(name="processes-growth") as daemon:
        for name in GROWTH_CASES:
            tap.point(f"'{name}' again and again leaves nothing", grows(daemon, name))
            daemon.wait_until_idle()


def test_daemon_gone(tap):
    """Without a daemon the driver says so, and nothing hangs."""
    with host.Host(name="daemon-gone") as daemon:
        env = daemon.environment()
        program = start_stuck(daemon, "fence")
        daemon.process.kill()
        daemon.process.wait()
        try:
            output, errors = program.communicate(timeout=60)
            problem = None if program.returncode == 0 and "result" in output else output + errors
        except subprocess.TimeoutExpired:
            program.kill()
            problem = "hangs when the daemon is killed"
        tap.point("the daemon killed with work pending", problem)
    run = subprocess.run([run_cases.PROGRAM, "triangle"], env=env, timeout=20,
                         stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                         stderr=subprocess.STDOUT, text=True, check=False)
    said = "sluice" in run.stdout.lower()
    tap.point("no daemon", None if run.returncode == 1 and said else
              f"status {run.returncode}, output '{run.stdout}'")


def main():
    tap = host.Tap()
    native = run_cases.Native()
    with host.Host(name="processes") as daemon:
        tap.point("a first program", next_program_works(daemon, native))
        daemon.wait_until_idle()
        host.wait_for(lambda: daemon.ask("status")["idle_renderers"] >= 2, 10)
        before = len(daemon.renderer_pids())
        for test in (test_killed, test_unclean_exits, test_renderer_killed):
            try:
                test(tap, daemon, native, before)
            except (RuntimeError, StopIteration) as error:
                tap.point(test.__name__, repr(error))
        test_idleness(tap, daemon)
        test_secrets(tap, daemon)
        test_several_at_once(tap, daemon, native)
        test_neighbour(tap, daemon, native)
        test_priority(tap, daemon)
        tap.point("the daemon ends", None if daemon.stop() == 0 else daemon.log())
    test_growth(tap)
    test_slow_driver(tap)
    test_order(tap)
    test_daemon_gone(tap)
    return tap.finish()


if __name__ == "__main__":
    sys.exit(main())
