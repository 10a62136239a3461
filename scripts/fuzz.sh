#!/bin/bash
# SPDX-License-Identifier: MIT
# Fuzz every target for a while, with libFuzzer, ASan and UBSan.
set -euo pipefail

source_dir=$(realpath "$(dirname "${BASH_SOURCE[0]}")/..")
build_dir=${SLUICE_FUZZ_BUILD:-$source_dir/build-fuzz}

usage() {
	cat <<EOF
Usage: scripts/fuzz.sh MINUTES [TARGET…]

Builds the fuzz targets with clang in build-fuzz (SLUICE_FUZZ_BUILD) and runs each for MINUTES.
Inputs that find something new are kept in build-fuzz/corpus; an input that crashes lies in
build-fuzz/crashes. Put it into tests/fuzz/corpus/TARGET with the fix.

Targets: $(cd "$source_dir/tests/fuzz" && echo fuzz_*.c | sed 's/fuzz_main\.c//; s/fuzz_\|\.c//g')
EOF
}

case ${1:-} in
'' | -h | --help)
	usage
	exit 0
	;;
*[!0-9]*)
	usage >&2
	exit 2
	;;
esac
minutes=$1
shift
if [[ $# -eq 0 ]]; then
	for file in "$source_dir"/tests/fuzz/fuzz_*.c; do
		name=$(basename "$file" .c)
		[[ $name == fuzz_main ]] || set -- "$@" "${name#fuzz_}"
	done
fi

if [[ ! -f $build_dir/build.ninja ]]; then
	CC=clang meson setup "$build_dir" "$source_dir" -Dlibfuzzer=true -Db_lundef=false \
		-Db_sanitize=address,undefined -Dc_args=-fsanitize=fuzzer-no-link
fi
export ASAN_OPTIONS=allocator_may_return_null=1
export UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1
failed=0
for target in "$@"; do
	nice -n 19 ninja -C "$build_dir" "tests/fuzz/fuzz_$target" tests/fuzz/seeds.stamp >/dev/null
	mkdir -p "$build_dir/corpus/$target" "$build_dir/crashes"
	folders=("$build_dir/corpus/$target")
	for folder in "$source_dir/tests/fuzz/corpus/$target" "$build_dir/tests/fuzz/seeds/$target"; do
		[[ ! -d $folder ]] || folders+=("$folder")
	done
	leaks=1
	# Drivers forget what a guest that broke the protocol left behind, and libconfig what it had
	# read of a string before an error.
	case $target in replay | config) leaks=0 ;; esac
	echo "fuzz_$target: $minutes minutes"
	log=$build_dir/$target.log
	nice -n 19 "$build_dir/tests/fuzz/fuzz_$target" -max_total_time=$((minutes * 60)) \
		-max_len=65536 -rss_limit_mb=8192 -timeout=30 -detect_leaks=$leaks \
		-artifact_prefix="$build_dir/crashes/$target-" "${folders[@]}" >"$log" 2>&1 || {
		failed=1
		grep -m 3 -E 'ERROR|runtime error|SUMMARY' "$log" || true
	}
	tail -n 1 "$log"
done
exit $failed
