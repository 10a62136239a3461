#!/bin/bash
# SPDX-License-Identifier: MIT
# Fuzz every target for a while, with libFuzzer, ASan and UBSan.
set -euo pipefail

source_dir=$(realpath "$(dirname "${BASH_SOURCE[0]}")/..")
build_dir=${SLUICE_FUZZ_BUILD:-$source_dir/build-fuzz}
# Nothing that the fuzzed code waits for takes longer; a machine that is busy might.
input_seconds=60
# libFuzzer's exit statuses.
timeout_status=70
memory_status=71

list_targets() {
	local file name

	for file in "$source_dir"/tests/fuzz/fuzz_*.c; do
		name=$(basename "$file" .c)
		[[ $name == fuzz_main ]] || printf '%s\n' "${name#fuzz_}"
	done
}

usage() {
	cat <<EOF
Usage: scripts/fuzz.sh [-j JOBS] TIME [TARGET…]

Builds the fuzz targets with clang in build-fuzz (SLUICE_FUZZ_BUILD) and runs each for TIME, in
minutes, or in seconds like 60s; JOBS at a time (default: 1), at the lowest priority.
Inputs that find something new are kept in build-fuzz/corpus; an input that crashes lies in
build-fuzz/crashes, and build-fuzz/TARGET.log tells why. Put it into tests/fuzz/corpus/TARGET with the
fix. How often each target ran, and whether it failed, is in build-fuzz/results.json as well.

Targets: $(list_targets | tr '\n' ' ')
EOF
}

# Of the driver's own crashes only the log tells; they do not fail the target. What is beyond
# these libraries' frames is what called them; a library that gives up by itself (abort()) has the C
# library and the fuzzer's own frames before its.
is_drivers_crash() {
	local log=$1

	sed -n '/ERROR: \(AddressSanitizer\|libFuzzer: deadly signal\)/,$p' "$log" |
		grep -E '^ +#[0-9]+ ' | grep -vE ' in (__sanitizer_|__interceptor_|__asan_|fuzzer::)|/libc\.so' |
		head -n 2 |
		grep -qE 'libvulkan_lvp|libvirglrenderer|swrast_dri|libEGL_mesa|libLLVM|<unknown module>'
}

# What runs without the sanitizers wrote over their heap: nobody knows who, nor with which input.
is_heap_overwritten() {
	grep -q 'AddressSanitizer: CHECK failed: asan_allocator' "$1"
}

run_target() {
	local target=$1 seconds=$2 log=$build_dir/$1.log folder status=0 leaks=1 runs result=OK
	local folders=("$build_dir/corpus/$target") options=()

	mkdir -p "${folders[0]}"
	for folder in "$source_dir/tests/fuzz/corpus/$target" "$build_dir/tests/fuzz/seeds/$target"; do
		[[ ! -d $folder ]] || folders+=("$folder")
	done
	case $target in
	# Drivers forget what a guest that broke the protocol left behind, and libconfig what it had
	# read of a string before an error.
	replay | virgl_stream | config) leaks=0 ;;&
	# An input may keep the driver busy for ever, which costs a process of its own then.
	replay | virgl_stream) options=(-fork=1 -ignore_timeouts=1 -ignore_ooms=1 -timeout=20) ;;
	decode) folders+=("$source_dir/tests/fuzz/corpus/replay") ;;
	esac
	ASAN_OPTIONS=allocator_may_return_null=1:detect_leaks=$leaks \
		UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1 \
		nice -n 19 "$build_dir/tests/fuzz/fuzz_$target" -max_total_time="$seconds" \
		-max_len=65536 -rss_limit_mb=4096 -timeout="$input_seconds" -detect_leaks="$leaks" \
		-artifact_prefix="$build_dir/crashes/$target-" "${options[@]}" "${folders[@]}" >"$log" 2>&1 || status=$?
	# With -fork it returns what the last of its processes did, even if that is to be ignored.
	if [[ ${#options[@]} -gt 0 && ($status -eq $timeout_status || $status -eq $memory_status) ]]; then
		status=0
	fi
	runs=$(sed -n 's/^#\([0-9][0-9]*\).*/\1/p' "$log" | tail -n 1)
	if [[ $status -ne 0 ]]; then
		result=FAIL
		if [[ $target == replay || $target == virgl_stream ]] && is_drivers_crash "$log"; then
			result=OK
			echo "fuzz_$target: a crash of the driver's, see $log"
		else
			grep -m 3 -E 'ERROR|runtime error|SUMMARY|CHECK failed' "$log" || tail -n 3 "$log"
		fi
		if is_heap_overwritten "$log"; then
			echo "fuzz_$target: memcheck tells who wrote over the heap, see docs/threat-model.md"
		fi
	fi
	echo "fuzz_$target: $result after $seconds s, ${runs:-0} runs"
	printf '{"name": "fuzz_%s (libFuzzer)", "result": "%s"}\n' "$target" "$result" \
		>>"$build_dir/results.json"
}

jobs=1
if [[ ${1:-} == -j ]]; then
	jobs=${2:-}
	shift 2
fi
if [[ ! $jobs =~ ^[1-9][0-9]*$ || ! ${1:-} =~ ^[1-9][0-9]*s?$ ]]; then
	usage >&"$([[ ${1:-} == -h || ${1:-} == --help ]] && echo 1 || echo 2)"
	[[ ${1:-} == -h || ${1:-} == --help ]] && exit 0 || exit 2
fi
if [[ $1 == *s ]]; then
	seconds=${1%s}
else
	seconds=$(($1 * 60))
fi
shift
if [[ $# -eq 0 ]]; then
	mapfile -t targets < <(list_targets)
	set -- "${targets[@]}"
fi

if [[ ! -f $build_dir/build.ninja ]]; then
	CC=clang meson setup "$build_dir" "$source_dir" -Dlibfuzzer=true -Db_lundef=false \
		-Db_sanitize=address,undefined -Dc_args=-fsanitize=fuzzer-no-link
fi
nice -n 19 ninja -C "$build_dir" -j "$jobs" "${@/#/tests/fuzz/fuzz_}" tests/fuzz/seeds.stamp >/dev/null
mkdir -p "$build_dir/crashes"
: >"$build_dir/results.json"
for target in "$@"; do
	while [[ $(jobs -rp | wc -l) -ge $jobs ]]; do
		wait -n
	done
	run_target "$target" "$seconds" &
done
wait
! grep -q '"FAIL"' "$build_dir/results.json"
