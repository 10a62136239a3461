#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Run vulkan_bench inside a virtual machine and natively on the host; print medians, ratios, and how
often the guest left its CPU for each turn of what is measured (a frame, a submission, a call):
packets (shared memory), doorbells, waits for the host; and how often the host woke it."""

import argparse
import json
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile
import time

import bench

ROOT = bench.ROOT
ENDS = re.compile(r"context \d+ \(vulkan_bench\) ends: (\d+) packets, (\d+) doorbells, "
                  r"(\d+) waits, (\d+) wake-ups")
# A run that measures nothing else.
STARTUP = "startup"
SCRIPT = """
cd /share
while read -r name; do
	"$1" "$name" >>out 2>>err || echo '{"metric": "failed", "value": 1}' >>out
	echo '{"metric": "end", "value": 0}' >>out
done <names
"""


def accelerator():
    """What vm.sh chose: it remembers."""
    files = list((ROOT / ".cache").glob("accelerator-*"))
    return files[0].read_text().strip() if files else "unknown accelerator"


def run_guest(names, rounds, options):
    """Returns a list of (name, metric → value, turns, (packets, doorbells, waits, wake-ups))."""
    order = [name for _ in range(rounds) for name in names]
    with tempfile.TemporaryDirectory() as directory:
        directory = pathlib.Path(directory)
        (directory / "names").write_text("".join(f"{name}\n" for name in order))
        (directory / "script").write_text(SCRIPT)
        run = subprocess.run(
            [ROOT / "scripts/vm.sh", "run", "--no-build", "--log-level", "debug", "--share",
             directory, "--timeout", "3000", *options, "--", "sh", "/share/script",
             bench.PROGRAM],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            check=False)
        if run.returncode != 0:
            raise RuntimeError(run.stdout[-3000:])
        lines = [json.loads(line) for line in (directory / "out").read_text().splitlines()]
    counts = [tuple(int(n) for n in match.groups()) for match in ENDS.finditer(run.stdout)]
    results, metrics, turns = [], {}, 1
    for line in lines:
        if line["metric"] != "end":
            metrics[line["metric"]] = line["value"]
            turns = line.get("turns", turns)
            continue
        number = len(results)
        results.append((order[number], metrics, turns,
                        counts[number] if number < len(counts) else None))
        metrics = {}
    return results


def print_exits(exits):
    """exits: name → [(turns, counts)]. What a run needs before and after its turns is left out."""
    ends = [statistics.median(column) for column in zip(*(counts for _, counts in exits[STARTUP]))]
    print(f"\n{'each turn':36}{'packets':>10}{'doorbells':>10}{'waits':>10}{'wake-ups':>10}"
          f"{'turns':>10}")
    for name, runs in exits.items():
        if name == STARTUP:
            continue
        turns = runs[0][0]
        columns = zip(*(counts for _, counts in runs))
        print(f"{name:36}" + "".join(f"{max(0, statistics.median(column) - end) / turns:>10.3f}"
                                     for column, end in zip(columns, ends)) + f"{turns:>10}")
    print(f"{'(a run without any turns)':36}" + "".join(f"{end:>10.0f}" for end in ends))


def print_emulation(summary):
    """The part of a bandwidth that is the emulated CPU's: natively and in the guest the program
    copies as much of its own memory."""
    medians = {system: {metric: values[0] for metric, values in metrics.items()}
               for system, metrics in summary.items()}
    if any(not {"bandwidth_gib_s", "memcpy_gib_s"} <= set(metrics) for metrics in medians.values()):
        return
    # Seconds per GiB: what the device's copy takes natively, and the guest's own copies.
    device = 1 / medians["native"]["bandwidth_gib_s"] - 1 / medians["native"]["memcpy_gib_s"]
    bound = 1 / (max(device, 0) + 1 / medians["sluice"]["memcpy_gib_s"])
    print(f"\nHost-visible memory: {medians['sluice']['bandwidth_gib_s']:.2f} GiB/s in the guest, "
          f"whose CPU copies its own memory at {medians['sluice']['memcpy_gib_s']:.2f} (natively "
          f"{medians['native']['memcpy_gib_s']:.2f}):\n"
          f"{medians['sluice']['bandwidth_gib_s'] / bound:.2f} of the {bound:.2f} GiB/s that this "
          "CPU and the native device's copy make possible")


def main():
    parser = argparse.ArgumentParser(prog="bench.sh vm", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="turns of each (default: 3)")
    parser.add_argument("--accel", choices=["kvm", "tcg"], help="as scripts/vm.sh has it")
    parser.add_argument("--front-end", choices=["vhost-user", "vfio-user"], default="vhost-user",
                        help="as scripts/vm.sh has it")
    parser.add_argument("names", nargs="*", metavar="METRIC",
                        help="only these: " + ", ".join(bench.NAMES))
    arguments = parser.parse_args()
    names = arguments.names or bench.NAMES

    native = bench.Native()
    runs = {"native": {}, "sluice": {}}
    exits = {}
    for _ in range(arguments.rounds):
        for name in names:
            for metric, value in bench.measure(native, name).items():
                runs["native"].setdefault(metric, []).append(value)
    options = ["--front-end", arguments.front_end]
    if arguments.accel:
        options += ["--accel", arguments.accel]
    for name, metrics, turns, counts in run_guest([STARTUP, *names], arguments.rounds, options):
        if "failed" in metrics:
            raise RuntimeError(f"{name} fails in the virtual machine")
        for metric, value in metrics.items():
            runs["sluice"].setdefault(metric, []).append(value)
        if counts:
            exits.setdefault(name, []).append((turns, counts))

    print(f"{time.strftime('%Y-%m-%d')}, {bench.describe_machine()}; QEMU with "
          f"{arguments.accel or accelerator()}, {arguments.front_end}")
    print(f"Medians of {arguments.rounds} rounds; sluice: inside the virtual machine\n")
    bench.print_table(bench.summarize(runs))
    print_emulation(bench.summarize(runs))
    if STARTUP in exits:
        print_exits(exits)
    return 0


if __name__ == "__main__":
    sys.exit(main())
