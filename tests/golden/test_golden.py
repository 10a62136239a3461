#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What the generator makes of small.xml is compared with expected/ in full, and what it cannot
understand (bad_*) must be an error at a stated line.

    test_golden.py MAIN.PY            run the tests
    test_golden.py MAIN.PY --update   write expected/ anew; look at the difference before you commit

A bad_*.xml adds to small.xml, a bad_*.txt replaces small.txt. In it, on the line of the mistake, a
comment says what the error is: <!-- error: text --> or # error: text
"""

import difflib
import pathlib
import re
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
EXPECTED = HERE / "expected"
# Not C of this project: what checks the style of that passes them by.
SUFFIX = ".expected"
EMIT = ("args", "enums", "codec", "dump")


def generate(main, out, *arguments):
    command = [sys.executable, "-B", main, "--registry", "small.xml", "--out", out, *arguments]
    for what in EMIT:
        command += ["--emit", what]
    return subprocess.run(command, cwd=HERE, capture_output=True, text=True, check=False)


def show(is_good, name, why=""):
    print(f"{'ok' if is_good else 'FAILED'}  {name}{': ' + why if why else ''}")
    return is_good


def test_expected(main):
    with tempfile.TemporaryDirectory() as out:
        result = generate(main, out, "--commands", "small.txt")
        if result.returncode != 0:
            return show(False, "small.xml", result.stderr.strip())
        made = {path.name: path.read_text() for path in pathlib.Path(out).iterdir()}
    wanted = {path.stem: path.read_text() for path in EXPECTED.iterdir()}
    good = show(made.keys() == wanted.keys(), "the files made of small.xml",
                " ".join(sorted(made.keys() ^ wanted.keys())))
    for name in sorted(made.keys() & wanted.keys()):
        difference = "".join(difflib.unified_diff(
            wanted[name].splitlines(True), made[name].splitlines(True), "expected/" + name, "now"))
        good = show(not difference, name, difference and "\n" + difference) and good
    return good


def update(main):
    EXPECTED.mkdir(exist_ok=True)
    for path in EXPECTED.iterdir():
        path.unlink()
    with tempfile.TemporaryDirectory() as out:
        result = generate(main, out, "--commands", "small.txt")
        for path in pathlib.Path(out).iterdir():
            (EXPECTED / (path.name + SUFFIX)).write_text(path.read_text())
    print(result.stderr, end="")
    return result.returncode == 0


def test_bad(main, path):
    stated = [(number, match.group(1)) for number, line in
              enumerate(path.read_text().splitlines(), 1)
              if (match := re.search(r"(?:<!--|#) error: (.*?)(?: -->)?$", line))]
    if len(stated) != 1:
        return show(False, path.name, "one line must say which error is expected")
    line, text = stated[0]
    arguments = ("--own", path.name, "--commands", "small.txt") if path.suffix == ".xml" else \
        ("--commands", path.name)
    with tempfile.TemporaryDirectory() as out:
        result = generate(main, out, *arguments)
    wanted = f"{path.name}:{line}: {text}"
    if result.returncode == 0:
        return show(False, path.name, "no error")
    return show(result.stderr.strip() == wanted, path.name,
                "" if result.stderr.strip() == wanted else
                f"\n  expected  {wanted}\n  but got   {result.stderr.strip()}")


def main():
    generator = str(pathlib.Path(sys.argv[1]).resolve())
    if "--update" in sys.argv[2:]:
        return 0 if update(generator) else 1
    results = [test_expected(generator)]
    bad = sorted([*HERE.glob("bad_*.xml"), *HERE.glob("bad_*.txt")])
    results += [test_bad(generator, path) for path in bad]
    return 0 if all(results) and bad else 1


if __name__ == "__main__":
    sys.exit(main())
