#!/bin/bash
# SPDX-License-Identifier: MIT
# scripts/run.sh from outside: test_run.sh ROOT BUILD_DIR. Speaks TAP.
set -uo pipefail

root=$1
export SLUICE_BUILD_DIR=$2
run=$root/scripts/run.sh
XDG_RUNTIME_DIR=$(mktemp -d)
export XDG_RUNTIME_DIR
unset SLUICE_SOCKET
trap 'rm -rf "$XDG_RUNTIME_DIR"' EXIT
count=0

# check NAME COMMAND…: one test point.
check() {
	local name=$1
	shift
	count=$((count + 1))
	if "$@"; then
		echo "ok $count - $name"
	else
		echo "not ok $count - $name"
	fi
}

# guest [OPTIONS…] PROGRAM…: as run.sh, without building.
guest() {
	"$run" --no-build "$@"
}

# What run.sh started ends on its own, a moment after the program.
nothing_is_left() {
	for _ in $(seq 500); do
		if [[ -z $(find "$XDG_RUNTIME_DIR" -type s) ]]; then
			return 0
		fi
		sleep 0.01
	done
	return 1
}

output_passes() {
	[[ $(guest sh -c 'echo out; echo err >&2' 2>/dev/null) == out ]] &&
		[[ $(guest sh -c 'echo out; echo err >&2' 2>&1 >/dev/null) == err ]] &&
		[[ $(echo in | guest cat) == in ]]
}

status_passes() {
	guest sh -c 'exit 23'
	[[ $? -eq 23 ]]
}

# The process that was started is the program itself.
signals_pass() {
	"$run" --no-build sh -c 'trap "exit 9" TERM; echo ready; while :; do sleep 0.05; done' \
		>"$XDG_RUNTIME_DIR/ready" &
	local pid=$!
	until [[ -s $XDG_RUNTIME_DIR/ready ]]; do
		sleep 0.01
	done
	kill -TERM "$pid"
	wait "$pid"
	[[ $? -eq 9 ]]
}

arguments_pass() {
	[[ $(guest -- printf '%s|' 'a b' '' '--guest') == 'a b||--guest|' ]]
}

# shellcheck disable=SC2016 # the variables are the program's
loader_sees_only_sluice() {
	local manifest=$SLUICE_BUILD_DIR/guest-driver/vk/sluice_icd.json
	[[ $(guest sh -c 'echo $VK_DRIVER_FILES,$VK_ICD_FILENAMES,$VK_ADD_DRIVER_FILES') == \
		"$manifest,$manifest," ]]
}

a_named_daemon_is_shared() {
	local seen
	seen=$(guest --daemon shared --guest a \
		env -u SLUICE_SOCKET "$run" --no-build --daemon shared --guest b \
		"$SLUICE_BUILD_DIR/host/ctl/sluicectl" \
		--control "$XDG_RUNTIME_DIR/sluice-run/shared/control.sock" list)
	grep -q '^a ' <<<"$seen" && grep -q '^b ' <<<"$seen"
}

# A shell that is a guest can start guests of its own.
guests_nest() {
	[[ $(guest env -u SLUICE_SOCKET "$run" --no-build sh -c 'echo nested' 2>&1) == nested ]]
}

# The second starts while the first ends, again and again.
a_named_daemon_survives_the_rush() {
	local i pids=() status=0
	for i in 1 2 3 4 5 6; do
		guest --daemon rush true &
		pids+=($!)
	done
	for i in "${pids[@]}"; do
		wait "$i" || status=1
	done
	return "$status"
}

missing_program_is_told() {
	local text
	text=$(guest /no/such/program 2>&1)
	[[ $? -eq 127 && $text == *'/no/such/program: no such program'* ]]
}

missing_driver_is_told() {
	local text
	text=$(guest --host-driver /no/such.json true 2>&1)
	[[ $? -eq 125 && $text == *'/no/such.json: no such file'*installed* ]]
}

wrong_options_are_told() {
	local text
	text=$(guest --frobnicate true 2>&1)
	[[ $? -eq 2 && $text == *'there is no option --frobnicate'* ]] || return 1
	text=$(guest --memory-mode shared true 2>&1)
	[[ $? -eq 125 && $text == *'one of: auto, import, copy'* ]] || return 1
	text=$(guest --cap 101% true 2>&1)
	[[ $? -eq 125 && $text == *'"0.5%" to "100%"'* ]] || return 1
	text=$(guest --guest some --weight 0 true 2>&1)
	[[ $? -eq 125 && $text == *'weight: '*'from 1 to 10000'* ]] || return 1
	text=$(guest 2>&1)
	[[ $? -eq 2 && $text == *'which program?'* ]]
}

# The named guest and the default one get what they are given.
shares_are_set() {
	local control=$XDG_RUNTIME_DIR/sluice-run/parts/control.sock list
	list=$(guest --daemon parts --weight 4 --cap 50% --class background --deadline 60fps \
		--memory 64M env -u SLUICE_SOCKET "$run" --no-build --daemon parts --guest other \
		--weight 7 "$SLUICE_BUILD_DIR/host/ctl/sluicectl" --control "$control" list)
	grep -Eq '^default +4 +50% +background' <<<"$list" && grep -Eq '^other +7 +100% +normal' <<<"$list"
}

a_dead_socket_is_told() {
	local text
	text=$(SLUICE_SOCKET=/no/such/socket guest true 2>&1)
	[[ $? -eq 125 && $text == *'/no/such/socket'*'is sluiced running?'* ]]
}

check 'output and input pass through' output_passes
check 'the exit status passes through' status_passes
check 'signals pass through' signals_pass
check 'arguments pass through' arguments_pass
check 'the loader sees the Sluice driver only' loader_sees_only_sluice
check 'programs share a named daemon' a_named_daemon_is_shared
check 'guests nest' guests_nest
check 'a named daemon survives many at once' a_named_daemon_survives_the_rush
check 'a missing program is told' missing_program_is_told
check 'a missing driver is told' missing_driver_is_told
check 'wrong options are told' wrong_options_are_told
check 'shares are set' shares_are_set
check 'a dead socket is told' a_dead_socket_is_told
check 'nothing is left behind' nothing_is_left
echo "1..$count"
