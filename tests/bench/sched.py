#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""How guests share one engine: shares, caps, latency of frames beside hogs, hand-overs, cost. Native,
and Venus where it is installed (SLUICE_VENUS, tests/bench/get_venus.sh), show what frames are like
without a scheduler.

lavapipe's workers are ordinary threads, which the kernel would share out by itself. So one engine is
emulated that nobody takes work from: one worker per driver, all of them on one CPU under SCHED_FIFO
at the same priority, so that each runs a job to its end; everything else is on the other CPUs. That
needs root and two CPUs.
"""

import argparse
import contextlib
import json
import os
import pathlib
import statistics
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/integration"))
# The daemon and all programs inherit it.
os.environ["LP_NUM_THREADS"] = "1"
import bench  # pylint: disable=wrong-import-position
import host  # pylint: disable=wrong-import-position
import test_sched  # pylint: disable=wrong-import-position

LOAD = test_sched.LOAD
STOLEN = host.BUILD / "tests/bench/stolen"
# What a hog has begun while it was alone is not cut; nor is known how long its work takes.
FIRST_SECONDS = 1
THROTTLE = pathlib.Path("/proc/sys/kernel/sched_rt_runtime_us")
JOBS_US = (100, 500, 1000, 2000, 5000, 10000, 20000, 50000)


class Engine:
    """The last CPU, for what renders; the others, for everything else."""

    def __init__(self):
        self.cpus = cpus = sorted(os.sched_getaffinity(0))
        if len(cpus) < 2 or os.geteuid() != 0:
            raise SystemExit("bench.sh sched needs root and two CPUs")
        self.cpu = cpus[-1]
        os.sched_setaffinity(0, cpus[:-1])
        # The kernel would stop what runs under SCHED_FIFO for 50 ms of each second.
        self.throttle = THROTTLE.read_text()
        THROTTLE.write_text("-1")

    def stop(self):
        THROTTLE.write_text(self.throttle)

    @contextlib.contextmanager
    def given_up(self):
        """Everything is on all CPUs for a while."""
        os.sched_setaffinity(0, self.cpus)
        try:
            yield
        finally:
            os.sched_setaffinity(0, self.cpus[:-1])

    def take(self, pid):
        """Put the process's worker on the engine: of its threads the one that works most now. (Before,
        that was the one which compiled the shaders.)"""
        def run_ns():
            return {int(task.name): int((task / "schedstat").read_text().split()[0])
                    for task in pathlib.Path(f"/proc/{pid}/task").iterdir()
                    if int(task.name) != pid}

        before = run_ns()
        time.sleep(0.2)
        worker = max(before.items(), key=lambda old, now=run_ns(): now.get(old[0], 0) - old[1])[0]
        os.sched_setaffinity(worker, {self.cpu})
        os.sched_setscheduler(worker, os.SCHED_FIFO, os.sched_param(1))
        return pathlib.Path(f"/proc/{pid}/task/{worker}")


def rate_work(worker, seconds):
    """In which part of the time the worker works."""
    def read():
        return time.monotonic_ns(), int((worker / "schedstat").read_text().split()[0])

    start, before = read()
    time.sleep(seconds)
    end, after = read()
    return (after - before) / (end - start)


class Watch:
    """When the machine's CPUs were taken away from it."""

    def __init__(self, cpus):
        # On all CPUs, unlike what else is started here.
        self.process = subprocess.Popen(
            ["taskset", "-c", ",".join(map(str, cpus)), STOLEN, *map(str, cpus)], text=True,
            stdout=subprocess.PIPE)

    def stop(self):
        """The times, each from when to when in ns."""
        self.process.kill()
        return [tuple(map(int, line.split()))
                for line in self.process.communicate()[0].splitlines()]


class Native:
    """The same programs on the driver itself."""

    name = "native"

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        pass

    def add(self, guest, *share):
        pass

    def held(self):
        return {}

    def ledger(self):
        return None

    def launch(self, _guest, *arguments):
        process = subprocess.Popen([LOAD, *arguments], env=host.native_environment(), text=True,
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        process.stdout.readline()
        return process

    def worker_pid(self, process):
        return process.pid


class Venus(Native):
    """The same programs through Venus, whose server renders for each in a process of its own."""

    name = "venus"

    def __init__(self, *found):
        self.found = found
        self.venus = None
        self.workers = {}

    def __enter__(self):
        self.venus = bench.Venus(*self.found)
        return self

    def __exit__(self, *exception):
        self.venus.stop()

    def descendants(self):
        """Processes of the server's."""
        parents = {}
        for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
            try:
                parents[int(stat.parent.name)] = int(stat.read_text().rpartition(")")[2].split()[1])
            except (OSError, IndexError):
                continue
        found = {self.venus.server.pid}
        while True:
            more = {pid for pid, parent in parents.items() if parent in found} - found
            if not more:
                return found
            found |= more

    def launch(self, _guest, *arguments):
        before = self.descendants()
        process = subprocess.Popen([*self.venus.wrapper, LOAD, *arguments],
                                   env=self.venus.environment(), text=True,
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        if process.stdout.readline() != "working\n":
            process.kill()
            raise RuntimeError("Venus does not work")
        self.workers[process.pid] = max(self.descendants() - before)
        return process

    def worker_pid(self, process):
        return self.workers[process.pid]


class Sluice(test_sched.Sharing):
    name = "sluice"

    def __init__(self, *options):
        super().__init__(*options, log_level="warning", name="bench-sched")

    def worker_pid(self, process):
        return next(entry["renderer_pid"] for entry in self.programs()
                    if entry["pid"] == process.pid)


class Bench:
    def __init__(self, options):
        self.options = options
        found = bench.Venus.find()
        self.others = [Native] + ([lambda: Venus(*found)] if found else [])
        print(f"Venus: Mesa {found[-1]}" if found else "Venus is not installed.")
        self.engine = Engine()
        self.results = {}
        self.rounds_per_us = 1.0
        output = self.run_alone(Native(), "rounds=1000", "jobs=1500", "depth=1")
        self.rounds_per_us = 1000 / (output["p50_ns"] / 1000)

    def job(self, time_us):
        """Arguments of a job that takes so long. Long ones have more workgroups: nothing can divide one."""
        groups = max(64, min(4096, time_us // 50))
        rounds = max(1, round(time_us * self.rounds_per_us * 64 / groups))
        return f"rounds={rounds}", f"groups={groups}"

    def start(self, system, guest, *arguments):
        process = system.launch(guest, *arguments)
        self.engine.take(system.worker_pid(process))
        return process

    def run_alone(self, system, *arguments):
        system.add("alone")
        process = self.start(system, "alone", *arguments)
        return json.loads(process.communicate(timeout=120)[0])

    @staticmethod
    def finish(processes):
        """Let them end; what each did. Whoever has a job under way that is long ends later."""
        for process in processes:
            process.stdin.close()
            process.stdin = None
        return [json.loads(process.communicate(timeout=120)[0]) for process in processes]

    def note(self, name, values, unit, target):
        """A line of the table."""
        value = statistics.median(values)
        spread = f"{min(values):.4g}-{max(values):.4g}"
        self.results[name] = {"median": value, "values": values, "unit": unit}
        print(f"{name:<66} {value:>9.4g} {unit:<4} ({spread}) {target}", flush=True)

    def repeat(self, function):
        return [function() for _ in range(self.options.repeat)]

    def shares(self, weights, jobs_us):
        """The largest error of a share in percent of the entitlement, and Jain's index."""
        with Sluice() as daemon:
            guests = [f"g{i}" for i in range(len(weights))]
            for guest, weight in zip(guests, weights):
                daemon.add(guest, f"weight={weight}")
            processes = [self.start(daemon, guest, *self.job(job), "depth=8")
                         for guest, job in zip(guests, jobs_us)]
            time.sleep(0.5)
            parts = daemon.measure(self.options.seconds)
            for process in processes:
                process.kill()
                process.wait()
        total = sum(parts[guest] for guest in guests)
        ratios = [parts[guest] / total * sum(weights) / weight
                  for guest, weight in zip(guests, weights)]
        error = max(abs(ratio - 1) for ratio in ratios) * 100
        jain = sum(ratios) ** 2 / (len(ratios) * sum(ratio ** 2 for ratio in ratios))
        return error, jain

    def measure_shares(self):
        for name, weights, jobs in (
                ("1:1, jobs of 1 and 1 ms", (1, 1), (1000, 1000)),
                ("1:1, jobs of 0.1 and 50 ms", (1, 1), (100, 50000)),
                ("3:1, jobs of 0.1 and 20 ms", (3, 1), (100, 20000)),
                ("5:3:2, jobs of 2, 0.5 and 10 ms", (5, 3, 2), (2000, 500, 10000)),
                ("eight equal, jobs of 0.1 to 50 ms", (1,) * 8, JOBS_US)):
            runs = self.repeat(lambda w=weights, j=jobs: self.shares(w, j))
            self.note(f"share error, {name}", [run[0] for run in runs], "%", "(<= 2)")
            self.note(f"Jain index, {name}", [run[1] for run in runs], "", "(>= 0.995)")

    def cap(self, others):
        with Sluice() as daemon:
            daemon.add("capped", "cap=25%")
            processes = [self.start(daemon, "capped", *self.job(1000), "depth=8")]
            for i in range(others):
                daemon.add(f"other{i}")
                processes.append(self.start(daemon, f"other{i}", *self.job(1000), "depth=8"))
            time.sleep(0.5)
            part = daemon.measure(self.options.seconds)["capped"]
            self.finish(processes)
            return part * 100

    def frames(self, system, hogs, deadline):
        """A client with frames of 1 ms at 60 Hz beside hogs. What the table has of it."""
        with system:
            hogs = [(f"hog{i}", job_us) for i, job_us in enumerate(hogs)]
            processes = []
            for name, job_us in hogs:
                system.add(name)
                processes.append(self.start(system, name, *self.job(job_us)))
            system.add("frames", *deadline)
            frames = self.start(system, "frames", *self.job(1000), "depth=1", "period_us=16667",
                                "samples=1")
            watch = Watch(self.engine.cpus)
            before = system.held()
            start = time.monotonic()
            time.sleep(FIRST_SECONDS + self.options.seconds)
            output = self.finish([frames])[0]
            elapsed = time.monotonic() - start
            after = system.held()
            stolen = watch.stop()
            for process in processes:
                process.kill()
                process.wait()
        result = rate_frames(output["samples"], stolen)
        result["hogs"] = sum(after[name] - before[name] for name, _ in hogs if name in after)
        result["hogs"] /= elapsed * (1 - 0.06)
        return result

    def note_frames(self, system, where, runs, is_goal):
        self.note(f"{system}: frame p99 {where}", [run["p99"] for run in runs], "ms",
                  "(<= 6.5)" if is_goal else "")
        self.note(f"{system}: frames a second {where}", [run["fps"] for run in runs], "",
                  "(60)" if is_goal else "")
        self.note(f"{system}: p99 of all, also while the machine stood still",
                  [run["p99_all"] for run in runs], "ms", "")

    def measure_frames(self):
        for name, hogs in (("alone", ()), ("beside a hog of 200 ms", (200000,)),
                           ("beside three hogs of 20 ms", (20000,) * 3)):
            for make in self.others:
                runs = self.repeat(lambda m=make, h=hogs: self.frames(m(), h, ()))
                self.note_frames(make().name, name, runs, False)
            for deadline in ("deadline=60fps",), ():
                where = f"{name}, {deadline[0] if deadline else 'no deadline'}"
                runs = self.repeat(lambda h=hogs, d=deadline: self.frames(Sluice(), h, d))
                self.note_frames("sluice", where, runs, True)
                if hogs:
                    self.note(f"sluice: hogs' part of what is left {where}",
                              [run["hogs"] for run in runs], "", "(>= 0.9)")

    def throughput(self, make, job_us, is_ordinary):
        """Jobs a second, and the part of the time in which the engine works: what it does not comes
        of what is before it, however fast it is at the moment. is_ordinary: there is none; the
        worker is a thread like others, on all CPUs."""
        work = None
        with self.engine.given_up() if is_ordinary else contextlib.nullcontext(), make() as system:
            system.add("alone")
            process = system.launch("alone", *self.job(job_us), f"jobs={round(2e6 / job_us)}",
                                    "depth=4")
            if not is_ordinary:
                work = rate_work(self.engine.take(system.worker_pid(process)), 1)
            output = json.loads(process.communicate(timeout=120)[0])
        return output["jobs"] / (output["time_ns"] / 1e9), work

    def together(self, system, job_us):
        """Two programs at the same time: jobs a second of both, and ledgers before and after."""
        processes = []
        for guest in ("a", "b"):
            system.add(guest)
            processes.append(self.start(system, guest, *self.job(job_us), "depth=8", "samples=1"))
        before, start = system.ledger(), time.monotonic_ns()
        time.sleep(self.options.seconds)
        after, end = system.ledger(), time.monotonic_ns()
        samples = [sample for output in self.finish(processes) for sample in output["samples"]]
        jobs = sum(1 for begin, took in samples if start <= begin + took < end)
        return jobs / ((end - start) / 1e9), before, after

    def contended(self, job_us):
        """Two guests: their jobs beside those of two native programs, the part of the time in which
        the GPU has work, hand-overs in µs."""
        with Native() as system:
            native = self.together(system, job_us)[0]
        with Sluice() as system:
            sluice, before, after = self.together(system, job_us)
        used = (after["used_ns"] - before["used_ns"]) / (after["wall_ns"] - before["wall_ns"])
        return (sluice / native, used, after["handover_p50_ns"] / 1000,
                after["handover_p99_ns"] / 1000)

    def measure_alone(self, is_ordinary):
        where = ", ordinary threads" if is_ordinary else ""
        for job_us in (100, 1000, 10000):
            runs = self.repeat(lambda j=job_us: [
                self.throughput(make, j, is_ordinary) for make in (*self.others, Sluice)])
            name = f"alone, jobs of {job_us / 1000:g} ms{where}"
            self.note(f"{name}: speed beside native", [run[-1][0] / run[0][0] for run in runs], "",
                      "(>= 0.99)")
            if not is_ordinary:
                self.note(f"{name}: engine at work, native", [run[0][1] for run in runs], "", "")
                self.note(f"{name}: engine at work, Sluice", [run[-1][1] for run in runs], "", "")
            if len(self.others) > 1:
                self.note(f"{name}: Venus's speed beside native",
                          [run[1][0] / run[0][0] for run in runs], "", "")

    def measure_cost(self):
        for is_ordinary in (False, True):
            self.measure_alone(is_ordinary)
        for job_us in (1000, 3000, 10000):
            runs = self.repeat(lambda j=job_us: self.contended(j))
            name = f"two guests, jobs of {job_us / 1000:g} ms"
            self.note(f"{name}: speed beside two native programs", [run[0] for run in runs], "",
                      "(>= 0.95)")
            self.note(f"{name}: part of the time that the GPU has work", [run[1] for run in runs],
                      "", "")
            self.note(f"{name}: hand-over, median", [run[2] for run in runs], "us", "(<= 100)")
            self.note(f"{name}: hand-over, p99", [run[3] for run in runs], "us", "")

    def plot(self, path):
        """Shares of three guests while weights change, as SVG."""
        changes = [(0, "all 1", None), (3, "a: weight 3", ("a", "weight=3")),
                   (6, "b: cap 20 %", ("b", "cap=20%")), (9, "c: background",
                                                          ("c", "class=background"))]
        points = []
        with Sluice() as daemon:
            processes = []
            for guest in "abc":
                daemon.add(guest)
                processes.append(self.start(daemon, guest, *self.job(1000), "depth=8"))
            start = time.monotonic()
            left = list(changes)
            while time.monotonic() - start < 12:
                if left and time.monotonic() - start >= left[0][0]:
                    change = left.pop(0)[2]
                    if change:
                        daemon.ask("set", *change)
                parts = daemon.measure(0.2)
                points.append((time.monotonic() - start - 0.1, parts))
            self.finish(processes)
        pathlib.Path(path).write_text(draw(points, changes), encoding="utf-8")


def rate_frames(samples, stolen):
    """Of each frame it is known when it began and how long it took, in ns."""
    first = samples[0][0] + FIRST_SECONDS * 10 ** 9
    frames = [frame for frame in samples if frame[0] >= first]
    times = sorted(took for _, took in frames)
    # The clock of the machine went on while it stood still, and its programs did not.
    sound = sorted(took for begin, took in frames
                   if not any(start < begin + took and end > begin for start, end in stolen))

    def p99(values):
        return values[len(values) * 99 // 100] / 1e6

    return {"p99": p99(sound), "p99_all": p99(times),
            "fps": (len(frames) - 1) / ((frames[-1][0] - frames[0][0]) / 1e9)}


def draw(points, changes):
    """A line per guest over time."""
    colors = {"a": "#1b6ca8", "b": "#c8553d", "c": "#588157"}
    lines = ['<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 720 300" '
             'font-family="sans-serif" font-size="12">',
             '<rect width="720" height="300" fill="white"/>']
    for percent in range(0, 101, 25):
        y = 260 - percent * 2.3
        lines.append(f'<line x1="50" y1="{y}" x2="690" y2="{y}" stroke="#ddd"/>'
                     f'<text x="44" y="{y + 4}" text-anchor="end">{percent} %</text>')
    for second, label, _ in changes:
        x = 50 + second * 640 / 12
        lines.append(f'<line x1="{x}" y1="20" x2="{x}" y2="260" stroke="#999" '
                     f'stroke-dasharray="4"/><text x="{x + 4}" y="18">{label}</text>')
    for guest, color in colors.items():
        path = " ".join(f"{50 + t * 640 / 12:.1f},{260 - parts[guest] * 230:.1f}"
                        for t, parts in points if t <= 12)
        end = 260 - points[-1][1][guest] * 230
        lines.append(f'<polyline points="{path}" fill="none" stroke="{color}" stroke-width="2"/>'
                     f'<text x="694" y="{end + 4:.1f}" fill="{color}">{guest}</text>')
    lines.append('<text x="370" y="290" text-anchor="middle">seconds, 0 to 12</text></svg>')
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(prog="bench.sh sched", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeat", type=int, default=3, help="runs of each (default: 3)")
    parser.add_argument("--seconds", type=float, default=5, help="of each run (default: 5)")
    parser.add_argument("--only", choices=["shares", "cap", "frames", "cost", "plot"])
    parser.add_argument("--json", metavar="FILE", help="write all figures there")
    parser.add_argument("--plot", metavar="FILE.svg", help="draw shares while weights change")
    options = parser.parse_args()
    sched = Bench(options)
    try:
        if options.only in (None, "shares"):
            sched.measure_shares()
        if options.only in (None, "cap"):
            sched.note("cap of 25 %, alone", sched.repeat(lambda: sched.cap(0)), "%", "(<= 25.25)")
            sched.note("cap of 25 %, beside two others", sched.repeat(lambda: sched.cap(2)), "%",
                       "(<= 25.25)")
        if options.only in (None, "frames"):
            sched.measure_frames()
        if options.only in (None, "cost"):
            sched.measure_cost()
        if options.plot:
            sched.plot(options.plot)
    finally:
        sched.engine.stop()
    if options.json:
        pathlib.Path(options.json).write_text(json.dumps(sched.results, indent=2) + "\n",
                                              encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
