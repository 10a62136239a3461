#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Piglit, Mesa's test suite of OpenGL, on Zink: natively and through Sluice. What passes natively
must pass through Sluice.

Without arguments the tests of piglit.txt are run. --match and --every take any part of piglit's
profiles instead: "--every 10" is a tenth of it, "--match spec@arb_sync" all about an extension.
"""

import argparse
import bz2
import collections
import gzip
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import xml.etree.ElementTree
import zlib

import host
from display import Xvfb, ZINK, has, run

SUITE = pathlib.Path("/usr/lib/x86_64-linux-gnu/piglit/tests")
LIST = pathlib.Path(__file__).parent / "piglit.txt"
# A warning is about the quality of a picture, or about a message of the driver.
GOOD = {"pass", "warn"}


def read_list(path):
    lines = [line.split("#")[0].strip() for line in path.read_text().splitlines()]
    return {line for line in lines if line}


def make_profile(path, profiles, is_wanted):
    """A profile of piglit's of those tests of profiles that is_wanted(name). Returns the names."""
    tests = {}
    for profile in profiles:
        with gzip.open(SUITE / f"{profile}.xml.gz") as file:
            for element in xml.etree.ElementTree.parse(file).getroot().iter("Test"):
                if is_wanted(element.get("name")):
                    tests[element.get("name")] = element
    root = xml.etree.ElementTree.Element("PiglitTestList", count=str(len(tests)), name="chosen")
    root.extend(tests.values())
    with gzip.open(path, "wb", compresslevel=1) as file:
        xml.etree.ElementTree.ElementTree(root).write(file)
    return set(tests)


def run_piglit(profile, directory, env, jobs):
    """{test: result} and, for the parts of a test that have results, {test@@part: result}."""
    # A test that takes minutes is not of the "quick" profiles.
    subprocess.run(["piglit", "run", "--overwrite", "--platform", "glx", "--jobs", str(jobs),
                    "--log-level", "dummy", "--timeout", "180", profile, directory],
                   env=env | {"PIGLIT_NO_FAST_SKIP": "1", "PYTHONWARNINGS": "ignore"},
                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=True)
    with bz2.open(directory / "results.json.bz2") as file:
        tests = json.load(file)["tests"]
    results = {}
    for name, test in tests.items():
        results[name] = test["result"]
        for part, result in test["subtests"].items():
            if part != "__type__":
                results[f"{name}@@{part}"] = result
    return results


def differences(native, sluice):
    """{test: [text]} of all that is good natively only."""
    found = collections.defaultdict(list)
    for name, expected in native.items():
        result = sluice.get(name, "missing")
        if expected in GOOD and result not in GOOD:
            found[name.split("@@")[0]].append(f"{name}: {result}, natively {expected}")
    return found


class Comparison:
    """Runs tests both ways. Piglit's own results are below directory."""

    def __init__(self, directory, daemon, server, jobs):
        self.directory = directory
        self.jobs = jobs
        self.environments = {
            "native": host.native_environment(**server.environment(), **ZINK),
            "sluice": daemon.environment(**server.environment(), **ZINK)}

    def renderers(self):
        """What OpenGL says of itself, for each way."""
        texts = {}
        for way, env in self.environments.items():
            _, output = run(["glxinfo", "-B"], env)
            texts[way] = next((line for line in output.splitlines()
                               if line.startswith("OpenGL renderer string:")), output)
        return texts

    def run(self, profile, label=""):
        return [run_piglit(profile, self.directory / f"{way}{label}", env, self.jobs)
                for way, env in self.environments.items()]

    def repeat(self, profiles, suspects, times):
        """Those of suspects that differ each time they are run once more."""
        profile = self.directory / "again.xml.gz"
        for i in range(times):
            if not suspects:
                break
            make_profile(profile, profiles, suspects.__contains__)
            again = differences(*self.run(profile, f"-again{i + 1}"))
            suspects = {name: again[name] for name in suspects if name in again}
        return suspects


def compare(tap, arguments, directory, daemon, server):
    if arguments.match or arguments.every:
        # Which ones those are depends on their names alone.
        def is_wanted(name):
            return (re.search(arguments.match or "", name) is not None and
                    zlib.crc32(name.encode()) % (arguments.every or 1) == 0)
    else:
        is_wanted = read_list(arguments.list).__contains__
    profile = directory / "chosen.xml.gz"
    names = make_profile(profile, arguments.profile, is_wanted)

    comparison = Comparison(directory, daemon, server, arguments.jobs)
    for way, text in comparison.renderers().items():
        tap.point(f"{way}: OpenGL is Zink's", None if "zink (" in text else text)
    before, = daemon.ask("list")["guests"]
    native, sluice = comparison.run(profile)
    after, = daemon.ask("list")["guests"]
    found = differences(native, sluice)
    lasting = comparison.repeat(arguments.profile, found, arguments.again)

    counts = {way: sum(results.get(name) in GOOD for name in names)
              for way, results in (("natively", native), ("through Sluice", sluice))}
    for name in sorted(names):
        if native.get(name) not in GOOD and name not in found:
            tap.point(name, skip=f"natively: {native.get(name)}")
        elif name in found and name not in lasting:
            tap.point(name, skip="; ".join(found[name]) + ", but not always")
        else:
            tap.point(name, "\n".join(found.get(name, [])))
    ran = after["programs_total"] - before["programs_total"]
    tap.point("the tests used Sluice", None if ran >= counts["through Sluice"] else
              f"{ran} programs for {counts['through Sluice']} tests")
    print(f"# {len(names)} tests: " + ", ".join(f"{count} pass {way}" for way, count in
                                                counts.items()))


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--list", type=pathlib.Path, default=LIST,
                        help="a file of names, one per line (default: piglit.txt)")
    parser.add_argument("--match", metavar="REGEX", help="all tests with such names instead")
    parser.add_argument("--every", type=int, metavar="N", help="one in N of them")
    parser.add_argument("--profile", action="append",
                        help="of these profiles; may be given again (default: quick_gl and "
                        "quick_shader; quick_shader.no_isolation has many shaders in one process)")
    parser.add_argument("--again", type=int, default=0, metavar="N",
                        help="run what differs N times more: only what differs each time counts")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--output", type=pathlib.Path, metavar="DIRECTORY",
                        help="keep piglit's results there (for: piglit summary html)")
    arguments = parser.parse_args()
    arguments.profile = arguments.profile or ["quick_gl", "quick_shader"]
    if not has("piglit", "Xvfb", "glxinfo"):
        print("1..0 # SKIP no piglit, Xvfb or glxinfo (mesa-utils)")
        return 0
    # Piglit changes its directory.
    directory = arguments.output.resolve() if arguments.output else \
        pathlib.Path(tempfile.mkdtemp(prefix="sluice-piglit-"))
    directory.mkdir(parents=True, exist_ok=True)
    name = f"piglit-{directory.name}" if arguments.output else "piglit"
    tap = host.Tap()
    try:
        with host.Host(name=name) as daemon, Xvfb() as server:
            compare(tap, arguments, directory, daemon, server)
            tap.point("no program is left", None if daemon.wait_until_idle() else
                      f"still there: {daemon.programs()}")
    finally:
        if arguments.output is None:
            shutil.rmtree(directory)
    return tap.finish()


if __name__ == "__main__":
    sys.exit(main())
