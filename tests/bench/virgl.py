#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""OpenGL frames a second of scenes of our own (with little and with much work in the shader) and of
glmark2, off-screen; each frame is waited for.

native  on llvmpipe
vtest   over virglrenderer's own server
host    over sluice-virgl and the daemon, with a bridge inside the program in place of the guest and its
        vgpu: what Sluice's side costs, with the program running as it does for vtest
qemu    in a virtual machine, over QEMU's own device (virtio-gpu-gl-pci), which has virglrenderer in
        QEMU's process
guest   in the same virtual machine, over the vgpu and sluice-virgl

Nobody has a cache of shaders on disk: sluice-virgl may not write files. vtest and host run in pairs, of
which every second begins with host: a cell is the median of its column, a ratio that of the pairs'
ratios, with the least, the most and in how many pairs host was at least as fast behind it. Beside them
is what all CPUs spend on a frame (program, server and llvmpipe's threads), which depends less on what
else the machine does. guest and qemu run by turns."""

import argparse
import contextlib
import os
import pathlib
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ["SLUICE_BUILD_DIR"])
sys.path.insert(0, str(ROOT / "tests/integration"))
import host  # noqa: E402

GL = BUILD / "tests/vm/gl_picture"
# Mesa's virpipe of Debian 12 knows this path only.
VTEST_SOCKET = pathlib.Path("/tmp/.virgl_test")
PICTURES = {"little work": "8", "much work": "400"}
# In the guest, on one line for its shell: nothing is shown, so it has nothing to compose. glmark2 on
# DRM itself takes the largest mode that there is.
COMPOSITOR = ("export XDG_RUNTIME_DIR=/run/user WAYLAND_DISPLAY=w; "
              "weston --backend=headless-backend.so --use-gl --socket=w >/tmp/weston.log 2>&1 & "
              "for i in $(seq 300); do "
              "grep -q \"launching '.*weston-desktop-shell'\" /tmp/weston.log && break; "
              "sleep 0.2; done; sleep 2; ")
COLUMNS = ("native", "vtest", "host", "qemu", "guest")
# A program renders by then.
START_S = 0.6
SCENES = ("build", "texture", "shading", "bump", "buffer", "ideas")


def progress(text):
    print(text, end="", file=sys.stderr, flush=True)


def commands(options, glmark):
    """Each row's command, by its name. glmark: the program, or None."""
    seconds = options.seconds
    rows = {name: [str(GL), "--seconds", str(seconds), loops] for name, loops in PICTURES.items()}
    for scene in SCENES if glmark else ():
        rows[f"glmark2 {scene}"] = [glmark, "--off-screen", "-b",
                                    f"{scene}:duration={seconds}.0"]
    return {name: command for name, command in rows.items()
            if not options.row or any(word in name for word in options.row)}


def frames(text, seconds):
    """Frames a second, or None if nothing says so."""
    found = re.findall(r"(\d+) frames", text)
    if found:
        return int(found[-1]) / seconds
    found = re.findall(r"FPS: (\d+)", text)
    return float(found[-1]) if found else None


def cpu_times():
    """Of each process below this one, the CPU time (s) it has taken."""
    parents, ticks = {}, {}
    for directory in pathlib.Path("/proc").iterdir():
        with contextlib.suppress(OSError, ValueError):
            pid = int(directory.name)
            fields = (directory / "stat").read_text(errors="replace").rpartition(")")[2].split()
            parents[pid], ticks[pid] = int(fields[1]), int(fields[11]) + int(fields[12])

    def is_ours(pid):
        while pid in parents and pid != os.getpid():
            pid = parents[pid]
        return pid == os.getpid()

    return {pid: ticks[pid] / os.sysconf("SC_CLK_TCK") for pid in ticks if is_ours(pid)}


def run(seconds, command, **variables):
    """Frames a second, and CPU time of a frame (ms), which is looked at while it renders; None:
    nothing."""
    with subprocess.Popen(command, text=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                          env={**os.environ, **variables}) as process:
        time.sleep(START_S)
        begin, before = time.monotonic(), cpu_times()
        time.sleep(max(0.1, seconds - START_S - 0.2))
        passed, after = time.monotonic() - begin, cpu_times()
        try:
            text, _ = process.communicate(timeout=60 + 5 * seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            return None
    rate = frames(text, seconds)
    spent = sum(time_s - before.get(pid, 0) for pid, time_s in after.items())
    return (rate, spent / passed / rate * 1000) if rate else None


@contextlib.contextmanager
def x_server():
    """An X server that nobody sees, for glmark2, which asks for one off-screen too."""
    if shutil.which("Xvfb") is None:
        yield None
        return
    read_end, write_end = os.pipe()
    with subprocess.Popen(["Xvfb", "-displayfd", str(write_end), "-nolisten", "tcp"],
                          pass_fds=[write_end], stdout=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL) as server:
        os.close(write_end)
        with os.fdopen(read_end) as answer:
            number = answer.readline().strip()
        try:
            yield f":{number}" if number else None
        finally:
            server.terminate()


@contextlib.contextmanager
def server(path, command):
    """A server that listens at path; yields whether there is one."""
    if shutil.which(command[0]) is None:
        yield False
        return
    with subprocess.Popen(command, stdout=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL) as process:
        try:
            yield host.wait_for(path.exists, 5)
        finally:
            process.terminate()


@contextlib.contextmanager
def link(path):
    """Mesa finds the server at path."""
    VTEST_SOCKET.symlink_to(path)
    try:
        yield
    finally:
        VTEST_SOCKET.unlink()


def claim_vtest_socket():
    """Returns whether nobody has it. What was left behind by a server that has gone is removed."""
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(str(VTEST_SOCKET))
            return False
        except (FileNotFoundError, ConnectionRefusedError):
            VTEST_SOCKET.unlink(missing_ok=True)
            return True


def run_row(command, servers, options, **variables):
    """Results of native, vtest and host; servers: of those that are there the environment."""
    results = {"native": [run(options.seconds, command, **variables)]}
    for turn in range(options.repeat):
        for column, more in sorted(servers.items(), reverse=turn % 2 == 0):
            results.setdefault(column, []).append(
                run(options.seconds, command, GALLIUM_DRIVER="virpipe", **more, **variables))
    return results


def open_servers(stack):
    """The environments of programs that run over what there is."""
    daemon = stack.enter_context(host.Host(name="bench-virgl"))
    servers = {"host": {"LD_PRELOAD": str(BUILD / "tests/bench/libvirgl_bridge.so"),
                        "SLUICE_BRIDGE": f"{daemon.socket}.gl"}}
    if not claim_vtest_socket():
        print(f"{VTEST_SOCKET} is somebody's: nothing runs over vtest", file=sys.stderr)
        return servers
    path = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory())) / "vtest"
    if stack.enter_context(server(path, ["virgl_test_server", "--use-egl-surfaceless",
                                         f"--socket-path={path}"])):
        stack.enter_context(link(path))
        servers["vtest"] = {}
    return servers


def run_host(options):
    """Columns by their names: of each row all results. And the same of CPU time."""
    columns, cpu = {}, {}
    with contextlib.ExitStack() as stack:
        display = stack.enter_context(x_server())
        variables = {"LIBGL_ALWAYS_SOFTWARE": "1", **({"DISPLAY": display} if display else {})}
        servers = open_servers(stack)
        progress("host:")
        for name, command in commands(options,
                                      shutil.which("glmark2-es2") if display else None).items():
            progress(f" {name},")
            for column, pairs in run_row(command, servers, options, **variables).items():
                columns.setdefault(column, {})[name] = [pair and pair[0] for pair in pairs]
                cpu.setdefault(column, {})[name] = [pair and pair[1] for pair in pairs]
        progress(" done\n")
    return columns, cpu


def accelerator(image):
    """What scripts/vm.sh chooses: it has asked by now."""
    files = list(pathlib.Path(image).parent.glob("accelerator-*"))
    return files[0].read_text(encoding="ascii").strip() if files else "?"


def run_guest(title, options, vm_options):
    """What the guest makes of each row."""
    rows = commands(options, "glmark2-es2-wayland")
    # The first does not count: the compositor still starts.
    text = COMPOSITOR + "; ".join([f"{GL} --seconds {options.seconds} 8",
                                   *(f"echo 'row {name}'; {' '.join(command)}"
                                     for name, command in rows.items())])
    results, name = {}, None
    progress(f"{title}:")
    with subprocess.Popen([ROOT / "scripts/vm.sh", "run", "--no-build", *vm_options, "--", "sh", "-c",
                           text], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL, text=True) as vm:
        for line in vm.stdout:
            if line.startswith("row "):
                name = line[len("row "):].strip()
                progress(f" {name},")
            elif name is not None and frames(line, options.seconds) is not None:
                results[name] = frames(line, options.seconds)
    progress(" done\n")
    return results


def run_guests(options):
    """Columns by their names, of each row all results; and the accelerator."""
    image = subprocess.run([ROOT / "scripts/vm.sh", "image"], stdin=subprocess.DEVNULL,
                           stdout=subprocess.PIPE, text=True, check=True).stdout.strip()
    accel = ["--accel", options.accel] if options.accel else []
    # QEMU wants a display with OpenGL for its own.
    kinds = {"guest": accel, "qemu": ["--gpu", "virgl", "--window", *accel]}
    columns = {kind: {} for kind in kinds}
    for _ in range(options.guest_repeat):
        for kind, arguments in kinds.items():
            results = run_guest(kind, options, arguments)
            for row in commands(options, "glmark2"):
                columns[kind].setdefault(row, []).append(results.get(row))
    return columns, options.accel or accelerator(image)


def median(values):
    known = [value for value in values if value is not None]
    return statistics.median(known) if known else None


def ratio(a, b):
    """Of each pair, and their median."""
    pairs = [x / y for x, y in zip(a, b) if x and y]
    if not pairs:
        return "-"
    text = f"{median(pairs):.2f}"
    return text if len(pairs) < 2 else (f"{text} ({min(pairs):.2f} to {max(pairs):.2f}, "
                                        f"{sum(pair >= 1 for pair in pairs)} of {len(pairs)})")


def number(value, width, places):
    return f"{value:{width}.{places}f}" if value else f"{'-':>{width}}"


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=2, help="of each run (default: 2)")
    parser.add_argument("--repeat", type=int, default=9,
                        help="pairs of runs of vtest and host (default: 9)")
    parser.add_argument("--guest-repeat", type=int, default=2,
                        help="runs of guest and qemu (default: 2)")
    parser.add_argument("--row", action="append", metavar="WORD",
                        help="only rows whose names have this in them; may be given again")
    parser.add_argument("--no-guest", action="store_true", help="leave out the virtual machines")
    parser.add_argument("--accel", choices=["kvm", "tcg"], help="as scripts/vm.sh has it")
    options = parser.parse_args()

    # Servers end with it.
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    os.environ["MESA_SHADER_CACHE_DISABLE"] = "true"
    columns, accel = ({}, "none") if options.no_guest else run_guests(options)
    measured, cpu = run_host(options)
    columns |= measured
    print(f"Frames a second. Accelerator of the guest: {accel}.")
    print(f"{'':16}" + "".join(f"{name:>9}" for name in COLUMNS) + f"{'host/vtest':>30}"
          f"{'ms of CPU: vtest':>18}{'host':>7}{'guest/qemu':>30}")
    for row in commands(options, "glmark2"):
        results = {name: columns.get(name, {}).get(row, []) for name in COLUMNS}
        print(f"{row:16}" +
              "".join(number(median(values), 9, 1) for values in results.values()) +
              f"{ratio(results['host'], results['vtest']):>30}" +
              "".join(number(median(cpu.get(name, {}).get(row, [])), width, 2)
                      for name, width in (("vtest", 18), ("host", 7))) +
              f"{ratio(results['guest'], results['qemu']):>30}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
