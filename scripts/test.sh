#!/bin/bash
# SPDX-License-Identifier: MIT
# From a fresh Debian 12 to tested: install what is missing, build, run the tests. The last line
# is "N passed, N failed".
set -euo pipefail

root=$(dirname "$(dirname "$(realpath "${BASH_SOURCE[0]}")")")
# shellcheck source=scripts/lib/packages.sh
. "$root/scripts/lib/packages.sh"
# shellcheck source=scripts/lib/build.sh
. "$root/scripts/lib/build.sh"

usage() {
	cat <<END
Usage: scripts/test.sh [OPTIONS] [TEST…]

Install missing Debian packages, build, and run the tests that need no GPU, or only the TESTs
named (as "meson test --list" names them; wildcards allowed).

  --suite SUITE    only this suite; may be given again (unit, golden, roundtrip, stress, fuzz,
                   integration, vm, style, and gpu, which runs only if asked for)
  --quick          leave out what takes long: roundtrip, stress and integration
  --build-dir DIR  build there (default: build/ in the tree)
  --no-install     do not look for missing packages
  -h, --help       this text

SLUICE_FUZZ_SECONDS=N: fuzz each target for N seconds as well (scripts/fuzz.sh), unless suites or tests
are named.
END
}

die() {
	printf 'test.sh: %s\n' "$1" >&2
	exit 2
}

build_dir=$root/build
install=yes
suites=()
tests=()
while [[ $# -gt 0 ]]; do
	if [[ $1 == --*=* ]]; then
		set -- "${1%%=*}" "${1#*=}" "${@:2}"
	fi
	case $1 in
	--suite | --build-dir)
		[[ $# -ge 2 ]] || die "$1 needs an argument"
		if [[ $1 == --suite ]]; then
			suites+=(--suite "$2")
		else
			mkdir -p "$2"
			build_dir=$(realpath "$2")
		fi
		shift 2
		;;
	--quick)
		suites+=(--suite unit --suite golden --suite style)
		shift
		;;
	--no-install)
		install=no
		shift
		;;
	-h | --help)
		usage
		exit 0
		;;
	-*)
		die "there is no option $1 (see scripts/test.sh --help)"
		;;
	*)
		tests+=("$1")
		shift
		;;
	esac
done
fuzz_seconds=${SLUICE_FUZZ_SECONDS:-0}
if [[ ${#suites[@]} -gt 0 || ${#tests[@]} -gt 0 ]]; then
	fuzz_seconds=0
fi
if [[ ${#suites[@]} -eq 0 ]]; then
	suites=(--no-suite gpu)
fi

if [[ $install == yes ]]; then
	sl_install_packages "$root/scripts/packages.txt"
	if [[ $fuzz_seconds -gt 0 ]]; then
		sl_install_packages "$root/scripts/packages-fuzz.txt"
	fi
fi
sl_configure "$root" "$build_dir" -Dwerror=true
ninja -C "$build_dir"

log=$build_dir/meson-logs/testlog.json
rm -f "$log"
status=0
meson test -C "$build_dir" --no-rebuild --print-errorlogs "${suites[@]}" "${tests[@]}" || status=$?
if [[ ! -e $log ]]; then
	echo '0 passed, 1 failed'
	exit 1
fi
logs=("$log")
if [[ $fuzz_seconds -gt 0 ]]; then
	"$root/scripts/fuzz.sh" -j "$(nproc)" "${fuzz_seconds}s" || status=1
	logs+=("${SLUICE_FUZZ_BUILD:-$root/build-fuzz}/results.json")
fi
python3 "$root/scripts/lib/results.py" "${logs[@]}" || status=1
exit "$status"
