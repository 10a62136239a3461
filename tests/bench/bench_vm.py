#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Run vulkan_bench inside a virtual machine and natively on the host; print medians, ratios, and how
often the guest left its CPU: packets (shared memory), doorbells and waits of each run."""

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
    """Returns a list of (name, metric → value, (packets, doorbells, waits, wake-ups))."""
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
    results, metrics = [], {}
    for line in lines:
        if line["metric"] != "end":
            metrics[line["metric"]] = line["value"]
            continue
        number = len(results)
        results.append((order[number], metrics,
                        counts[number] if number < len(counts) else None))
        metrics = {}
    return results


def main():
    parser = argparse.ArgumentParser(prog="bench.sh vm", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="turns of each (default: 3)")
    parser.add_argument("--accel", choices=["kvm", "tcg"], help="as scripts/vm.sh has it")
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
    options = ["--accel", arguments.accel] if arguments.accel else []
    for name, metrics, counts in run_guest(names, arguments.rounds, options):
        if "failed" in metrics:
            raise RuntimeError(f"{name} fails in the virtual machine")
        for metric, value in metrics.items():
            runs["sluice"].setdefault(metric, []).append(value)
        if counts:
            exits.setdefault(name, []).append(counts)

    print(f"{time.strftime('%Y-%m-%d')}, {bench.describe_machine()}; QEMU with "
          f"{arguments.accel or accelerator()}")
    print(f"Medians of {arguments.rounds} rounds; sluice: inside the virtual machine\n")
    bench.print_table(bench.summarize(runs))
    print(f"\n{'each run, start and end included':36}{'packets':>10}{'doorbells':>10}"
          f"{'waits':>10}{'wake-ups':>10}")
    for name, counts in exits.items():
        print(f"{name:36}" + "".join(f"{statistics.median(column):>10.0f}"
                                     for column in zip(*counts)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
