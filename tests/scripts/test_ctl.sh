#!/bin/bash
# SPDX-License-Identifier: MIT
# sluicectl against a daemon of the test's own: test_ctl.sh SLUICED SLUICECTL MOCK_RENDERER. Speaks TAP.
set -uo pipefail

sluiced=$1
sluicectl=$2
renderer=$3
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
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

ctl() {
	"$sluicectl" --control "$dir/control.sock" "$@"
}

# is_refused STATUS TEXT COMMAND…: the command fails so, and says so.
is_refused() {
	local status=$1 wanted=$2 text
	shift 2
	text=$("$@" 2>&1 >/dev/null)
	[[ $? -eq $status && $text == *"$wanted"* ]]
}

status_names_the_device() {
	local text
	text=$(ctl status)
	[[ $text == *'mock device (CPU)'* && $text == *"$dir/works.json"* &&
		$text == *"connect at $dir/guest.sock"* ]]
}

guests_are_listed() {
	[[ $(ctl add-guest web) == "$dir/web.sock" ]] &&
		[[ $(ctl add-guest web --keep-existing) == "$dir/web.sock" ]] &&
		[[ $(ctl list | awk '{print $1}' | head -n 3 | xargs) == 'GUEST default web' ]]
}

guests_go() {
	ctl remove-guest web && ! ctl list | grep -q '^web '
}

answers_are_json() {
	[[ $(ctl --json list | python3 -c '
import json, sys
answer = json.load(sys.stdin)
print(answer["ok"], [guest["name"] for guest in answer["guests"]])') == "True ['default']" ]]
}

shares_are_set() {
	ctl add-guest part weight=3 cap=12.5% >/dev/null && ctl set part class=background deadline=50fps &&
		[[ $(ctl list | awk '$1 == "part" {print $2, $3, $4, $6}') == '3 12.5% background idle' ]]
}

pauses_are_shown() {
	ctl pause part && [[ $(ctl list | awk '$1 == "part" {print $6}') == paused ]] &&
		ctl resume part && [[ $(ctl list | awk '$1 == "part" {print $6}') == idle ]]
}

policies_change() {
	[[ $(ctl policy) == best-effort && $(ctl policy fixed) == fixed && $(ctl policy) == fixed ]]
}

the_ledger_is_shown() {
	local text
	text=$(ctl ledger)
	[[ $text == *'part '* && $text == *'(removed guests)'* && $text == *'by completion times'* ]] &&
		[[ $(ctl --json ledger | python3 -c '
import json, sys
ledger = json.load(sys.stdin)
print(ledger["used_ns"] + ledger["gap_ns"] + ledger["idle_ns"] == ledger["wall_ns"])') == True ]]
}

top_looks_once() {
	[[ $(ctl top --once --interval 20ms) == *'100.0% idle'*'part '* ]] &&
		[[ $(ctl top --once --interval 20ms --json | python3 -c '
import json, sys
top = json.load(sys.stdin)
print(len(top["guests"]), top["used_ns"])') == '2 0' ]]
}

# Python can speak HTTP to a Unix socket; curl need not be there.
metrics() {
	python3 - "$dir/metrics.sock" "$1" <<'END'
import socket, sys
with socket.socket(socket.AF_UNIX) as connection:
    connection.connect(sys.argv[1])
    connection.sendall(f"GET {sys.argv[2]} HTTP/1.0\r\n\r\n".encode())
    print(b"".join(iter(lambda: connection.recv(65536), b"")).decode())
END
}

metrics_are_served() {
	local text
	text=$(metrics /metrics)
	[[ $text == *' 200 OK'*'# TYPE sluice_gpu_time_seconds_total counter'* &&
		$text == *'sluice_guest_weight{guest="part"} 3'* &&
		$text == *'sluice_guest_gpu_wait_seconds_bucket{guest="part",le="+Inf"} 0'* ]] &&
		[[ $(metrics /) == *' 404 '* ]]
}

printf '{"ICD": {"library_path": "libmock.so"}}' >"$dir/works.json"
mkfifo "$dir/ready"
"$sluiced" --no-config --socket "$dir/guest.sock" --control "$dir/control.sock" --hold $$ \
	--metrics "$dir/metrics.sock" --renderer "$renderer" --driver "$dir/works.json" --ready-fd 3 2>"$dir/log" 3>"$dir/ready" &
if ! read -r _ <"$dir/ready"; then
	cat "$dir/log" >&2
	echo 'Bail out! the daemon did not start'
	exit 1
fi
# The device is known once the first renderer is ready.
until ctl status | grep -q mock; do
	sleep 0.01
done

check 'status names the device' status_names_the_device
check 'guests are listed' guests_are_listed
check 'a guest of the same name is refused' is_refused 1 'already a guest web' ctl add-guest web
check 'a wrong name is refused' is_refused 1 "a guest's name is" ctl add-guest ../x
check 'guests go' guests_go
check 'a missing guest is told' is_refused 1 'there is no guest web' ctl remove-guest web
check 'a missing context is told' is_refused 1 'no such context' ctl end-program 77
check 'answers are JSON if asked for' answers_are_json
check 'shares are set' shares_are_set
check 'pauses are shown' pauses_are_shown
check 'policies change' policies_change
check 'the ledger is shown' the_ledger_is_shown
check 'top looks once' top_looks_once
check 'metrics are served' metrics_are_served
check 'a wrong value is told' is_refused 1 "weight: 'x' is not a whole number from 1 to 10000" \
	ctl set part weight=x
check 'a wrong key is told' is_refused 1 'allowed: weight, cap, class, deadline, slice, memory' \
	ctl set part wieght=3
check 'what is no setting is told' is_refused 64 "'weight' is not KEY=VALUE" ctl set part weight
check 'a missing guest cannot be paused' is_refused 1 'there is no guest x' ctl pause x
check 'a wrong policy is told' is_refused 1 'one of: best-effort, equal, fixed' ctl policy fair
check 'nothing is killed by a wrong name' is_refused 1 'no guest of that name' ctl kill 4711
check 'a wrong interval is told' is_refused 64 'is not a time' ctl top --interval 5
check 'an unknown command is told' is_refused 64 "no command 'dance'" ctl dance
check 'a missing argument is told' is_refused 64 'needs NAME' ctl add-guest
check 'a missing daemon is told' is_refused 1 'no sluiced listens there' \
	"$sluicectl" --control "$dir/nobody.sock" list
echo "1..$count"
