#!/bin/bash
# SPDX-License-Identifier: MIT
# How fast programs are with Sluice, beside the same programs run natively and, where it is
# installed, through Venus. Options are those of tests/bench/bench.py: see --help. With "sched" as the
# first argument: how guests share the GPU (tests/bench/sched.py); with "windows": programs that show
# what they render (tests/bench/windows.py); with "virgl": OpenGL of virtual machines with stock Mesa
# (tests/bench/virgl.py).
set -euo pipefail

root=$(dirname "$(dirname "$(realpath "${BASH_SOURCE[0]}")")")
# shellcheck source=scripts/lib/build.sh
. "$root/scripts/lib/build.sh"

# The ordinary build measures less than it could: this one is like an installed Sluice.
build_dir=${SLUICE_BENCH_BUILD_DIR:-$root/build-bench}
log=$build_dir/bench-build.log
mkdir -p "$build_dir"
if ! { sl_configure "$root" "$build_dir" --buildtype=release &&
	ninja -C "$build_dir"; } >"$log" 2>&1; then
	tail -n 20 "$log" >&2
	echo 'bench.sh: the build failed' >&2
	exit 1
fi
# "bench.sh vm": in a virtual machine.
if [[ ${1:-} == vm ]]; then
	shift
	SLUICE_BUILD_DIR=$build_dir exec python3 "$root/tests/bench/bench_vm.py" "$@"
fi
export SLUICE_BUILD_DIR=$build_dir
if [[ ${1:-} == sched ]]; then
	exec python3 "$root/tests/bench/sched.py" "${@:2}"
fi
if [[ ${1:-} == virgl ]]; then
	exec python3 "$root/tests/bench/virgl.py" "${@:2}"
fi
if [[ ${1:-} == windows ]]; then
	exec python3 "$root/tests/bench/windows.py" "${@:2}"
fi
exec python3 "$root/tests/bench/bench.py" "$@"
