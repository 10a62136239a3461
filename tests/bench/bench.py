#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Run vulkan_bench on the host's driver directly, through Sluice, and through Venus where it is
installed, by turns; print medians, spreads, ratios, and which targets are reached."""

import argparse
import json
import os
import pathlib
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/integration"))
import host  # pylint: disable=wrong-import-position

PROGRAM = host.BUILD / "tests/bench/vulkan_bench"

# What vulkan_bench can be asked for. Each run tells of the start-up too.
NAMES = ("submit_wait", "fence_status", "timeline_value", "hot_call", "idle_call", "draws",
         "light_frame", "bandwidth", "memcpy")

# Metric → (for people, unit, digits, larger is better).
METRICS = {
    "submit_wait_us": ("empty submission and wait", "µs", 1, False),
    "fence_status_ns": ("status of a pending fence", "ns", 0, False),
    "timeline_value_ns": ("value of a timeline semaphore", "ns", 0, False),
    "hot_call_us": ("synchronous call, hot", "µs", 2, False),
    "idle_call_us": ("synchronous call after 10 ms idle", "µs", 1, False),
    "draws_ms": ("record and execute 10,000 draws", "ms", 2, False),
    "light_frame_ms": ("light frame", "ms", 3, False),
    "bandwidth_gib_s": ("host-visible memory", "GiB/s", 2, True),
    "memcpy_gib_s": ("the program's own memory", "GiB/s", 2, True),
    "startup_ms": ("from instance to device", "ms", 1, False),
}

# Metric → (what is compared with, limit): Sluice's figure divided by the other's, or absolute.
# At most the limit where small is good; at least, where the ratio is of speeds.
TARGETS = {
    "submit_wait_us": ("venus", 1 / 3),
    "fence_status_ns": ("absolute", 300),
    "timeline_value_ns": ("absolute", 300),
    "hot_call_us": ("venus", 1.0),
    "idle_call_us": ("venus", 1 / 4),
    "draws_ms": ("native speed", 0.8),
    "light_frame_ms": ("native speed", 0.95),
    "bandwidth_gib_s": ("native speed", 0.95),
    "startup_ms": ("venus", 1.0),
}


class Native:
    name = "native"
    wrapper = []
    broken = frozenset()

    def environment(self):
        return host.native_environment()

    def stop(self):
        pass


class Sluice:
    name = "sluice"
    wrapper = []
    broken = frozenset()

    def __init__(self, options):
        self.daemon = host.Host(*options, log_level="warning", name="bench")

    def environment(self):
        return self.daemon.environment()

    def stop(self):
        self.daemon.stop()


class Venus:
    """Mesa's Vulkan driver for virtio-gpu, over the test server of virglrenderer."""

    name = "venus"

    def __init__(self, server, manifest, wrapper, version):
        self.manifest, self.wrapper, self.version = manifest, wrapper, version
        self.broken = set()
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="venus-"))
        self.socket = self.directory / "vtest.sock"
        self.server = subprocess.Popen(
            [server, "--venus", "--no-virgl", "--multi-clients", "--no-fork",
             f"--socket-path={self.socket}"],
            env=host.native_environment(), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL)
        host.wait_for(self.socket.exists, 5)

    @staticmethod
    def find():
        """The arguments of Venus(): what get_venus.sh unpacked, else what is installed, or None."""
        unpacked = os.environ.get("SLUICE_VENUS")
        if unpacked:
            unpacked = pathlib.Path(unpacked)
            return (unpacked / "server", unpacked / "driver.json", [unpacked / "run"],
                    (unpacked / "version").read_text().strip())
        server = shutil.which("virgl_test_server")
        manifests = sorted(host.LAVAPIPE.parent.glob("virtio_icd*.json")) if host.LAVAPIPE else []
        return (server, manifests[0], [], "installed") if server and manifests else None

    def environment(self):
        return host.clean_environment(VK_DRIVER_FILES=self.manifest, VK_ICD_FILENAMES=self.manifest,
                                      VN_DEBUG="vtest", VTEST_SOCKET_NAME=self.socket)

    def stop(self):
        self.server.terminate()
        self.server.wait()
        shutil.rmtree(self.directory, ignore_errors=True)


def measure(system, name):
    """One run of the program for one metric: metric → value. Raises RuntimeError if it fails."""
    try:
        run = subprocess.run([*system.wrapper, PROGRAM, name], env=system.environment(),
                             stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE, text=True, timeout=120, check=False)
    except subprocess.TimeoutExpired as expired:
        raise RuntimeError(f"{system.name} hangs in '{name}'") from expired
    if run.returncode != 0:
        raise RuntimeError(f"{system.name} fails in '{name}': status {run.returncode}, "
                           + run.stderr.strip())
    lines = [json.loads(line) for line in run.stdout.splitlines()]
    return {line["metric"]: line["value"] for line in lines}


def describe_machine():
    cpu = next((line.split(":")[1].strip() for line in open("/proc/cpuinfo", encoding="utf-8")
                if line.startswith("model name")), "unknown processor")
    load = os.getloadavg()[0]
    return (f"{cpu}, {os.cpu_count()} CPUs, Linux {platform.release()}, load {load:.1f}; "
            f"driver {host.host_driver()}")


def summarize(runs):
    """system → metric → (median, least, greatest)."""
    return {system: {metric: (statistics.median(values), min(values), max(values))
                     for metric, values in metrics.items()}
            for system, metrics in runs.items()}


def print_table(summary):
    systems = list(summary)
    print(f"{'':36}" + "".join(f"{system:>26}" for system in systems) + f"{'sluice/native':>15}"
          + (f"{'sluice/venus':>14}" if "venus" in systems else ""))
    for metric, (title, unit, digits, _) in METRICS.items():
        line = f"{title + ', ' + unit:36}"
        for system in systems:
            if metric not in summary[system]:
                line += f"{'-':>26}"
                continue
            median, least, most = summary[system][metric]
            line += f"{f'{median:.{digits}f} ({least:.{digits}f}-{most:.{digits}f})':>26}"
        for other in ("native", "venus"):
            if other in summary and metric in summary[other] and metric in summary["sluice"]:
                ratio = summary["sluice"][metric][0] / summary[other][metric][0]
                line += f"{ratio:>{15 if other == 'native' else 14}.2f}"
        print(line)


def judge(metric, summary):
    """(what was reached, or None if it cannot be said; the sentence)."""
    against, limit = TARGETS[metric]
    title, unit, digits, larger = METRICS[metric]
    if metric not in summary["sluice"]:
        return None, f"{title}: not measured"
    ours = summary["sluice"][metric][0]
    if against == "absolute":
        return ours <= limit, f"{title}: {ours:.{digits}f} {unit}, at most {limit:g} {unit} wanted"
    other = "native" if against == "native speed" else "venus"
    if other not in summary or metric not in summary[other]:
        return None, (f"{title}: {ours:.{digits}f} {unit}; at most {limit:.2f} of Venus's wanted, "
                      "which is not installed")
    theirs = summary[other][metric][0]
    if against == "native speed":
        speed = ours / theirs if larger else theirs / ours
        return speed >= limit, f"{title}: {speed:.2f} of native's speed, at least {limit:g} wanted"
    return ours <= theirs * limit, (f"{title}: {ours / theirs:.2f} of Venus's time, at most "
                                    f"{limit:.2f} wanted")


def run_by_turns(systems, turn, name, runs):
    """One metric once on each system, another one first each time. What Venus cannot do is left
    out from then on."""
    for system in systems[turn % len(systems):] + systems[:turn % len(systems)]:
        if name in system.broken:
            continue
        try:
            for metric, value in measure(system, name).items():
                runs[system.name].setdefault(metric, []).append(value)
        except RuntimeError as error:
            if system.name != "venus":
                raise
            system.broken.add(name)
            print(error)


def main():
    parser = argparse.ArgumentParser(prog="bench.sh", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="turns of each (default: 5)")
    parser.add_argument("--memory-mode", choices=["auto", "import", "copy"], default="auto",
                        help="how Sluice's daemon shares memory with the driver")
    parser.add_argument("--json", type=pathlib.Path, metavar="FILE",
                        help="write all figures there too")
    parser.add_argument("names", nargs="*", metavar="METRIC",
                        help="only these: " + ", ".join(NAMES))
    arguments = parser.parse_args()
    unknown = set(arguments.names) - set(NAMES)
    if unknown:
        parser.error(f"there is no metric {', '.join(unknown)}")

    print(f"{time.strftime('%Y-%m-%d')}, {describe_machine()}")
    systems = [Native(), Sluice(["--memory-mode", arguments.memory_mode])]
    found = Venus.find()
    if found:
        systems.append(Venus(*found))
        print(f"Venus: Mesa {systems[-1].version}")
    else:
        print("Venus is not installed; tests/bench/get_venus.sh unpacks one for comparison.")
    runs = {system.name: {} for system in systems}
    try:
        for turn in range(arguments.rounds):
            for name in arguments.names or NAMES:
                run_by_turns(systems, turn, name, runs)
            print(f"round {turn + 1} of {arguments.rounds} done", file=sys.stderr)
    finally:
        for system in systems:
            system.stop()

    summary = summarize(runs)
    print(f"Medians of {arguments.rounds} rounds (least-greatest):\n")
    print_table(summary)
    print()
    for metric in TARGETS:
        reached, sentence = judge(metric, summary)
        word = {True: "reached", False: "not reached", None: "cannot be said"}[reached]
        print(f"{word + ':':16}{sentence}")
    if arguments.json:
        arguments.json.write_text(json.dumps({"machine": describe_machine(), "runs": runs},
                                             indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
