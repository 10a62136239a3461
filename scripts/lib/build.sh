# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# Configuring and building the tree; sourced by the scripts.

# sl_configure ROOT BUILD_DIR [MESON_OPTIONS…]: once; later calls change nothing.
sl_configure() {
	local root=$1 build_dir=$2
	shift 2

	if [[ -e $build_dir/build.ninja ]]; then
		return 0
	fi
	meson setup "$@" "$build_dir" "$root"
}

# sl_build_programs ROOT BUILD_DIR [TARGETS…]: what a guest needs, and TARGETS, quietly unless it
# fails. Several may be started at once.
sl_build_programs() {
	local root=$1 build_dir=$2 log status=0
	shift 2

	# Another user's build, used as it is.
	if [[ -e $build_dir/build.ninja && ! -w $build_dir ]]; then
		return 0
	fi
	if ! command -v meson >/dev/null || ! command -v ninja >/dev/null; then
		echo "meson and ninja are needed to build (scripts/test.sh installs all packages)" >&2
		return 1
	fi
	mkdir -p "$build_dir"
	log=$build_dir/run-build.log
	(
		flock 9
		{
			sl_configure "$root" "$build_dir" &&
				ninja -C "$build_dir" host/daemon/sluiced host/ctl/sluicectl \
					host/renderer/sluice-renderer \
					guest-driver/vk/libvulkan_sluice.so "$@"
		} >"$log" 2>&1 9>&-
	) 9>"$build_dir/.run-build-lock" || status=$?
	if [[ $status -ne 0 ]]; then
		tail -n 30 "$log" >&2
	fi
	return "$status"
}
