#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Renderers in their sandbox: drivers from places that it does not show, what it says it lacks."""

import json
import os
import pathlib
import resource
import shutil
import signal
import subprocess
import sys
import tempfile

import host
import run_cases


def library_of(manifest):
    """Where the loader finds the driver's library."""
    path = pathlib.Path(json.loads(manifest.read_text())["ICD"]["library_path"])
    if len(path.parts) > 1:
        return (manifest.parent / path).resolve()
    lines = subprocess.run(["/sbin/ldconfig", "-p"], stdout=subprocess.PIPE, text=True,
                           check=True).stdout.splitlines()
    return next(line.split("=> ")[1] for line in lines if line.split()[:1] == [str(path)])


def build_driver(directory):
    """A driver that is the host's, by way of a library in another folder. Returns its manifest and
    that folder."""
    own, other = directory / "driver", directory / "elsewhere"
    own.mkdir()
    other.mkdir()
    source = directory / "empty.c"
    source.write_text("")
    compiler = ["cc", "-shared", "-fPIC", source, "-Wl,--no-as-needed"]
    subprocess.run([*compiler, "-o", other / "libpart.so", "-Wl,-soname,libpart.so"], check=True)
    subprocess.run([*compiler, "-o", own / "libdriver.so", f"-L{other}", "-lpart",
                    f"-Wl,-rpath,{other}", library_of(host.host_driver())], check=True)
    manifest = json.loads(host.host_driver().read_text())
    manifest["ICD"]["library_path"] = "./libdriver.so"
    path = own / "driver.json"
    path.write_text(json.dumps(manifest))
    return path, other


def runs(daemon, native):
    with tempfile.TemporaryDirectory() as directory:
        return run_cases.run_case("triangle", native, daemon.environment(), [],
                                  pathlib.Path(directory))[0]


def test_driver_elsewhere(tap, native):
    """A part of the driver lies where the sandbox hides it: the message says which, and what helps."""
    if shutil.which("cc") is None:
        tap.point("a driver in other folders", skip="no compiler")
        return
    with tempfile.TemporaryDirectory() as directory:
        manifest, other = build_driver(pathlib.Path(directory))
        for name, options, env, works in (
                ("hidden", [], {}, False),
                ("named by LD_LIBRARY_PATH", [], {"LD_LIBRARY_PATH": other}, True),
                ("without a sandbox", ["--sandbox=off"], {}, True)):
            with host.Host("--driver", manifest, *options, name="sandbox-driver",
                           env=env) as daemon:
                missing = daemon.ask("list")["sandbox"]
                problem = runs(daemon, native)
                log = daemon.log()
            if not works and "no file system of its own" not in missing:
                found = "libpart.so: cannot open" in log and "LD_LIBRARY_PATH" in log
                problem = None if problem and found else log
            tap.point(f"a part of the driver elsewhere: {name}", problem)


def test_list(tap, native):
    """What could not be had is in the log, in status and in list."""
    with host.Host(name="sandbox-list") as daemon:
        problem = runs(daemon, native)
        status, listed = daemon.ask("status")["sandbox"], daemon.ask("list")["sandbox"]
        text = subprocess.run([host.BUILD / "host/ctl/sluicectl", "--control", daemon.control,
                               "list"], stdout=subprocess.PIPE, text=True, check=True).stdout
        log = daemon.log()
    if status != listed or (status != "complete" and status not in text):
        problem = f"status: {status}, list: {listed}, as text:\n{text}"
    if f"the renderers' sandbox is {'complete' if status == 'complete' else 'not complete: ' + status}" not in log:
        problem = log
    print(f"# here the sandbox is: {status}")
    tap.point("what is missing is said", problem)


def test_required(tap, native):
    """With --sandbox=required either all walls stand, or nobody is served and is told why."""
    with host.Host("--sandbox=required", name="sandbox-required") as daemon:
        problem = runs(daemon, native)
        missing = daemon.ask("status")["sandbox"]
    needed = {"no /proc of its own", "no control group of its own", "complete"}
    if set(missing.split(", ")) - needed:
        problem = None if problem else f"served, and there is {missing}"
    tap.point("what is required", problem)
    # Where a wall cannot be had: user namespaces are refused in a root that was changed.
    chroot = ("unshare", "-m", "--propagation", "slave", "sh", "-c",
              'mount --rbind / /mnt && exec chroot /mnt "$@"', "sh")
    if os.geteuid() != 0 or subprocess.run([*chroot, "true"], stderr=subprocess.DEVNULL,
                                           check=False).returncode != 0:
        tap.point("a wall that is required and missing", skip="not root, or nothing can be mounted")
        return
    with host.Host("--sandbox=required", name="sandbox-required", prefix=chroot) as daemon:
        problem = runs(daemon, native)
        log = daemon.log()
    said = "the sandbox is required, and there is" in log
    tap.point("a wall that is required and missing",
              None if problem and said else f"{problem}\n{log}")


def files_of(pid):
    """What a process has open, but for the driver's devices."""
    directory = pathlib.Path(f"/proc/{pid}/fd")
    names = [os.readlink(directory / fd) for fd in sorted(os.listdir(directory), key=int)]
    return [name.split(":[")[0] if name.startswith("socket:") else name for name in names
            if not name.startswith("/dev/") or name == "/dev/null"]


def status_of(pid, key):
    lines = pathlib.Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(line.split()[1] for line in lines if line.startswith(key + ":"))


def test_process(tap):
    """What a renderer of a real program has of the host: as seen from there."""
    if os.geteuid() != 0:
        tap.point("a renderer's descriptors", skip="only root sees into it")
        return
    with host.Host(name="sandbox-process") as daemon:
        host.wait_for(lambda: daemon.ask("status")["idle_renderers"] > 0, 20)
        program = subprocess.Popen([host.BUILD / "tests/integration/vulkan_stuck", "nothing"],
                                   env=daemon.environment(), stdin=subprocess.DEVNULL,
                                   stdout=subprocess.PIPE)
        program.stdout.readline()
        pid = daemon.programs()[0]["renderer_pid"]
        log = str(daemon.log_path)
        expected = ["/dev/null", log, log, "socket"]
        files = files_of(pid)
        problem = None
        if files[:4] != expected or set(files[4:]) - {
                "socket", "anon_inode:[timerfd]", "anon_inode:[eventfd]", "anon_inode:[eventpoll]"}:
            problem = f"it has {files}"
        tap.point("a renderer has the descriptors that it was given, and its own", problem)
        got = {key: status_of(pid, key) for key in ("Seccomp", "NoNewPrivs", "CapEff")}
        wanted = {"Seccomp": "2", "NoNewPrivs": "1", "CapEff": "0" * 16}
        tap.point("it is filtered, and has no capabilities",
                  None if got == wanted else f"{got}")
        limit = resource.prlimit(pid, resource.RLIMIT_DATA)[0]
        grouped = "control group" not in daemon.ask("list")["sandbox"]
        tap.point("its memory is limited", None if grouped or limit < 1 << 50 else f"{limit} bytes")
        program.kill()
        program.communicate()


def groups_of_renderers(group):
    return [path for path in group.iterdir() if path.name.startswith("renderer-")]


def test_reload(tap, native, group, enter):
    """A sandbox that a reload turns on is whole: control groups are part of it."""
    with tempfile.TemporaryDirectory() as directory:
        config = pathlib.Path(directory) / "sluiced.conf"
        config.write_text('sandbox = "off";\n')
        with host.Host(name="sandbox-reload", prefix=enter, config=config) as daemon:
            problems = [runs(daemon, native)]
            problems += [f"{groups_of_renderers(group)}"] if groups_of_renderers(group) else []
            config.write_text('sandbox = "auto";\n')
            daemon.process.send_signal(signal.SIGHUP)
            if not host.wait_for(lambda: "has been read again" in daemon.log(), 10):
                problems.append("no reload")
            problems.append(runs(daemon, native))
            missing = daemon.ask("list")["sandbox"]
            if "control group" in missing or not groups_of_renderers(group):
                problems.append(f"{missing}; {groups_of_renderers(group)}")
        tap.point("control groups after a reload", "\n".join(filter(None, problems)))


def test_cgroup(tap, native):
    """Alone in a control group, the daemon divides it, and a renderer is in one of its own."""
    mount = next((path for path in (pathlib.Path("/sys/fs/cgroup"),
                                    pathlib.Path("/sys/fs/cgroup/unified"))
                  if (path / "cgroup.controllers").exists()), None)
    group = mount and mount / f"sluice-test-{os.getpid()}"
    try:
        (mount / "cgroup.subtree_control").write_text("+memory +pids")
        group.mkdir()
    except (OSError, TypeError) as error:
        tap.point("a control group for each renderer", skip=f"none to be had here: {error}")
        return
    enter = ("sh", "-c", f'echo $$ >{group}/cgroup.procs && exec "$@"', "sh")
    with host.Host(name="sandbox-cgroup", prefix=enter) as daemon:
        problem = runs(daemon, native)
        missing = daemon.ask("list")["sandbox"]
        daemon.wait_until_idle()
        groups = groups_of_renderers(group)
        limits = {((path / "memory.max").read_text().strip(), (path / "pids.max").read_text().strip())
                  for path in groups}
        swap = {path.read_text().strip() for path in group.glob("renderer-*/memory.swap.max")}
        counts = {len((path / "cgroup.procs").read_text().split()) for path in groups}
    if "control group" in missing or not groups or counts != {1}:
        problem = f"{missing}; {groups}: {counts}"
    if any("max" in limit for limit in limits) or swap - {"0"}:
        problem = f"no limits: {limits}, swap: {swap}"
    tap.point("a control group for each renderer", problem)
    test_reload(tap, native, group, enter)
    left = groups_of_renderers(group)
    tap.point("no group is left", f"{left}" if left else None)
    (group / "daemon").rmdir()
    group.rmdir()


def test_cache(tap, native):
    """Guests would share what drivers keep on disk, and could put things there for each other."""
    for sandbox in "auto", "off":
        with tempfile.TemporaryDirectory() as directory:
            with host.Host(f"--sandbox={sandbox}", name="sandbox-cache",
                           env={"HOME": directory, "XDG_CACHE_HOME": directory}) as daemon:
                problem = runs(daemon, native)
                queues = [task for pid in daemon.renderer_pids()
                          for task in pathlib.Path(f"/proc/{pid}/task").glob("*/comm")
                          if "disk" in task.read_text()]
            left = [path.name for path in pathlib.Path(directory).iterdir()]
        if left or queues:
            problem = f"{left}, {queues}"
        tap.point(f"no cache on disk, sandbox {sandbox}", problem)


def main():
    tap = host.Tap()
    native = run_cases.Native()
    test_driver_elsewhere(tap, native)
    test_list(tap, native)
    test_required(tap, native)
    test_process(tap)
    test_cgroup(tap, native)
    test_cache(tap, native)
    return tap.finish()


if __name__ == "__main__":
    sys.exit(main())
