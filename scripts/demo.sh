#!/bin/bash
# SPDX-License-Identifier: MIT
# From a fresh Debian 12 to two guests that share a GPU: one renders pictures, the other computes;
# then both show windows.
set -euo pipefail

root=$(dirname "$(dirname "$(realpath "${BASH_SOURCE[0]}")")")
# shellcheck source=scripts/lib/packages.sh
. "$root/scripts/lib/packages.sh"
# shellcheck source=scripts/lib/build.sh
. "$root/scripts/lib/build.sh"

usage() {
	cat <<END
Usage: scripts/demo.sh [OPTIONS]

Install missing Debian packages, build, and show two guests sharing the GPU through Sluice: one
renders an animation, the other searches primes and checks them. Both are compared with the same
programs run natively. Then both show a window, one of Vulkan and one of OpenGL. The pictures are
left in out/demo/.

  --host-driver FILE.json  the Vulkan driver to render with (default: the best installed)
  --frames N               pictures to render (default: 24)
  --build-dir DIR          build there (default: build/ in the tree)
  --no-install             do not look for missing packages
  -h, --help               this text
END
}

die() {
	printf 'demo.sh: %s\n' "$1" >&2
	exit 1
}

say() {
	printf '\n%s\n' "$1"
}

build_dir=$root/build
out=$root/out/demo
install=yes
frames=24
daemon_options=()
while [[ $# -gt 0 ]]; do
	if [[ $1 == --*=* ]]; then
		set -- "${1%%=*}" "${1#*=}" "${@:2}"
	fi
	case $1 in
	--host-driver | --frames | --build-dir)
		[[ $# -ge 2 ]] || die "$1 needs an argument"
		case $1 in
		--host-driver) daemon_options+=(--driver "$2") ;;
		--frames)
			[[ $2 =~ ^[1-9][0-9]{0,2}$ ]] || die "--frames $2: a number from 1 to 999"
			frames=$2
			;;
		--build-dir)
			mkdir -p "$2"
			build_dir=$(realpath "$2")
			;;
		esac
		shift 2
		;;
	--no-install)
		install=no
		shift
		;;
	-h | --help)
		usage
		exit 0
		;;
	*)
		die "there is no option $1 (see scripts/demo.sh --help)"
		;;
	esac
done

rm -rf "$out"
mkdir -p "$out/pictures" "$out/native"
sockets=$(mktemp -d)
daemon_pid=
x_server_pid=
window_pids=()
# shellcheck disable=SC2317 # called by the trap
clean_up() {
	local status=$? pid

	for pid in "${window_pids[@]}" $x_server_pid $daemon_pid; do
		kill "$pid" 2>/dev/null || true
		wait "$pid" 2>/dev/null || true
	done
	rm -rf "$sockets"
	exit "$status"
}
trap clean_up EXIT

say '1. Packages and build'
if [[ $install == yes ]]; then
	sl_install_packages "$root/scripts/packages.txt"
fi
echo "Building in $build_dir (log: $out/build.log)"
if ! { sl_configure "$root" "$build_dir" &&
	ninja -C "$build_dir" host/daemon/sluiced host/ctl/sluicectl host/renderer/sluice-renderer \
		guest-driver/vk/libvulkan_sluice.so examples/waves examples/primes; } >"$out/build.log" 2>&1; then
	tail -n 20 "$out/build.log" >&2
	die 'the build failed'
fi

sluiced=$build_dir/host/daemon/sluiced
sluicectl() {
	"$build_dir/host/ctl/sluicectl" --control "$sockets/control.sock" "$@"
}

say '2. The daemon'
mkfifo "$sockets/ready"
"$sluiced" --no-config --socket "$sockets/guest.sock" --control "$sockets/control.sock" --ready-fd 3 \
	"${daemon_options[@]}" 2>"$out/sluiced.log" 3>"$sockets/ready" &
daemon_pid=$!
if ! read -r _ <"$sockets/ready"; then
	cat "$out/sluiced.log" >&2
	die 'the daemon did not start'
fi
artist=$(sluicectl add-guest artist)
scientist=$(sluicectl add-guest scientist)

# run_guest NAME SOCKET PROGRAM…: with the Sluice driver and no other; its lines begin with its name.
run_guest() {
	local guest=$1 manifest=$build_dir/guest-driver/vk/sluice_icd.json
	SLUICE_SOCKET=$2 VK_DRIVER_FILES=$manifest VK_ICD_FILENAMES=$manifest "${@:3}" 2>&1 |
		sed -u "s/^/    $guest | /"
}

# A first program: what a guest sees, and until it is served the driver has been chosen.
run_guest artist "$artist" "$build_dir/examples/waves" --frames 1 >/dev/null ||
	{ cat "$out/sluiced.log" >&2; die 'the first program failed'; }
status=$(sluicectl status)
driver=$(sluicectl status --json | python3 -c 'import json, sys; print(json.load(sys.stdin)["driver_files"])')
echo 'sluiced runs; it chose the best Vulkan driver of this machine, and renders with it for all guests:'
grep -E '^(device|driver|memory)' <<<"$status" | sed 's/^/    /'
echo 'There are two guests, each with a socket and an account of its own: artist and scientist.'

say '3. Two guests at once'
echo 'Each program is an ordinary Vulkan program. Its Vulkan driver is Sluice, which has no GPU: it'
echo 'sends the commands through shared memory to a renderer process on the host, one per program.'
start=$(date +%s%N)
run_guest artist "$artist" "$build_dir/examples/waves" --frames "$frames" --out "$out/pictures" &
artist_pid=$!
run_guest scientist "$scientist" "$build_dir/examples/primes" --bits 18 --rounds 40 &
scientist_pid=$!
sleep 1
programs=$(sluicectl programs)
wait "$artist_pid" || die 'the rendering guest failed'
wait "$scientist_pid" || die 'the computing guest failed'
together_ms=$((($(date +%s%N) - start) / 1000000))
echo 'While they ran, "sluicectl programs" said:'
printf '%s\n' "$programs" | sed 's/^/    /'

say '4. The same programs without Sluice, on the same driver'
start=$(date +%s%N)
VK_DRIVER_FILES=$driver VK_ICD_FILENAMES=$driver \
	"$build_dir/examples/waves" --frames "$frames" --out "$out/native" | sed 's/^/    native | /'
VK_DRIVER_FILES=$driver VK_ICD_FILENAMES=$driver \
	"$build_dir/examples/primes" --bits 18 --rounds 40 | sed 's/^/    native | /'
native_ms=$((($(date +%s%N) - start) / 1000000))
different=0
for picture in "$out"/native/*.png; do
	cmp -s "$picture" "$out/pictures/${picture##*/}" || different=$((different + 1))
done
if [[ $different -eq 0 ]]; then
	echo "All $frames pictures are the same, byte for byte, and both searches found the same primes."
else
	echo "$different of $frames pictures differ from the native ones: compare $out/pictures with $out/native"
fi
echo "Both guests together took $together_ms ms; natively, one after the other, they took $native_ms ms."

# run_window SOCKET PROGRAM…: in the background, until the demo ends.
run_window() {
	local manifest=$build_dir/guest-driver/vk/sluice_icd.json
	DISPLAY=:$display WAYLAND_DISPLAY='' SLUICE_SOCKET=$1 VK_DRIVER_FILES=$manifest \
		VK_ICD_FILENAMES=$manifest "${@:2}" >>"$out/windows.log" 2>&1 &
	window_pids+=($!)
}

# Returns whether both windows are on it: prints how many colours they have.
take_screenshot() {
	ffmpeg -v error -y -f x11grab -draw_mouse 0 -video_size 960x640 -i ":$display" -frames:v 1 \
		"$out/windows.png"
	ffmpeg -v error -i "$out/windows.png" -f rawvideo -pix_fmt rgb24 - | python3 -c '
import sys
pixels = memoryview(sys.stdin.buffer.read()).cast("B", (640, 960, 3)).tolist()
left, right = ({tuple(pixel) for row in pixels for pixel in row[part]}
               for part in (slice(0, 620), slice(620, 960)))
print(len(left), len(right))
sys.exit(len(left) < 100 or len(right) < 4)'
}

say '5. Windows'
windows=no
if command -v Xvfb >/dev/null && command -v vkcube >/dev/null && command -v glxgears >/dev/null &&
	command -v ffmpeg >/dev/null; then
	windows=yes
	mkfifo "$sockets/display"
	Xvfb -displayfd 3 -screen 0 960x640x24 -nolisten tcp 3>"$sockets/display" 2>"$out/xvfb.log" &
	x_server_pid=$!
	read -r display <"$sockets/display" || die 'the X server did not start'
	echo 'An X server without a screen runs now. artist shows vkcube in it, a Vulkan program; scientist'
	echo "shows glxgears, an OpenGL program: Mesa's Zink translates it to Vulkan, for the same driver."
	echo 'Their pictures reach the X server in pages that it maps too: no processor copies them.'
	run_window "$artist" vkcube
	run_window "$scientist" env LIBGL_ALWAYS_SOFTWARE=1 GALLIUM_DRIVER=zink \
		MESA_LOADER_DRIVER_OVERRIDE=zink glxgears -info -geometry 300x300+630+200
	for ((i = 0; i < 20; i++)); do
		sleep 0.5
		colors=$(take_screenshot) && break
	done
	grep -m 1 GL_RENDERER "$out/windows.log" | sed 's/^/    scientist | /' || true
	for pid in "${window_pids[@]}"; do
		kill "$pid" 2>/dev/null || die "a program with a window has failed: see $out/windows.log"
	done
	[[ $i -lt 20 ]] || die "a window is empty ($colors colours): see $out/windows.png"
	echo "    $out/windows.png is a screenshot: vkcube in ${colors% *} colours, glxgears in ${colors#* }"
else
	echo 'Left out: Xvfb, vkcube, glxgears or ffmpeg is not installed.'
fi

say '6. Who used how much'
sluicectl list | grep -v '^default ' | sed 's/^/    /'

say '7. The pictures'
if command -v ffmpeg >/dev/null; then
	ffmpeg -v error -y -framerate 12 -i "$out/pictures/frame-%03d.png" "$out/waves.gif" &&
		echo "    $out/waves.gif (all of them)"
fi
if [[ $windows == yes ]]; then
	echo "    $out/windows.png (vkcube and glxgears)"
fi
echo "    $out/pictures/frame-000.png … frame-$(printf %03d $((frames - 1))).png"
echo
if [[ $different -eq 0 ]]; then
	echo 'The demo went well.'
else
	die 'the pictures differ'
fi
