#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Faults: what fails, is killed, or takes too much, beside a program that must not notice.

Nothing may hang longer than the times below, which docs/threat-model.md states; the daemon leaks neither
descriptors nor processes nor memory; the neighbour's pictures stay right. How long its frames take while
something happens is printed (p50, p99). Only that one hangs is a fault: what else the machine does
would make any smaller number one.
"""

import contextlib
import json
import os
import pathlib
import random
import re
import resource
import signal
import socket
import subprocess
import sys
import tempfile
import time

import host
import run_cases

FRAMES = host.BUILD / "tests/integration/vulkan_frames"
LOAD = host.BUILD / "tests/integration/vulkan_load"
HOSTILE = host.BUILD / "tests/integration/hostile"
STUCK = host.BUILD / "tests/integration/vulkan_stuck"
FAULT = host.BUILD / "tests/integration/libfault.so"

# What a program may take to end, or to be told that its context is lost.
NOTICE_SECONDS = 10
# The daemon waits 10 s for a renderer whose program is gone.
LINGER_SECONDS = 15
# No frame of a neighbour takes longer, whatever happens beside it.
FRAME_SECONDS = 5
DEVICE_LOST = "result -4"
KILLS = 8
GROWTH_BYTES = 16 << 20
FAILED = "failed on purpose"


class Activated(host.Host):
    """A daemon that is given its sockets, as systemd does it: they outlive it."""

    def start(self):
        if not self.pass_fds:
            self.listeners = []
            for path, kind in ((self.socket, socket.SOCK_SEQPACKET),
                               (self.control, socket.SOCK_STREAM)):
                listener = socket.socket(socket.AF_UNIX, kind)
                listener.bind(str(path))
                listener.listen(16)
                self.listeners.append(listener)
            fds = self.pass_fds = [listener.fileno() for listener in self.listeners]
            # Under the numbers that the protocol wants: 3 and 4.
            script = (f'exec 103<&{fds[0]} 104<&{fds[1]} && exec 3<&103 4<&104 103<&- 104<&- && '
                      'LISTEN_PID=$$ LISTEN_FDS=2 exec "$@"')
            self.command = ["bash", "-c", script, "bash", *self.command]
        super().start()

    def stop(self):
        for listener in self.listeners:
            listener.close()
        return super().stop()


class Neighbour:
    """A program of another guest that draws, and looks at what it has drawn."""

    def __init__(self, daemon):
        daemon.ask("add-guest", "neighbour")
        self.process = subprocess.Popen([FRAMES, "4000"], env=environment(daemon, "neighbour"),
                                        text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE)
        self.hash = self.read()
        self.before = None

    def read(self):
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"the neighbour has ended: {self.process.communicate()[1]}")
        return line.strip()

    def ask(self):
        """What it did since it was asked last."""
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return json.loads(self.read())

    def stop(self):
        self.process.communicate(timeout=60)
        return self.process.returncode

    def end(self, did):
        """Stops it, which did this at last. None, or what was wrong with it."""
        status = self.stop()
        return complain(did) or (f"the neighbour: status {status}" if status != 0 else None)


def complain(did):
    """None, or what a neighbour noticed that did this. It draws 200 in a second; one that only waits
    draws its first and its last."""
    noticed = did["frames"] < 3 or did["wrong"] != 0 or did["max_ns"] > FRAME_SECONDS * 1e9
    return f"the neighbour: {did}" if noticed else None


def environment(daemon, guest, **more):
    return daemon.environment(**more) | {"SLUICE_SOCKET": str(daemon.directory / f"{guest}.sock")}


def native_hash():
    run = subprocess.run([FRAMES, "0"], env=host.native_environment(), input="", text=True,
                         stdout=subprocess.PIPE, timeout=60, check=True)
    return run.stdout.strip()


def programs_of(daemon, guest):
    return [program for entry in daemon.ask("list")["guests"] if entry["name"] == guest
            for program in entry["programs"]]


def wait_until_idle(daemon, seconds):
    """None once no program of the default guest is listed any more, or what is left."""
    if host.wait_for(lambda: not programs_of(daemon, "default"), seconds):
        return None
    return f"still listed: {programs_of(daemon, 'default')}"


def wait_for_end(process, seconds=NOTICE_SECONDS, says=""):
    """None, or how it ended wrongly: not in time, by a signal, or without having said something."""
    try:
        output, errors = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        return f"does not end within {seconds} s"
    if process.returncode < 0:
        return f"ended by signal {-process.returncode}: {output}{errors}"
    return None if says in output else f"does not say '{says}': {output}{errors}"


def next_program_works(daemon, native):
    with tempfile.TemporaryDirectory() as directory:
        return run_cases.run_case("triangle", native, daemon.environment(), [],
                                  pathlib.Path(directory))[0]


def start(daemon, program, *arguments, **options):
    return subprocess.Popen([program, *arguments], env=daemon.environment(), text=True,
                            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, **options)


def cpu_seconds(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Resources:
    """What the daemon has."""

    def __init__(self, daemon):
        pid = daemon.process.pid
        status = pathlib.Path(f"/proc/{pid}/status").read_text()
        children = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text()
        self.fds = len(os.listdir(f"/proc/{pid}/fd"))
        self.children = len(children.split())
        self.bytes = int(next(line.split()[1] for line in status.splitlines()
                              if line.startswith("VmRSS:"))) << 10

    def compare(self, before):
        """None, or what has become more."""
        problems = []
        if self.fds > before.fds:
            problems.append(f"{self.fds} descriptors, before {before.fds}")
        if self.children > before.children:
            problems.append(f"{self.children} children, before {before.children}")
        if self.bytes > before.bytes + GROWTH_BYTES:
            problems.append(f"{self.bytes} bytes, before {before.bytes}")
        return "\n".join(problems)


def settle(daemon):
    """Wait until the daemon has nothing to do but to serve the neighbour."""
    wait_until_idle(daemon, LINGER_SECONDS)
    host.wait_for(lambda: daemon.ask("status")["idle_renderers"] >= 2, 20)


# --- What happens. Each is given the daemon and returns None, or what went wrong. ---

def kill_programs(daemon):
    """Programs that end at any time, in the middle of anything."""
    moments = random.Random(1)
    for _ in range(KILLS):
        program = start(daemon, run_cases.PROGRAM, "threads_submit")
        time.sleep(moments.uniform(0, 0.3))
        program.kill()
        program.communicate()
    return wait_until_idle(daemon, NOTICE_SECONDS)


def kill_renderers(daemon):
    """Their programs are told, and end."""
    moments = random.Random(2)
    problems = []
    for _ in range(KILLS):
        program = start(daemon, LOAD, "jobs=1000000", "rounds=10")
        time.sleep(moments.uniform(0, 0.3))
        for entry in programs_of(daemon, "default"):
            if entry["renderer_pid"] > 0:
                os.kill(entry["renderer_pid"], signal.SIGKILL)
        problem = None
        if not host.wait_for(lambda: program.poll() is not None, 0.5):
            # It had no renderer yet.
            program.terminate()
        else:
            problem = wait_for_end(program)
        program.communicate()
        problems += [problem] if problem else []
    return "\n".join(problems) or wait_until_idle(daemon, NOTICE_SECONDS)


def stop_renderer(daemon, *command):
    """A renderer that hangs in its driver, and whose program has gone: nobody else would end it."""
    program = start(daemon, *(command or (STUCK, "nothing")))
    program.stdout.readline()
    (entry,) = programs_of(daemon, "default")
    os.kill(entry["renderer_pid"], signal.SIGSTOP)
    program.kill()
    program.communicate()
    return wait_until_idle(daemon, LINGER_SECONDS)


def stop_holder(daemon):
    """The same, most likely while it has the GPU, for which the neighbour waits."""
    return stop_renderer(daemon, LOAD, "jobs=1000000", "rounds=20000", "depth=4")


def open_contexts(daemon):
    """A guest that starts programs as fast as it can, from four processes."""
    programs = [start(daemon, HOSTILE, "contexts", "3") for _ in range(4)]
    problems = [wait_for_end(program, 3 + NOTICE_SECONDS) for program in programs]
    return "\n".join(filter(None, problems)) or wait_until_idle(daemon, NOTICE_SECONDS)


def hold_connections(daemon):
    """More connections than a guest may have, on which nothing is ever said."""
    connections = []
    for _ in range(100):
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        connection.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            connection.connect(str(daemon.socket))
        connections.append(connection)
    time.sleep(1)
    for connection in connections:
        connection.close()
    return wait_until_idle(daemon, LINGER_SECONDS)


def flood(daemon):
    """A ring that is always full of questions whose answers nobody reads."""
    program = start(daemon, HOSTILE, "flood", "3")
    problem = wait_for_end(program, 3 + NOTICE_SECONDS)
    if not problem and program.returncode != 0:
        problem = f"status {program.returncode}"
    return problem or wait_until_idle(daemon, NOTICE_SECONDS)


def run_out_of_fds(daemon):
    """Programs that may have only so many descriptors."""
    problems = []
    for limit in range(4, 32, 3):
        program = start(daemon, run_cases.PROGRAM, "triangle", preexec_fn=lambda: resource.setrlimit(
            resource.RLIMIT_NOFILE, (limit, limit)))
        problem = wait_for_end(program)
        problems += [f"{limit} descriptors: {problem}"] if problem else []
    return "\n".join(problems) or wait_until_idle(daemon, NOTICE_SECONDS)


BESIDE_NEIGHBOUR = {
    "nothing": lambda daemon: time.sleep(1),
    "programs killed": kill_programs,
    "renderers killed": kill_renderers,
    "a renderer hangs, its program is killed": stop_renderer,
    "the same, with the GPU": stop_holder,
    "contexts in a loop": open_contexts,
    "connections that say nothing": hold_connections,
    "a full ring, and answers that nobody reads": flood,
    "programs without descriptors": run_out_of_fds,
}


def test_beside_neighbour(tap, native):
    expected = native_hash()
    with host.Host(name="faults") as daemon:
        neighbour = Neighbour(daemon)
        tap.point("the neighbour draws what it draws natively", None
                  if neighbour.hash == expected else f"{neighbour.hash}, natively {expected}")
        tap.point("a first program", next_program_works(daemon, native))
        settle(daemon)
        before = Resources(daemon)
        for name, fault in BESIDE_NEIGHBOUR.items():
            neighbour.ask()
            began = time.monotonic()
            problem = fault(daemon)
            took = time.monotonic() - began
            did = neighbour.ask()
            print(f"# {name}: {took:.1f} s; the neighbour's frames: {did['frames']}, p50 "
                  f"{did['p50_ns'] / 1e6:.1f} ms, p99 {did['p99_ns'] / 1e6:.1f} ms, longest "
                  f"{did['max_ns'] / 1e6:.1f} ms", flush=True)
            problem = "\n".join(filter(None, [problem, complain(did)]))
            tap.point(name, problem or next_program_works(daemon, native))
        settle(daemon)
        tap.point("nothing has leaked", Resources(daemon).compare(before))
        tap.point("the neighbour ends", None if neighbour.stop() == 0 else
                  f"status {neighbour.process.returncode}")
        tap.point("the daemon ends", None if daemon.stop() == 0 else daemon.log())


# --- Requests for memory, mappings, threads and descriptors that fail, one after the other. ---

class Fault:
    """Which request fails, of which program and library: for the environment of LD_PRELOAD."""

    def __init__(self, directory, program, module="", **more):
        self.path = pathlib.Path(directory) / f"{program}-{module}-number"
        self.env = {"LD_PRELOAD": FAULT, "FAULT_PROGRAM": program, "FAULT_MODULE": module,
                    "FAULT_NUMBER": self.path, **more}
        self.path.write_bytes(bytes(8))

    def set(self, number):
        """0: none."""
        with open(self.path, "r+b") as file:
            file.write(number.to_bytes(8, sys.byteorder))

    def numbers(self, growth=1.1):
        """All at first, then fewer and fewer; the caller ends it with the last that there is."""
        number = 1
        while True:
            self.set(number)
            yield number
            number = max(number + 1, int(number * growth))


def test_guest_memory(tap, native):
    """In the guest driver: the program sees errors, and ends by itself."""
    with tempfile.TemporaryDirectory() as directory, host.Host(name="faults-guest") as daemon:
        fault = Fault(directory, "vulkan_cases", "libvulkan_sluice.so")
        neighbour = Neighbour(daemon)
        problems = []
        for number in fault.numbers(growth=1):
            program = subprocess.Popen([run_cases.PROGRAM, "triangle"],
                                       env=daemon.environment(**fault.env), text=True,
                                       stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                       stderr=subprocess.STDOUT)
            try:
                output = program.communicate(timeout=NOTICE_SECONDS)[0]
            except subprocess.TimeoutExpired:
                program.kill()
                problems.append(f"request {number}: hangs\n{program.communicate()[0]}")
                continue
            if program.returncode < 0:
                problems.append(f"request {number}: signal {-program.returncode}\n{output}")
            if FAILED not in output:
                break
        did = neighbour.ask()
        print(f"# the guest driver makes some {number} requests; the neighbour: {did}")
        problems += filter(None, [neighbour.end(did)])
        tap.point("memory fails in the guest driver",
                  "\n".join(problems) or next_program_works(daemon, native))


def test_renderer_memory(tap, native):
    """In a renderer: its program is told and ends, and no other notices."""
    with tempfile.TemporaryDirectory() as directory:
        fault = Fault(directory, "sluice-renderer")
        with host.Host("--pool=0", name="faults-renderer", env=fault.env) as daemon:
            neighbour = Neighbour(daemon)
            problems = []
            for number in fault.numbers():
                begin = daemon.log_size()
                program = start(daemon, run_cases.PROGRAM, "triangle")
                problem = wait_for_end(program)
                wait_until_idle(daemon, NOTICE_SECONDS)
                log = daemon.log(begin)
                if problem or "was killed" in log:
                    problems.append(f"request {number}: {problem or ''}\n{log}")
                if FAILED not in log:
                    break
            fault.set(0)
            did = neighbour.ask()
            print(f"# a renderer makes some {number} requests; the neighbour: {did}")
            problems += filter(None, [complain(did)])
            tap.point("memory fails in a renderer",
                      "\n".join(problems) or next_program_works(daemon, native))
            tap.point("the neighbour of such renderers", None if neighbour.stop() == 0 else
                      f"status {neighbour.process.returncode}")


def ask_anyway(daemon, *arguments):
    """What is refused is no problem, as long as it is an answer."""
    with contextlib.suppress(subprocess.CalledProcessError):
        daemon.ask(*arguments)


def use_daemon(daemon):
    """A little of everything. None, or what was no answer."""
    ask_anyway(daemon, "add-guest", "more")
    ask_anyway(daemon, "list")
    # The event loop's own memory grows with them.
    connections = [socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) for _ in range(5)]
    for connection in connections:
        connection.connect(str(daemon.socket))
    problem = wait_for_end(start(daemon, run_cases.PROGRAM, "triangle"))
    for connection in connections:
        connection.close()
    daemon.process.send_signal(signal.SIGHUP)
    ask_anyway(daemon, "ledger")
    ask_anyway(daemon, "remove-guest", "more")
    return problem


def serves_on(daemon, native):
    """None, or what was wrong. A request that failed may be the next program's, but not also that of
    the one after it."""
    problem = next_program_works(daemon, native) and next_program_works(daemon, native)
    return problem if daemon.is_running() else "the daemon has ended"


def start_anyway(daemon, fault):
    """Start it again; without the fault if it does not start. None, or what it did not say."""
    begin = daemon.log_size()
    try:
        daemon.start()
    except RuntimeError:
        log = daemon.log(begin)
        fault.set(0)
        daemon.start()
        wanted = "error: .*(memory|Too many open files)"
        return None if re.search(wanted, log) else "it did not start, and did not say why"
    return None


class Manager(socket.socket):
    """What the service manager has of a daemon."""

    def __init__(self, directory):
        super().__init__(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self.path = f"{directory}/notify"
        self.bind(self.path)

    def is_ready(self):
        """Has it been told so since the last call?"""
        told = b""
        with contextlib.suppress(BlockingIOError):
            while True:
                told += self.recv(4096)
        return b"READY=1" in told


def test_daemon_start(tap, native, library):
    """It does not start, in words, or it serves. Who waits is served by it or by the next one. The
    neighbour is another daemon's."""
    with tempfile.TemporaryDirectory() as directory, Manager(directory) as manager:
        fault = Fault(directory, "sluiced", library, NOTIFY_SOCKET=manager.path)
        with host.Host(name="faults-beside") as other, \
                Activated("--pool=1", name="faults-start", env=fault.env) as daemon:
            neighbour = Neighbour(other)
            problems = []
            for number in fault.numbers(growth=1):
                daemon.process.terminate()
                status = daemon.process.wait(NOTICE_SECONDS)
                problems += [f"before request {number}: status {status}"] if status else []
                begin = daemon.log_size()
                late = start(daemon, run_cases.PROGRAM, "triangle")
                problem = start_anyway(daemon, fault) or wait_for_end(late)
                if not manager.is_ready():
                    problem = "the service manager was not told that it is ready"
                log = daemon.log(begin)
                fault.set(0)
                problem = problem or serves_on(daemon, native)
                problems += [f"request {number}: {problem}\n{log}"] if problem else []
                if FAILED not in log:
                    break
            did = neighbour.ask()
            print(f"# {library or 'sluiced'} makes some {number} requests to start; the neighbour: "
                  f"{did}")
            problems += filter(None, [neighbour.end(did)])
            tap.point(f"memory fails in {library or 'sluiced'}, which starts",
                      "\n".join(problems[:3]))


def test_daemon_serving(tap, native, library, growth):
    """It goes on, and a neighbour does not notice. Each time another daemon: what memory libraries
    have had once they keep."""
    with tempfile.TemporaryDirectory() as directory:
        fault = Fault(directory, "sluiced", library, FAULT_LIVE=1)
        problems, all_did = [], []
        for number in fault.numbers(growth):
            fault.set(0)
            with host.Host("--pool=1", name="faults-daemon", env=fault.env) as daemon:
                neighbour = Neighbour(daemon)
                begin = daemon.log_size()
                fault.set(number)
                problem = use_daemon(daemon)
                fault.set(0)
                problem = problem or serves_on(daemon, native)
                all_did.append(neighbour.ask())
                problem = problem or neighbour.end(all_did[-1])
                log = daemon.log(begin)
                if not problem and daemon.stop() != 0:
                    problem = "the daemon ended wrongly"
            problems += [f"request {number}: {problem}\n{log}"] if problem else []
            if FAILED not in log:
                break
        slowest = max(all_did, key=lambda did: did["p99_ns"])
        print(f"# {library or 'sluiced'} makes some {number} requests to serve; the slowest "
              f"neighbour: {slowest}")
        tap.point(f"memory fails in {library or 'sluiced'}, which serves", "\n".join(problems[:3]))


def test_daemon_ends(tap):
    """The first that happens is the signal: the event loop has no memory for events yet."""
    with tempfile.TemporaryDirectory() as directory:
        fault = Fault(directory, "sluiced", "libsystemd.so.0", FAULT_LIVE=1)
        with host.Host("--pool=0", name="faults-end", env=fault.env) as daemon:
            stat = pathlib.Path(f"/proc/{daemon.process.pid}/stat")
            host.wait_for(lambda: ") S " in stat.read_text(), NOTICE_SECONDS)
            fault.set(1)
            status = daemon.stop()
            problem = f"status {status}\n{daemon.log()}" if status != 0 else None
            if FAILED not in daemon.log():
                problem = "no request failed"
            tap.point("the daemon ends without memory", problem)


# --- The host runs out of descriptors, and of disk. ---

def test_daemon_fds(tap, native):
    """Who cannot be accepted waits; the daemon neither spins nor forgets those that it has."""
    limit = ("prlimit", "--nofile=48:48")
    with tempfile.TemporaryDirectory() as directory:
        fault = Fault(directory, "sluiced", "libsystemd.so.0", FAULT_LIVE=1)
        with host.Host("--pool=1", name="faults-fds", prefix=limit, env=fault.env) as daemon:
            run_out_of_daemon_fds(tap, native, daemon, fault)


def run_out_of_daemon_fds(tap, native, daemon, fault):
    neighbour = Neighbour(daemon)
    before = Resources(daemon)
    hold_connections(daemon)
    connections = []
    for _ in range(60):
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        connection.connect(str(daemon.socket))
        connections.append(connection)
    used = cpu_seconds(daemon.process.pid)
    time.sleep(1)
    used = cpu_seconds(daemon.process.pid) - used
    # It asks for memory only to look for connections again.
    fault.set(1)
    failed = host.wait_for(lambda: FAILED in daemon.log(), NOTICE_SECONDS)
    did = neighbour.ask()
    for connection in connections:
        connection.close()
    problem = wait_until_idle(daemon, LINGER_SECONDS)
    if "nobody can connect for now: Too many open files" not in daemon.log():
        problem = "the daemon never ran out of descriptors\n" + daemon.log()
    if not failed:
        problem = "it never looked for connections again"
    if used > 0.5:
        problem = f"in one second the daemon used {used} s"
    problem = neighbour.end(did) or problem
    print(f"# the neighbour: {did}")
    # Those that it had refused keep theirs for 2 s.
    host.wait_for(lambda: not next_program_works(daemon, native), NOTICE_SECONDS)
    tap.point("the daemon without descriptors", problem or next_program_works(daemon, native))
    wait_until_idle(daemon, NOTICE_SECONDS)
    tap.point("it has them back", Resources(daemon).compare(before))


def test_full_disk(tap, native):
    """Recordings, and the log, on a disk of 16 KiB."""
    with tempfile.TemporaryDirectory() as directory:
        mount = ("unshare", "-m", "--propagation", "slave", "sh", "-c",
                 'mount -t tmpfs -o size=16k none "$0" && exec "$@" 2>"$0/log"', directory)
        if os.geteuid() != 0 or subprocess.run([*mount, "true"], stderr=subprocess.DEVNULL,
                                               check=False).returncode != 0:
            tap.point("a full disk", skip="no file systems can be mounted here")
            return
        with host.Host("--record", directory, "--log-level=debug", name="faults-disk",
                       prefix=mount) as daemon:
            neighbour = Neighbour(daemon)
            problems = [next_program_works(daemon, native) for _ in range(4)]
            root = f"/proc/{daemon.process.pid}/root"
            left = os.statvfs(root + directory).f_bavail
            did = neighbour.ask()
            if left != 0:
                problems.append(f"{left} blocks are free: the disk is not full")
            problems.append(neighbour.end(did))
            print(f"# the neighbour: {did}")
            tap.point("a full disk", "\n".join(filter(None, problems)))


# --- The daemon is killed, and the service manager starts it again. ---

def test_daemon_killed(tap, native):
    """Contexts end with it; whoever connects meanwhile is served by the next one. The neighbour is
    another daemon's."""
    moments = random.Random(3)
    problems = []
    with host.Host(name="faults-beside") as other, Activated(name="faults-killed") as daemon:
        neighbour = Neighbour(other)
        for _ in range(4):
            programs = [start(daemon, STUCK, way) for way in ("fence", "queue", "timeline")]
            for program in programs:
                program.stdout.readline()
            # If it has not connected by then, the next one serves it, and it ends, too.
            other = start(daemon, LOAD, "jobs=300", "rounds=10", "period_us=3000")
            time.sleep(moments.uniform(0, 0.5))
            children = pathlib.Path(f"/proc/{daemon.process.pid}/task/{daemon.process.pid}/children")
            renderers = children.read_text().split()
            daemon.process.kill()
            daemon.process.wait()
            # It waits in the socket's queue.
            late = start(daemon, run_cases.PROGRAM, "triangle")
            if not host.wait_for(lambda: not any(is_alive(pid) for pid in renderers),
                                 NOTICE_SECONDS):
                problems.append("renderers outlive their daemon")
            daemon.start()
            problems += [wait_for_end(program, says=DEVICE_LOST) for program in programs]
            problems += [wait_for_end(program) for program in (other, late)]
            if late.returncode != 0:
                problems.append(f"the program that waited: status {late.returncode}")
            problems.append(next_program_works(daemon, native))
            problems.append(wait_until_idle(daemon, NOTICE_SECONDS))
        did = neighbour.ask()
        print(f"# the daemon killed; the neighbour: {did}")
        problems.append(neighbour.end(did))
        tap.point("the daemon killed, and started again", "\n".join(filter(None, problems)))
        tap.point("it ends", None if daemon.stop() == 0 else daemon.log())


def is_alive(pid):
    """Also of a process that nobody has waited for."""
    try:
        state = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return False
    return state not in "ZX"


def main():
    tap = host.Tap()
    native = run_cases.Native()
    test_beside_neighbour(tap, native)
    test_guest_memory(tap, native)
    test_renderer_memory(tap, native)
    for library, growth in (("", 1.3), ("libsystemd.so.0", 1.2)):
        test_daemon_start(tap, native, library)
        test_daemon_serving(tap, native, library, growth)
    test_daemon_ends(tap)
    test_daemon_fds(tap, native)
    test_full_disk(tap, native)
    test_daemon_killed(tap, native)
    return tap.finish()


if __name__ == "__main__":
    sys.exit(main())
