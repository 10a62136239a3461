# SPDX-License-Identifier: MIT
"""A virtual machine that runs commands while a test goes on."""

import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
os.environ.setdefault("SLUICE_BUILD_DIR", str(ROOT / "build"))
sys.path.insert(0, str(ROOT / "tests/integration"))
import host  # noqa: E402

# Runs in the guest: N.command is run when it is there, its status is left in N.status. The guest
# may be rebooted in the middle.
AGENT = """
cd /share
echo up >>boots
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
            return None, self.output(number)
        return int(path.read_text()), self.output(number)

    def run(self, command, timeout=120):
        return self.wait(self.start(command), timeout)

    def output(self, number):
        path = self.share / f"{number}.out"
        return path.read_text(errors="replace") if path.exists() else ""

    def boots(self):
        path = self.share / "boots"
        return path.read_text().count("up") if path.exists() else 0

    def vgpu_pid(self):
        """The device's process: the child of the one that connects for it."""
        pid = self.process.pid
        for _ in range(2):
            children = subprocess.run(["pgrep", "-P", str(pid), "sluice-vgpu"],
                                      stdout=subprocess.PIPE, text=True, check=False).stdout
            if not children:
                return None
            pid = int(children.split()[0])
        return pid

    def reset(self):
        """Push the reset button."""
        with socket.socket(socket.AF_UNIX) as qmp:
            qmp.connect(str(self.qmp_path))
            lines = qmp.makefile("rw")
            lines.readline()
            for command in ({"execute": "qmp_capabilities"},
                            {"execute": "set-action", "arguments": {"reboot": "reset"}},
                            {"execute": "system_reset"}):
                lines.write(json.dumps(command) + "\n")
                lines.flush()
                while "return" not in json.loads(lines.readline()):
                    pass

    def log(self):
        return self.log_path.read_text(errors="replace")

    def end(self, timeout=60):
        """Let the guest power off. Returns vm.sh's status; None if it had to be killed."""
        (self.share / "end").touch()
        try:
            status = self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGTERM)
            self.process.wait()
            status = None
        return status

    def remove(self):
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGTERM)
            self.process.wait()
        shutil.rmtree(self.directory, ignore_errors=True)
