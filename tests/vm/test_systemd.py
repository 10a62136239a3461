#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The host side as it is installed, under a systemd of its own: a virtual machine is the host, and its
programs are the guests. Sockets that outlive the daemon, control groups, what is left when it ends."""

import json
import re
import subprocess
import sys

import guest as guest_module
from guest import Guest, host

import run_cases

CASES = run_cases.PROGRAM
FRAMES = host.BUILD / "tests/integration/vulkan_frames"
STUCK = host.BUILD / "tests/integration/vulkan_stuck"
GIB = host.BUILD / "tests/vm/vulkan_gib"
DEVICE_LOST = "result -4"
UNITS = ("sluiced.service", "sluiced.socket", "sluiced-control.socket")
SOCKETS = ("/run/sluice/guest.sock", "/run/sluice/control.sock")
GROUP = "/sys/fs/cgroup/system.slice/sluiced.service"
# Enough for lavapipe, and not for a gigabyte of a guest's.
LIMIT, NEXT_LIMIT = 384 << 20, 512 << 20

# PROGRAM is a guest at the system's daemon.
AS_GUEST = "SLUICE_SOCKET=/run/sluice/guest.sock sluice-run"

# A neighbour that draws while another program takes more memory than its renderer may have.
GREEDY = f"""
mkfifo /tmp/frames
{AS_GUEST} {FRAMES} 100000 </tmp/frames >/tmp/drawn &
exec 9>/tmp/frames
while ! grep -q working /tmp/drawn; do sleep 0.1; done
echo >&9
{AS_GUEST} {GIB}
echo "status $?"
echo >&9
while [ "$(wc -l </tmp/drawn)" -lt 3 ]; do sleep 0.1; done
exec 9>&-
wait $! && tail -n 1 /tmp/drawn
"""

# Processes and control groups of a daemon, those of programs aside: what is here and nobody's.
LEFT = f"""
main=$(systemctl show -P MainPID sluiced)
for pid in $(pgrep -x 'sluice-renderer|sluiced'); do
	[ "$pid" = "$main" ] || [ "$(ps -o ppid= "$pid" | tr -d ' ')" = "$main" ] ||
		echo "process $(ps -o pid=,ppid=,args= "$pid")"
done
for group in {GROUP}/renderer-*; do
	[ ! -d "$group" ] || [ -n "$(cat "$group/cgroup.procs")" ] || echo "control group $group"
done
ls -A /dev/shm
"""


# With nothing but bash.
METRICS = """
bash -c 'exec 3<>/dev/tcp/127.0.0.1/9464
printf "GET /metrics HTTP/1.1\\r\\nHost: here\\r\\nConnection: close\\r\\n\\r\\n" >&3
grep -q sluice_gpu_time_seconds_total <&3'"""


class Machine(Guest):
    """A virtual machine with Sluice's host side in it."""

    def ask(self, *arguments):
        """sluicectl's answer as JSON."""
        status, output = self.run(f"sluicectl --json {' '.join(arguments)}")
        if status != 0:
            raise RuntimeError(f"sluicectl {arguments}: {output}")
        return json.loads(output)

    def show(self, name):
        """A property of the daemon's unit."""
        return self.run(f"systemctl show -P {name} sluiced")[1].strip()

    def journal(self):
        return self.run("journalctl --no-pager -o cat -u sluiced | tail -n 40")[1]

    def expect(self, command, timeout=120):
        """None, or that the command failed."""
        status, output = self.run(command, timeout)
        return None if status == 0 else f"{command}: status {status}\n{output}\n{self.journal()}"

    def works(self, name="triangle"):
        """None, or what is wrong with a program that is run as a guest and natively."""
        driver = "/usr/share/vulkan/icd.d/lvp_icd.x86_64.json"
        return self.expect(f"""
{AS_GUEST} {CASES} --out /tmp/result {name} &&
{{ [ -e /tmp/{name} ] ||
	VK_DRIVER_FILES={driver} VK_ICD_FILENAMES={driver} {CASES} --out /tmp/{name} {name}; }} &&
	cmp /tmp/result /tmp/{name}""")

    def sockets(self):
        return self.run(f"stat -c %i {' '.join(SOCKETS)}")[1]

    def start_stuck(self):
        """A program that works until its context is lost. Returns its number."""
        number = self.start(f"{AS_GUEST} {STUCK} fence")
        host.wait_for(lambda: "working" in self.output(number), 60)
        return number

    def wait_for_lost(self, number):
        status, output = self.wait(number, 60)
        return None if status == 0 and DEVICE_LOST in output else f"status {status}: {output}"

    def wait_until_calm(self):
        """None once no program is there, and nothing of those that were; or what is left."""
        seen = []

        def is_calm():
            seen[:] = [self.run(LEFT)[1], *(program for guest in self.ask("list")["guests"]
                                            for program in guest["programs"])]
            return seen == [""]
        return None if host.wait_for(is_calm, 60) else f"left: {seen}"


def install(vm):
    """As a package would do it. Returns None, or what went wrong."""
    run = subprocess.run(["meson", "install", "-C", host.BUILD, "--no-rebuild", "--strip",
                          "--destdir", vm.share / "root"], stdout=subprocess.PIPE,
                         stderr=subprocess.STDOUT, text=True, check=False)
    if run.returncode != 0:
        return run.stdout
    return vm.expect("""
cp -a /share/root/. / && ldconfig && systemd-sysusers && systemctl daemon-reload &&
	systemctl enable --now sluiced.socket""", timeout=300)


def configure(vm, limit, more=""):
    """None, or what went wrong. The rest of the configuration is what is installed."""
    return vm.expect(f"""
file=$(systemctl show -P ExecStart sluiced | sed 's/.*--config \\([^ ]*\\).*/\\1/')
[ -e "$file.installed" ] || cp "$file" "$file.installed"
{{ cat "$file.installed"; echo 'renderer_memory = {limit}; {more}'; }} >"$file" """)


def test_units(tap, vm):
    paths = " ".join(f"$(systemctl show -P FragmentPath {unit})" for unit in UNITS)
    status, output = vm.run(f"systemd-analyze verify --man=no {paths}")
    tap.point("systemd has no complaint about the units",
              None if status == 0 and not output else f"status {status}: {output}")
    status, output = vm.run("systemd-analyze security --no-pager sluiced.service")
    print(host.as_comment(output.splitlines()[-1] if output else f"status {status}"))


def test_activation(tap, vm):
    state = vm.show("ActiveState")
    tap.point("the daemon waits for the first guest", None if state == "inactive" else state)
    tap.point("a program is served", vm.works() or
              (None if vm.show("ActiveState") == "active" else "by whom?"))
    status = vm.ask("status")
    tap.point("it has found the driver that works",
              None if "lvp_icd" in status["driver_files"] else str(status))
    missing = set(status["sandbox"].split(", "))
    tap.point("all walls stand, but for one that the unit itself takes down",
              None if missing <= {"complete", "no /proc of its own"} else str(missing))


def groups_of(vm):
    """{control group: (limits of memory, swap, threads, number of processes)} of all renderers."""
    lines = vm.run(f"""
for group in {GROUP}/renderer-*; do
	[ -d "$group" ] || continue
	echo "${{group##*/}} $(cat $group/memory.max $group/memory.swap.max | tr '\\n' ' ')" \\
		"$(cat $group/pids.max) $(wc -l <$group/cgroup.procs)"
done""")[1].splitlines()
    return {line.split()[0]: tuple(line.split()[1:]) for line in lines}


def test_groups(tap, vm):
    number = vm.start_stuck()
    (program,) = (program for entry in vm.ask("list")["guests"] for program in entry["programs"])
    status, output = vm.run(f"cat /proc/{program['renderer_pid']}/cgroup /proc/{vm.show('MainPID')}/cgroup")
    found = re.findall(r"0::/system.slice/sluiced.service/(\S+)", output)
    problem = None
    if len(found) != 2 or found[0] not in groups_of(vm) or found[1] != "daemon":
        problem = f"status {status}: {output}"
    limits = {(str(LIMIT), "0", "1024", "1")}
    # One that is just being started has no process yet.
    if not problem and not host.wait_for(lambda: set(groups_of(vm).values()) == limits, 60):
        problem = f"limits: {groups_of(vm)}"
    tap.point("each renderer is in a control group of its own, with limits", problem)
    problem = vm.expect(f"sluicectl kill {program['context']}") or vm.wait_for_lost(number)
    tap.point("nothing is left of a program", problem or vm.wait_until_calm())


def test_greedy(tap, vm):
    main = vm.show("MainPID")
    status, output = vm.run(GREEDY, 180)
    drawn = re.search(r'{.*"frames".*}', output)
    problem = None
    if status != 0 or "status 0" in output or "-4" not in output or not drawn:
        problem = f"status {status}: {output}\n{vm.journal()}"
    elif json.loads(drawn.group())["wrong"] != 0 or json.loads(drawn.group())["frames"] == 0:
        problem = output
    elif vm.show("MainPID") != main or vm.show("ActiveState") != "active":
        problem = f"the daemon did not survive\n{vm.journal()}"
    elif "took more memory than renderer_memory" not in vm.journal():
        problem = vm.journal()
    tap.point("a renderer that takes more memory costs its program only",
              problem or vm.wait_until_calm())
    tap.point("the next program works", vm.works())


def test_killed(tap, vm, whom):
    sockets, main = vm.sockets(), vm.show("MainPID")
    number = vm.start_stuck()
    problem = vm.expect(f"systemctl kill -s KILL --kill-whom={whom} sluiced")
    tap.point(f"the daemon is killed ({whom}): the program gets DEVICE_LOST",
              problem or vm.wait_for_lost(number))
    problem = vm.works()
    if not problem and (vm.show("MainPID") == main or vm.sockets() != sockets):
        problem = f"sockets {sockets}, now {vm.sockets()}\n{vm.journal()}"
    tap.point("systemd starts it again, at the same sockets", problem)
    tap.point("it has control groups", None if groups_of(vm) else vm.journal())
    tap.point("nothing is left of the old one", vm.wait_until_calm())


def test_reload(tap, vm):
    main = vm.show("MainPID")
    problem = configure(vm, "nonsense") or vm.expect("systemctl reload sluiced")
    tap.point("a configuration with a mistake changes nothing", problem or vm.works())
    problem = configure(vm, NEXT_LIMIT, 'guests = ({ name = "ci"; socket = "/run/sluice/ci.sock"; }); '
                                        'metrics = "127.0.0.1:9464";')
    problem = problem or vm.expect("systemctl reload sluiced")
    names = [guest["name"] for guest in vm.ask("list")["guests"]]
    if not problem and (names != ["default", "ci"] or vm.show("MainPID") != main):
        problem = f"guests: {names}\n{vm.journal()}"
    tap.point("the configuration is read again", problem)
    is_new = host.wait_for(lambda: {limits[0] for limits in groups_of(vm).values()} ==
                           {str(NEXT_LIMIT)}, 60)
    tap.point("renderers get the new limit", None if is_new else str(groups_of(vm)))
    tap.point("programs work", vm.works())
    tap.point("metrics are served", vm.expect(METRICS))


def test_sandbox(tap, vm):
    """A sandbox that is turned on while the daemon runs is whole."""
    problem = configure(vm, NEXT_LIMIT, 'sandbox = "off";') or vm.expect("systemctl restart sluiced")
    problem = problem or vm.works()
    if not problem and groups_of(vm):
        problem = str(groups_of(vm))
    tap.point("no sandbox, if that is wanted", problem)
    problem = configure(vm, NEXT_LIMIT) or vm.expect("systemctl reload sluiced") or vm.works()
    if not problem and not host.wait_for(lambda: groups_of(vm), 60):
        problem = vm.journal()
    tap.point("a reload that turns it on gives control groups", problem)


def test_restart(tap, vm):
    sockets = vm.sockets()
    number = vm.start_stuck()
    problem = vm.expect("systemctl restart sluiced") or vm.wait_for_lost(number) or vm.works()
    if not problem and vm.sockets() != sockets:
        problem = f"sockets {sockets}, now {vm.sockets()}"
    tap.point("a restart", problem or vm.wait_until_calm())


def test_stop(tap, vm):
    number = vm.start_stuck()
    problem = vm.expect(f"systemctl stop {' '.join(UNITS)}") or vm.wait_for_lost(number)
    status, output = vm.run(f"pgrep -l sluice; ls -d {GROUP} {' '.join(SOCKETS)} /dev/shm/*; true")
    left = [line for line in output.splitlines() if not line.endswith("No such file or directory")
            and "sluice-guest" not in line]
    tap.point("nothing is left when it is stopped", problem or "\n".join(left))
    states = vm.run(f"systemctl show -P Result {' '.join(UNITS)}")[1].split()
    tap.point("nothing has failed", None if states == ["success"] * 3 else str(states))


def main():
    tap = host.Tap()
    guest_module.require_image()
    with host.Host("--pool=0", name="vm-systemd") as daemon:
        vm = Machine(daemon, options=["--memory", "2048", "--systemd"])
        try:
            tap.point("it is installed", install(vm) or configure(vm, LIMIT))
            test_units(tap, vm)
            test_activation(tap, vm)
            test_groups(tap, vm)
            test_greedy(tap, vm)
            test_killed(tap, vm, "main")
            test_killed(tap, vm, "all")
            test_reload(tap, vm)
            test_sandbox(tap, vm)
            test_restart(tap, vm)
            test_stop(tap, vm)
            status = vm.end()
            tap.point("the guest ends", None if status == 0 else f"status {status}: {vm.log()}")
        finally:
            vm.remove()
    return tap.finish()


if __name__ == "__main__":
    sys.exit(main())
