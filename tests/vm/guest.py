# SPDX-License-Identifier: MIT
"""A virtual machine that runs commands while a test goes on."""

import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
os.environ.setdefault("SLUICE_BUILD_DIR", str(ROOT / "build"))
sys.path.insert(0, str(ROOT / "tests/integration"))
import diagnosis  # noqa: E402
import host  # noqa: E402
from qemu import children, qmp  # noqa: E402

# Runs in the guest: N.command is run when it is there, its status is left in N.status. The guest
# may be rebooted in the middle.
AGENT = """
cd /share
echo up >>boots
echo 1 >/proc/sys/kernel/sysrq # for diagnosis.py
while [ ! -e end ]; do
	for command in *.command; do
		name=${command%.command}
		if [ -e "$command" ] && [ ! -e "$name.started" ]; then
			: >"$name.started"
			(sh "$command" >"$name.out" 2>&1; echo $? >"$name.part"; mv "$name.part" "$name.status") &
		fi
	done
	sleep 0.1
done
"""


def require_image(*options):
    """Ends the test program as skipped where no such guest can be made."""
    run = subprocess.run([ROOT / "scripts/vm.sh", "image", *options], stdin=subprocess.DEVNULL,
                         stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if run.returncode != 0:
        print(f"1..0 # SKIP no guest image: {(run.stdout.splitlines() or ['?'])[-1]}")
        raise SystemExit(0)


class State:
    """Descriptors, mappings and processes of vgpu, renderers and daemon: they must come back to what
    they were."""

    def __init__(self, daemon, vm):
        self.daemon, self.vm = daemon, vm

    def read(self):
        vgpu = self.vm.vgpu_pids()
        daemon = self.daemon.process.pid
        renderers = children(daemon, "sluice-renderer")
        processes = {"vgpu": vgpu, "daemon": [daemon], "renderers": renderers}
        state = {"programs": len(self.daemon.programs()), "processes of the vgpu": len(vgpu),
                 "renderers": len(renderers)}
        for name, pids in processes.items():
            state[f"descriptors of the {name}"] = sum(count_fds(pid) for pid in pids)
            # A renderer ends with its program: those that are left are new, and no two alike.
            if name != "renderers":
                state[f"mappings of the {name}"] = sum(count_mappings(pid) for pid in pids)
        return state

    def settle(self, timeout=30):
        """The state once it has not changed for a second: the baseline."""
        states = [self.read()]

        def is_calm():
            time.sleep(1)
            states.append(self.read())
            return states[-1] == states[-2] and states[-1]["programs"] == 0
        host.wait_for(is_calm, timeout)
        return states[-1]

    def compare(self, baseline, timeout=15):
        """None, or what has not come back."""
        seen = []

        def is_back():
            seen[:] = [self.read()]
            return all(seen[0][key] <= baseline[key] for key in baseline)
        if host.wait_for(is_back, timeout):
            return None
        return "\n".join(f"{seen[0][key]} {key}, {baseline[key]} before"
                         for key in baseline if seen[0][key] > baseline[key])


def count_fds(pid):
    """0 for a process that has just ended."""
    try:
        return len(os.listdir(f"/proc/{pid}/fd"))
    except OSError:
        return 0


def count_mappings(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/maps").read_text().count("\n")
    except OSError:
        return 0


class QemuStuck(Exception):
    """QEMU's main loop waits for something, and the device waits for QEMU."""


class Guest:
    """Starts at once; commands wait until it is up."""

    def __init__(self, daemon, name="vm", options=()):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="sluice-guest-"))
        self.share = self.directory / "share"
        self.share.mkdir()
        self.qmp_path = self.directory / "qmp"
        self.count = 0
        (self.share / "agent").write_text(AGENT)
        self.log_path = self.directory / "log"
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen(
                [ROOT / "scripts/vm.sh", "run", "--no-build", "--name", name,
                 "--share", self.share, "--qmp", self.qmp_path, "--log-level", "info",
                 *options, "--", "sh", "/share/agent"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
                env=host.clean_environment(SLUICE_SOCKET=daemon.socket))

    def start(self, command):
        """Begin to run a shell command. Returns its number."""
        self.count += 1
        path = self.share / f"{self.count}.command"
        temporary = self.share / "next"
        temporary.write_text(f"cd {ROOT}\n{command}\n")
        temporary.rename(path)
        return self.count

    def wait(self, number, timeout=120):
        """Returns (status, output); the status is None if it did not end in time."""
        path = self.share / f"{number}.status"
        if not host.wait_for(path.exists, timeout):
            self.require_life()
            return None, self.output(number)
        return int(path.read_text()), self.output(number)

    def require_life(self):
        """Ends the test program, with all that can be known about it, if the guest does nothing
        any more: every further command would only run into its time-out. QemuStuck if that is
        not the device's doing."""
        number = self.start("true")
        if host.wait_for((self.share / f"{number}.status").exists, 30):
            return
        print(host.as_comment(f"the guest does not answer\n{diagnosis.describe(self)}"), flush=True)
        if diagnosis.is_qemu_stuck(self):
            raise QemuStuck
        print("Bail out! the guest does not answer", flush=True)
        self.remove()
        raise SystemExit(1)

    def run(self, command, timeout=120):
        return self.wait(self.start(command), timeout)

    def output(self, number):
        path = self.share / f"{number}.out"
        return path.read_text(errors="replace") if path.exists() else ""

    def boots(self):
        path = self.share / "boots"
        return path.read_text().count("up") if path.exists() else 0

    def vgpu_pids(self):
        """The process that connects for the device, and the device's; fewer if they have ended."""
        pids = []
        pid = self.process.pid
        for _ in range(2):
            found = children(pid, "sluice-vgpu")
            if not found:
                break
            pid = found[0]
            pids.append(pid)
        return pids

    def reset(self):
        """Push the reset button."""
        qmp(self.qmp_path, ("set-action", {"reboot": "reset"}), ("system_reset", {}))

    def log(self):
        return self.log_path.read_text(errors="replace")

    def end(self, timeout=60):
        """Let the guest power off. Returns vm.sh's status; None if it had to be killed."""
        (self.share / "end").touch()
        try:
            status = self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            if diagnosis.is_qemu_stuck(self):
                raise QemuStuck from None
            self.kill()
            status = None
        return status

    def kill(self):
        """All of its processes."""
        os.killpg(self.process.pid, signal.SIGTERM)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()

    def remove(self):
        if self.process.poll() is None:
            self.kill()
        shutil.rmtree(self.directory, ignore_errors=True)
