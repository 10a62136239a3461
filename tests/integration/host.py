# SPDX-License-Identifier: MIT
"""What the integration tests share: a private daemon, the environments of programs, TAP."""

import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import time

BUILD = pathlib.Path(os.environ["SLUICE_BUILD_DIR"])
SOURCE = pathlib.Path(__file__).resolve().parents[2]
LAVAPIPE = next(iter(sorted(pathlib.Path("/usr/share/vulkan/icd.d").glob("lvp_icd*.json"))), None)
LOADER_VARIABLES = ("VK_DRIVER_FILES", "VK_ICD_FILENAMES", "VK_ADD_DRIVER_FILES",
                    "VK_INSTANCE_LAYERS", "VK_LAYER_PATH", "SLUICE_SOCKET", "SLUICE_TRACE")


def host_driver():
    """The manifest of the driver that both sides render with."""
    given = os.environ.get("SLUICE_TEST_DRIVER")
    driver = pathlib.Path(given) if given else LAVAPIPE
    if driver is None or not driver.exists():
        print("1..0 # SKIP no lavapipe (mesa-vulkan-drivers) and no SLUICE_TEST_DRIVER")
        raise SystemExit(0)
    return driver


def clean_environment(**more):
    """This process's environment with one Vulkan driver, and layers only where asked for."""
    env = {key: value for key, value in os.environ.items() if key not in LOADER_VARIABLES}
    # Mesa's layer that chooses devices would look at all drivers.
    env["VK_LOADER_LAYERS_DISABLE"] = "VK_LAYER_MESA_device_select"
    env["NODEVICE_SELECT"] = "1"
    env.update({key: str(value) for key, value in more.items()})
    return env


def native_environment(**more):
    driver = host_driver()
    return clean_environment(VK_DRIVER_FILES=driver, VK_ICD_FILENAMES=driver, **more)


def skips_virgl():
    """Does a test of sluice-virgl have nothing to test? Then it says so."""
    if (BUILD / "host/virgl/sluice-virgl").exists():
        return False
    print("1..0 # SKIP built without virglrenderer")
    return True


class Host:
    """A daemon of its own, with its log in a file."""

    def __init__(self, *options, log_level="info", name="sluiced", env=None, prefix=(),
                 config=None):
        """env is added to the daemon's environment; prefix is what is run to run the daemon; config is
        its configuration file, if it has one."""
        # Paths of sockets are short: not below the build directory.
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="sluice-"))
        self.socket = self.directory / "guest.sock"
        self.control = self.directory / "control.sock"
        log_directory = BUILD / "tests/integration/logs"
        log_directory.mkdir(parents=True, exist_ok=True)
        self.log_path = log_directory / f"{name}.log"
        self.log_path.write_bytes(b"")
        self.command = [*prefix, BUILD / "host/daemon/sluiced",
                        f"--config={config}" if config else "--no-config",
                        "--socket", self.socket, "--control", self.control,
                        "--driver", host_driver(), "--log-level", log_level,
                        "--hold", str(os.getpid()), *options]
        self.env = clean_environment(**(env or {}))
        self.pass_fds = ()
        self.start()

    def start(self):
        """Start the daemon, again if it has ended; its log goes on."""
        read_fd, write_fd = os.pipe()
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                [*self.command, "--ready-fd", str(write_fd)], env=self.env,
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                pass_fds=(write_fd, *self.pass_fds))
        os.close(write_fd)
        with os.fdopen(read_fd) as ready:
            if not ready.readline():
                raise RuntimeError("sluiced did not start:\n" + self.log())

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.stop()

    def environment(self, **more):
        manifest = BUILD / "guest-driver/vk/sluice_icd.json"
        return clean_environment(VK_DRIVER_FILES=manifest, VK_ICD_FILENAMES=manifest,
                                 SLUICE_SOCKET=self.socket, **more)

    def ask(self, *arguments):
        """sluicectl's answer as JSON."""
        output = subprocess.run(
            [BUILD / "host/ctl/sluicectl", "--control", self.control, "--json", *arguments],
            stdout=subprocess.PIPE, check=True, timeout=20).stdout
        return json.loads(output)

    def skips_opengl(self):
        """The same of a test of OpenGL with this daemon."""
        if pathlib.Path(f"{self.socket}.gl").exists():
            return False
        print("1..0 # SKIP no OpenGL on this host")
        return True

    def renderer_pids(self):
        """All renderers, those that wait for a program included."""
        children = subprocess.run(["pgrep", "-P", str(self.process.pid), "sluice-renderer"],
                                  stdout=subprocess.PIPE, text=True, check=False).stdout
        return {int(pid) for pid in children.split()}

    def programs(self):
        return [program for guest in self.ask("list")["guests"] for program in guest["programs"]]

    def wait_until_idle(self, timeout=10):
        """True once no program is connected any more and no renderer works for one."""
        return wait_for(lambda: not self.programs(), timeout)

    def log(self, start=0):
        with open(self.log_path, "rb") as log:
            log.seek(start)
            return log.read().decode(errors="replace")

    def log_size(self):
        return self.log_path.stat().st_size

    def is_running(self):
        return self.process.poll() is None

    def stop(self):
        """End the daemon. Returns its exit status; None if it had to be killed."""
        self.process.terminate()
        try:
            status = self.process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            status = None
        shutil.rmtree(self.directory, ignore_errors=True)
        return status


def wait_for(condition, timeout):
    """Poll until condition() holds. Returns whether it did in time."""
    end = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.01)
    return True


def as_comment(text):
    """Text as comments of TAP."""
    return "\n".join(f"# {line}" for line in text.rstrip().splitlines())


class Tap:
    """Writes test points; its status is that of the program."""

    def __init__(self):
        self.count = 0
        self.failed = 0

    def point(self, name, problem=None, skip=None):
        """One test: problem is text if it failed, skip is text if it could not be done."""
        self.count += 1
        if problem:
            self.failed += 1
            print(as_comment(problem))
            print(f"not ok {self.count} - {name}", flush=True)
        elif skip:
            print(f"ok {self.count} - {name} # SKIP {skip}", flush=True)
        else:
            print(f"ok {self.count} - {name}", flush=True)

    def finish(self):
        print(f"1..{self.count}", flush=True)
        return 1 if self.failed else 0
