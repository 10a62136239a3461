#!/bin/bash
# SPDX-License-Identifier: MIT
# Run a program as a guest: its Vulkan commands go through Sluice, and through nothing else.
#
# The program takes this process over (exec), so that its signals, its terminal and its exit status
# are its own. The daemon is told which processes it runs for and ends with the last of them.
set -euo pipefail

# meson fills these in for the installed sluice-run; in the tree they stay as they are.
installed_sbindir='@SBINDIR@'
installed_bindir='@BINDIR@'
installed_manifest='@MANIFEST@'

name=${0##*/}

usage() {
	cat <<END
Usage: $name [OPTIONS] [--] PROGRAM [ARGUMENTS…]

Run PROGRAM with Sluice's Vulkan driver and no other. Its output and its exit status are passed
through. A private daemon is started for it and ends with it, unless SLUICE_SOCKET names the
socket of a running one.

  --host-driver FILE.json  the Vulkan driver that the daemon renders with (default:
                           \$VK_DRIVER_FILES, else the best that is installed)
  --guest NAME             the guest that the program belongs to (default: "default")
  --daemon NAME            share a daemon with all programs started with the same NAME; it ends
                           with the last of them, and the first one's options are its options
  --weight N               its part of the GPU, beside that of others (1 to 10000; default: 1)
  --cap PERCENT            the most it gets of the GPU, like 50% (default: none)
  --class CLASS            realtime, normal (default), or background: only what others leave
  --deadline RATE|TIME     its frames, like 60fps or 16.7ms: they go first within its part
  --memory SIZE            device memory of all its programs together, like 512M (default: all)
  --memory-mode import|copy
                           how host-visible memory reaches the host's driver
  --record DIRECTORY       write the program's commands to a file there, for sluice-replay
  --validate               the Khronos validation layer around what the program does on the host
  --log-level LEVEL        of the daemon: error, warning (default), info or debug
  --no-build               do not build first, even if the sources are newer
  -h, --help               this text

SLUICE_TRACE=1 makes the driver write every command of the program to standard error.
END
}

die() {
	printf '%s: %s\n' "$name" "$1" >&2
	# As shells do for a program that cannot be run.
	exit "${2:-125}"
}

need_argument() {
	[[ $2 -ge 2 ]] || die "$1 needs an argument (see $name --help)" 2
}

guest=
daemon_name=
build=yes
daemon_options=()
share=()
log_level=warning
while [[ $# -gt 0 ]]; do
	# --option=argument is the same as --option argument.
	if [[ $1 == --*=* ]]; then
		set -- "${1%%=*}" "${1#*=}" "${@:2}"
	fi
	case $1 in
	--host-driver)
		need_argument "$1" $#
		[[ -r $2 ]] || die "--host-driver $2: no such file (installed drivers: $(echo \
			/usr/share/vulkan/icd.d/*.json /etc/vulkan/icd.d/*.json))"
		daemon_options+=(--driver "$(realpath "$2")")
		shift 2
		;;
	--guest)
		need_argument "$1" $#
		guest=$2
		shift 2
		;;
	--daemon)
		need_argument "$1" $#
		[[ $2 =~ ^[A-Za-z0-9][A-Za-z0-9._-]{0,31}$ ]] ||
			die "--daemon $2: a name is 1 to 32 letters, digits, '.', '_' and '-'" 2
		daemon_name=$2
		shift 2
		;;
	--weight | --cap | --class | --deadline | --memory)
		need_argument "$1" $#
		share+=("${1#--}=$2")
		shift 2
		;;
	--memory-mode)
		need_argument "$1" $#
		daemon_options+=(--memory-mode "$2")
		shift 2
		;;
	--record)
		need_argument "$1" $#
		mkdir -p "$2"
		daemon_options+=(--record "$(realpath "$2")")
		shift 2
		;;
	--log-level)
		need_argument "$1" $#
		log_level=$2
		shift 2
		;;
	--validate)
		daemon_options+=(--validate)
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
	-*)
		die "there is no option $1 (see $name --help)" 2
		;;
	*)
		break
		;;
	esac
done
[[ $# -gt 0 ]] || die "which program? (see $name --help)" 2
type -P -- "$1" >/dev/null || die "$1: no such program" 127
daemon_options+=(--log-level "$log_level")

if [[ $installed_sbindir == @* ]]; then
	root=$(dirname "$(dirname "$(realpath "${BASH_SOURCE[0]}")")")
	build_dir=${SLUICE_BUILD_DIR:-$root/build}
	if [[ $build == yes ]]; then
		# shellcheck source=scripts/lib/build.sh
		. "$root/scripts/lib/build.sh"
		sl_build_programs "$root" "$build_dir" || die 'the build failed'
	fi
	sluiced=$build_dir/host/daemon/sluiced
	sluicectl=$build_dir/host/ctl/sluicectl
	manifest=$build_dir/guest-driver/vk/sluice_icd.json
else
	sluiced=$installed_sbindir/sluiced
	sluicectl=$installed_bindir/sluicectl
	manifest=$installed_manifest
fi
[[ -r $manifest ]] || die "$manifest is missing: Sluice is not built completely"

# A directory of this user's own, and short: the path of a socket has at most 107 bytes.
runtime_dir() {
	local dir=${XDG_RUNTIME_DIR:-}

	if [[ -n $dir && -d $dir && -w $dir ]]; then
		echo "$dir/sluice-run"
	else
		echo "${TMPDIR:-/tmp}/sluice-run-$(id -u)"
	fi
}

make_runtime_dir() {
	mkdir -m 0700 "$1" 2>/dev/null || true
	[[ -d $1 && -O $1 && ! -L $1 ]] || die "$1 is not a directory of this user's own"
}

# Start a daemon that ends with this process; prints its default guest's socket.
start_daemon() {
	setsid "$sluiced" --no-config --socket "$1/guest.sock" --control "$1/control.sock" --hold $$ \
		--ready-fd 3 "${daemon_options[@]}" 3>&1 1>&2 </dev/null &
}

# Prints the socket of a daemon that this process holds.
start_private() {
	# The daemon makes the directory, and so removes it too.
	start_daemon "$(mktemp -u "$1/XXXXXXXX")"
}

join_or_start() {
	local dir=$1/$daemon_name lock

	# Not made by a daemon, so that no daemon removes it while the next one starts.
	mkdir -p "$dir"
	exec {lock}>"$dir/lock"
	flock "$lock"
	if "$sluicectl" --control "$dir/control.sock" hold $$ 2>/dev/null; then
		echo "$dir/guest.sock"
	else
		# The others wait until it is ready.
		socket=$(start_daemon "$dir" {lock}>&-)
		echo "$socket"
	fi
}

# Within a guest the variable names this driver, with which no daemon renders.
if [[ ${VK_DRIVER_FILES:-} == "$manifest" ]]; then
	unset VK_DRIVER_FILES VK_ICD_FILENAMES
fi
if [[ -n ${SLUICE_SOCKET:-} ]]; then
	[[ -z $daemon_name ]] || die 'SLUICE_SOCKET names a daemon already: --daemon cannot too' 2
	[[ -z $guest ]] || die 'SLUICE_SOCKET names a guest already: --guest cannot too' 2
	[[ ${#share[@]} -eq 0 ]] || die "SLUICE_SOCKET names a guest whose part of the GPU is the \
daemon's to set: --${share[0]%%=*} cannot" 2
	[[ -S $SLUICE_SOCKET ]] || die "SLUICE_SOCKET=$SLUICE_SOCKET: no socket there (is sluiced running?)"
	socket=$SLUICE_SOCKET
else
	dir=$(runtime_dir)
	make_runtime_dir "$dir"
	if [[ -n $daemon_name ]]; then
		socket=$(join_or_start "$dir")
	else
		socket=$(start_private "$dir")
	fi
	# The daemon has said why.
	[[ -n $socket ]] || die 'the daemon did not start'
	control=${socket%/*}/control.sock
	if [[ -n $guest && $guest != default ]]; then
		socket=$("$sluicectl" --control "$control" --keep-existing add-guest "$guest" \
			"${share[@]}") || die "guest $guest cannot be added"
	elif [[ ${#share[@]} -gt 0 ]]; then
		"$sluicectl" --control "$control" set default "${share[@]}" ||
			die 'this part of the GPU cannot be given'
	fi
fi

export SLUICE_SOCKET=$socket VK_DRIVER_FILES=$manifest VK_ICD_FILENAMES=$manifest
unset VK_ADD_DRIVER_FILES
exec -- "$@"
