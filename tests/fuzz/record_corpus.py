#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Record the integration programs, as seeds for the targets decode and replay.

Usage: SLUICE_BUILD_DIR=build tests/fuzz/record_corpus.py OUT [PROGRAM…]

Writes OUT/PROGRAM for each program of vulkan_cases whose recording is small enough to be mutated.
libFuzzer keeps those that reach something new:

    build-fuzz/tests/fuzz/fuzz_decode -merge=1 tests/fuzz/corpus/decode OUT
"""

import os
import pathlib
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "integration"))
import host  # noqa: E402
import run_cases  # noqa: E402

MAX_SIZE = 32 << 10


def main():
    if len(sys.argv) < 2:
        print(__doc__, file=sys.stderr)
        return 2
    out = pathlib.Path(sys.argv[1])
    out.mkdir(parents=True, exist_ok=True)
    names = sys.argv[2:] or subprocess.run([run_cases.PROGRAM, "--list"], stdout=subprocess.PIPE,
                                           text=True, check=True).stdout.split()
    kept = 0
    with tempfile.TemporaryDirectory() as text:
        directory = pathlib.Path(text)
        with host.Host("--record", directory, name="record-corpus") as daemon:
            for name in names:
                run_cases.run_program(name, os.devnull, daemon.environment())
                daemon.wait_until_idle()
                for path in directory.iterdir():
                    if path.stat().st_size <= MAX_SIZE:
                        (out / name).write_bytes(path.read_bytes())
                        kept += 1
                    path.unlink()
    print(f"{kept} recordings of {len(names)} programs")
    return 0


if __name__ == "__main__":
    sys.exit(main())
