#!/bin/bash
# SPDX-License-Identifier: MIT
# Run a program inside a virtual machine whose GPU is Sluice's: stock QEMU, stock Debian guest.
# shellcheck disable=SC2054 # commas belong to QEMU's arguments
set -euo pipefail

root=$(dirname "$(dirname "$(realpath "${BASH_SOURCE[0]}")")")
# shellcheck source=scripts/lib/packages.sh
. "$root/scripts/lib/packages.sh"
# shellcheck source=scripts/lib/vm_image.sh
. "$root/scripts/lib/vm_image.sh"
# shellcheck source=scripts/lib/vm_qemu.sh
. "$root/scripts/lib/vm_qemu.sh"

usage() {
	cat <<END
Usage: scripts/vm.sh run [OPTIONS] [--] PROGRAM [ARGUMENTS…]
       scripts/vm.sh shell [OPTIONS]
       scripts/vm.sh image

run      start a Debian 12 guest, run PROGRAM in it, end with PROGRAM's exit status. The guest sees
         this source tree, read-only, at the same path; its output comes here.
         A private daemon serves it, unless SLUICE_SOCKET names the socket of a running one.
shell    the same with a shell on this terminal.
image    only install and make what a guest needs (once; kept in \$XDG_CACHE_HOME/sluice or
         .cache/ of the tree).

  --name NAME          the guest's name (default: vm)
  --host-driver FILE   the Vulkan driver that the daemon renders with (default: the best installed)
  --front-end PROTOCOL vhost-user (default) or vfio-user: how QEMU talks to the device. vfio-user
                       needs QEMU 10.1, which is fetched and kept in the cache where none is
                       installed; the guest's screen shows nowhere then
  --gpu sluice|virgl   virgl: QEMU's own (virtio-gpu-gl-pci), to compare with; there is no Sluice then. It needs
                       a display with OpenGL (--window)
  --memory MIB         of the guest (default: 1024)
  --cpus COUNT         of the guest (default: 2)
  --accel kvm|tcg      default: KVM where a probe shows that it works, else TCG
  --display KIND       QEMU's -display: none (default), or gtk,gl=on for a window
  --window             a window of QEMU's (gtk,gl=on) on a display of its own, seen by nobody: Weston
                       in Xvfb, which needs no GPU
  --window-files DIR   the same; Xvfb's picture (Xvfb_screen0, as XWD) and the number of its display
                       (display) are left there
  --screenshot FILE    what the guest's screen shows when PROGRAM has ended, as PPM; with --window
                       what the window shows
  --share DIR          a directory of the host, writable in the guest as /share
  --qmp PATH           where QEMU's QMP socket is made (default: out of sight)
  --systemd            boot the guest with systemd, of which PROGRAM is a service; default: nothing
                       but PROGRAM runs there
  --env NAME=VALUE     set in the guest; may be given again
  --qemu-option TEXT   one more argument for QEMU; may be given again
  --timeout SECONDS    give up (default: 600; 0: never), status 124
  --log-level LEVEL    of sluice-vgpu (default: warning)
  --no-build           do not build first
  -h, --help           this text

Status 125: the guest did not come up or ended by itself; its console is shown.
END
}

die() {
	printf 'vm.sh: %s\n' "$1" >&2
	exit "${2:-125}"
}

[[ $# -gt 0 ]] || {
	usage >&2
	exit 2
}
action=$1
shift
case $action in
run | shell | image) ;;
-h | --help)
	usage
	exit 0
	;;
*) die "there is no action $action (see scripts/vm.sh --help)" 2 ;;
esac

name=vm
front_end=vhost-user
gpu_kind=sluice
memory=1024
cpus=2
accel=
display=none
window=
screenshot=
share=
qmp=
timeout=600
log_level=warning
systemd=no
build=yes
environment=()
daemon_options=()
qemu_options=()
while [[ $# -gt 0 ]]; do
	if [[ $1 == --*=* ]]; then
		set -- "${1%%=*}" "${1#*=}" "${@:2}"
	fi
	case $1 in
	--name | --front-end | --gpu | --host-driver | --memory | --cpus | --accel | --display | --screenshot | --timeout | --log-level | \
		--env | --qemu-option | --share | --qmp | --window-files)
		[[ $# -ge 2 ]] || die "$1 needs an argument (see scripts/vm.sh --help)" 2
		case $1 in
		--name) name=$2 ;;
		--host-driver) daemon_options+=(--driver "$(realpath "$2")") ;;
		--front-end) front_end=$2 ;;
		--gpu) gpu_kind=$2 ;;
		--memory) memory=$2 ;;
		--cpus) cpus=$2 ;;
		--accel) accel=$2 ;;
		--display) display=$2 ;;
		--screenshot) screenshot=$2 ;;
		--timeout) timeout=$2 ;;
		--log-level) log_level=$2 ;;
		--qmp) qmp=$(realpath -m "$2") ;;
		--share) share=$(realpath "$2") ;;
		--window-files)
			window=$(realpath "$2")
			display=gtk,gl=on
			;;
		--env) environment+=("$2") ;;
		--qemu-option) qemu_options+=("$2") ;;
		esac
		shift 2
		;;
	--window)
		window=yes
		display=gtk,gl=on
		shift
		;;
	--systemd)
		systemd=yes
		shift
		;;
	--no-build)
		build=no
		shift
		;;
	-h | --help)
		usage
		exit 0
		;;
	--)
		shift
		break
		;;
	-*) die "there is no option $1 (see scripts/vm.sh --help)" 2 ;;
	*) break ;;
	esac
done
case $front_end in
vhost-user | vfio-user) ;;
*) die "--front-end $front_end: vhost-user or vfio-user" 2 ;;
esac
case $gpu_kind in
sluice | virgl) ;;
*) die "--gpu $gpu_kind: sluice or virgl" 2 ;;
esac
[[ $front_end == vhost-user || -z $window$screenshot ]] || die 'vfio-user has no screen to show' 2
[[ $action != run || $# -gt 0 ]] || die 'which program? (see scripts/vm.sh --help)' 2

if [[ -n ${XDG_CACHE_HOME:-} ]]; then
	cache=$XDG_CACHE_HOME/sluice
else
	cache=$root/.cache
fi
mkdir -p "$cache"
sl_install_packages "$root/scripts/packages-vm.txt" >&2 || exit 125
sl_vm_install_qemu "$cache" || exit 125
qemu_program='qemu-system-x86_64'
if [[ $front_end == vfio-user ]]; then
	qemu_program=$(sl_vm_vfio_user_qemu "$cache") || exit 125
fi
image=$(sl_vm_image "$cache" "$root/scripts/vm") || die 'there is no guest image'
if [[ $action == image ]]; then
	echo "$image"
	exit 0
fi

build_dir=${SLUICE_BUILD_DIR:-$root/build}
if [[ $build == yes ]]; then
	# shellcheck source=scripts/lib/build.sh
	. "$root/scripts/lib/build.sh"
	sl_build_programs "$root" "$build_dir" host/vgpu/sluice-vgpu || die 'the build failed'
fi
vgpu=$build_dir/host/vgpu/sluice-vgpu
[[ -x $vgpu ]] || die "$vgpu is missing: build first"
if [[ -z $accel ]]; then
	accel=$(sl_vm_accelerator "$cache" "$image" "$root/scripts/vm")
fi

# What belongs to this run: sockets, the guest's command and status, its console. Short, since
# the path of a socket has at most 107 bytes.
run_dir=$(mktemp -d "${TMPDIR:-/tmp}/sluice-vm.XXXXXX")
pids=()
# shellcheck disable=SC2317 # called by trap
cleanup() {
	local pid

	for pid in "${pids[@]}"; do
		kill "$pid" 2>/dev/null || true
	done
	wait 2>/dev/null || true
	rm -rf "$run_dir"
}
trap cleanup EXIT

# sl_wait_for_socket PATH PID: until PID listens there.
sl_wait_for_socket() {
	local tries

	for ((tries = 0; tries < 1000; tries++)); do
		if [[ -S $1 ]]; then
			return 0
		fi
		kill -0 "$2" 2>/dev/null || return 1
		sleep 0.01
	done
	return 1
}
trap 'exit 130' INT TERM

mkdir "$run_dir/share"
sl_vm_make_initrd "$image" "$root/scripts/vm" "$run_dir/initrd"
echo "$root" >"$run_dir/share/tree"
echo "$action" >"$run_dir/share/mode"
manifest=$build_dir/guest-driver/vk/sluice_icd.json
# Mesa's layer that chooses devices has none to choose from, and complains without a desktop.
for variable in "VK_DRIVER_FILES=$manifest" "VK_ICD_FILENAMES=$manifest" NODEVICE_SELECT=1 \
	"${environment[@]}"; do
	[[ $variable == [A-Za-z_]*=* ]] || die "--env $variable: not NAME=VALUE" 2
	printf 'export %s=%q\n' "${variable%%=*}" "${variable#*=}"
done >"$run_dir/share/environment"
if [[ $action == shell ]]; then
	echo "export TERM=${TERM:-linux}; stty rows $(tput lines) cols $(tput cols); exec bash -i" \
		>"$run_dir/share/command"
else
	printf '%q ' "$@" >"$run_dir/share/command"
fi

if [[ -n $window ]]; then
	# QEMU wants a display with DMABUF for this device. GTK on Wayland passes, on Xvfb does not.
	if [[ $window == yes ]]; then
		window=$run_dir/window
		mkdir "$window"
	fi
	mkfifo "$run_dir/display"
	Xvfb -displayfd 3 -screen 0 1280x1024x24 -fbdir "$window" -nolisten tcp \
		3>"$run_dir/display" >/dev/null 2>&1 &
	pids+=($!)
	read -r number <"$run_dir/display"
	echo "$number" >"$window/display"
	export XDG_RUNTIME_DIR=$run_dir WAYLAND_DISPLAY=wayland GDK_BACKEND=wayland
	DISPLAY=:$number weston --backend=x11-backend.so --use-pixman --shell=kiosk-shell.so \
		--width=1280 --height=1024 --socket=wayland >"$run_dir/weston.log" 2>&1 &
	pids+=($!)
	sl_wait_for_socket "$run_dir/wayland" $! || die "Weston did not start: $(tail -n 1 "$run_dir/weston.log")"
fi

# The daemon, unless one is given, and the device.
start_sluice() {
	local socket

	if [[ -n ${SLUICE_SOCKET:-} ]]; then
		socket=$SLUICE_SOCKET
	else
		# It ends with this process.
		mkfifo "$run_dir/ready"
		"$build_dir/host/daemon/sluiced" --no-config --socket "$run_dir/guest.sock" \
			--control "$run_dir/control.sock" --hold $$ --ready-fd 3 --log-level "$log_level" \
			"${daemon_options[@]}" 3>"$run_dir/ready" </dev/null &
		pids+=($!)
		read -r socket <"$run_dir/ready" || die 'sluiced did not start'
	fi
	"$vgpu" --front-end="$front_end" --daemon="$socket" --socket-path="$run_dir/gpu.sock" --name="$name" \
		--log-level="$log_level" &
	pids+=($!)
	vgpu_pid=$!
	sl_wait_for_socket "$run_dir/gpu.sock" "$vgpu_pid" || die 'sluice-vgpu did not start'
}
if [[ $gpu_kind == sluice ]]; then
	start_sluice
fi

kernel_arguments="console=tty0 console=ttyS0 quiet panic=-1 mitigations=off nokaslr audit=0
	cryptomgr.notests random.trust_cpu=on"
if [[ $systemd == yes ]]; then
	# Nothing of its own accord: apt would look for updates.
	kernel_arguments+=' sluice_systemd systemd.mask=apt-daily.timer systemd.mask=apt-daily-upgrade.timer'
fi
case $accel in
kvm) accel_options=("${sl_vm_kvm[@]}") ;;
tcg)
	# LLVM takes the family that QEMU would name, 6, for a processor of 32 bits.
	accel_options=(-accel tcg,thread=multi -cpu max,family=23)
	kernel_arguments+=' tsc=reliable no_timer_check'
	;;
*) die "--accel $accel: kvm or tcg" 2 ;;
esac
if [[ $action == shell ]]; then
	ports=(-chardev stdio,id=console,signal=off -device virtconsole,chardev=console)
	saved_terminal=$(stty -g 2>/dev/null || true)
else
	ports=(
		-chardev null,id=console -device virtconsole,chardev=console
		-chardev pipe,id=out,path="$run_dir/out" -device virtserialport,chardev=out,name=stdout
		-chardev pipe,id=err,path="$run_dir/err" -device virtserialport,chardev=err,name=stderr
	)
	mkfifo "$run_dir"/{out,err}.{in,out}
	cat "$run_dir/out.out" &
	out_pid=$!
	cat "$run_dir/err.out" >&2 &
	err_pid=$!
fi
if [[ $gpu_kind == virgl ]]; then
	gpu=(-device virtio-gpu-gl-pci,id=video)
elif [[ $front_end == vfio-user ]]; then
	gpu=(-device "{\"driver\":\"vfio-user-pci\",\"socket\":{\"type\":\"unix\",\"path\":\"$run_dir/gpu.sock\"}}")
else
	gpu=(-chardev "socket,id=gpu,path=$run_dir/gpu.sock" -device vhost-user-gpu-pci,id=video,chardev=gpu)
fi
qemu=(
	"$qemu_program" -nodefaults -no-user-config -no-reboot -name "$name"
	"${accel_options[@]}" -smp "$cpus" -m "$memory"
	-object "memory-backend-memfd,id=ram,size=${memory}M,share=on"
	-M q35,memory-backend=ram
	-kernel "$image/vmlinux" -initrd "$run_dir/initrd"
	-append "${kernel_arguments//[$'\n\t']/ }"
	-chardev "file,id=serial,path=$run_dir/console" -serial chardev:serial
	-drive "file=$image/root.ext4,format=raw,if=virtio,readonly=on"
	-virtfs "local,path=$root,mount_tag=tree,security_model=none,readonly=on,multidevs=remap"
	-virtfs "local,path=$run_dir/share,mount_tag=run,security_model=none"
	${share:+-virtfs "local,path=$share,mount_tag=share,security_model=none"}
	-device virtio-serial-pci "${ports[@]}"
	"${gpu[@]}"
	-display "$display" -vga none
	-qmp "unix:${qmp:-$run_dir/qmp.sock},server=on,wait=off"
	"${qemu_options[@]}"
)

status=0
if [[ $action == shell ]]; then
	"${qemu[@]}" || status=$?
	[[ -z $saved_terminal ]] || stty "$saved_terminal"
else
	if [[ -n $screenshot ]]; then
		# The guest waits after its program, until the picture is taken.
		touch "$run_dir/share/wait"
		source=${qmp:-$run_dir/qmp.sock}
		if [[ -n $window ]]; then
			source=$window/Xvfb_screen0
		fi
		python3 "$root/scripts/vm/screenshot.py" "$source" "$run_dir/share" \
			"$(realpath -m "$screenshot")" &
		pids+=($!)
	fi
	# QEMU may complain without end when its device has gone, and ends only when killed while its main
	# loop is stuck.
	timeout --foreground --kill-after=10 "$timeout" "${qemu[@]}" </dev/null 2> >(head -n 20 >&2) &
	qemu_pid=$!
	pids+=("$qemu_pid")
	if [[ $gpu_kind == sluice && $front_end == vhost-user ]]; then
		# A guest whose device has gone does nothing more.
		(
			tail --pid="$vgpu_pid" -f /dev/null
			sleep 2
			kill "$qemu_pid" 2>/dev/null && echo 'vm.sh: sluice-vgpu has ended' >&2
		) &
		pids+=($!)
	fi
	wait "$qemu_pid" || status=$?
	wait "$out_pid" "$err_pid" 2>/dev/null || true
fi
if [[ -s $run_dir/share/status ]]; then
	exit "$(cat "$run_dir/share/status")"
fi
printf 'vm.sh: the guest left no status (QEMU ended with %s). Its console:\n' "$status" >&2
tail -n 40 "$run_dir/console" >&2 || true
[[ $status -eq 124 ]] || status=125
exit "$status"
