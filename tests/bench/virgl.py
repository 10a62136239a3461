#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""OpenGL frames a second of scenes of our own (with little and with much work in the shader) and of
glmark2, off-screen; each frame is waited for.

native  on llvmpipe
vtest   over virglrenderer's own server
host    over sluice-virgl and the daemon, with a bridge in place of the guest and its vgpu: what Sluice's
        side costs, with the program running as it does for vtest
qemu    in a virtual machine, over QEMU's own device (virtio-gpu-gl-pci), which has virglrenderer in
        QEMU's process
guest   in the same virtual machine, over the vgpu and sluice-virgl

Nobody has a cache of shaders on disk: sluice-virgl may not write files. vtest and host run by turns: a
cell is the median, and behind their ratio is that of each pair of turns, the least and the most. So do
guest and qemu."""

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
SCENES = ("build", "texture", "shading", "bump", "buffer", "ideas")


def progress(text):
    print(text, end="", file=sys.stderr, flush=True)


def commands(seconds, glmark):
    """Each row's command, by its name. glmark: the program, or None."""
    rows = {name: [str(GL), "--seconds", str(seconds), loops] for name, loops in PICTURES.items()}
    for scene in SCENES if glmark else ():
        rows[f"glmark2 {scene}"] = [glmark, "--off-screen", "-b",
                                    f"{scene}:duration={seconds}.0"]
    return rows


def frames(text, seconds):
    """Frames a second, or None if nothing says so."""
    found = re.findall(r"(\d+) frames", text)
    if found:
        return int(found[-1]) / seconds
    found = re.findall(r"FPS: (\d+)", text)
    return float(found[-1]) if found else None


def run(seconds, command, **variables):
    """What the host makes of it; None: nothing."""
    with contextlib.suppress(subprocess.TimeoutExpired):
        done = subprocess.run(command, check=False, text=True, timeout=60 + 5 * seconds,
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                              env=dict(os.environ, **variables))
        return frames(done.stdout, seconds)
    return None


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


def run_over(path, seconds, command, **variables):
    """Over a server of vtest's protocol."""
    VTEST_SOCKET.symlink_to(path)
    try:
        return run(seconds, command, GALLIUM_DRIVER="virpipe", **variables)
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


def run_row(results, command, servers, options, **variables):
    """Adds to the results of native, vtest and host; servers: those that are there, with their
    sockets."""
    results["native"].append(run(options.seconds, command, **variables))
    for _ in range(options.repeat):
        for column, path in servers.items():
            results[column].append(run_over(path, options.seconds, command, **variables))


def run_host(options):
    """Columns by their names: of each row all results."""
    columns = {"native": {}, "vtest": {}, "host": {}}
    with contextlib.ExitStack() as stack:
        display = stack.enter_context(x_server())
        variables = {"LIBGL_ALWAYS_SOFTWARE": "1", **({"DISPLAY": display} if display else {})}
        rows = commands(options.seconds, shutil.which("glmark2-es2") if display else None)
        servers = {}
        if claim_vtest_socket():
            directory = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory()))
            daemon = stack.enter_context(host.Host(name="bench-virgl"))
            for column, program in (
                    ("vtest", ["virgl_test_server", "--use-egl-surfaceless",
                               f"--socket-path={directory / 'vtest'}"]),
                    ("host", [BUILD / "tests/bench/virgl_bridge", directory / "host",
                              f"{daemon.socket}.gl"])):
                if stack.enter_context(server(directory / column, program)):
                    servers[column] = directory / column
        else:
            print(f"{VTEST_SOCKET} is somebody's: nothing runs over vtest", file=sys.stderr)
        progress("host:")
        for name, command in rows.items():
            progress(f" {name},")
            results = {column: [] for column in columns}
            run_row(results, command, servers, options, **variables)
            for column, values in results.items():
                columns[column][name] = values
        progress(" done\n")
    return columns


def accelerator(image):
    """What scripts/vm.sh chooses: it has asked by now."""
    files = list(pathlib.Path(image).parent.glob("accelerator-*"))
    return files[0].read_text(encoding="ascii").strip() if files else "?"


def run_guest(title, seconds, options):
    """What the guest makes of each row."""
    rows = commands(seconds, "glmark2-es2-wayland")
    # The first does not count: the compositor still starts.
    text = COMPOSITOR + "; ".join([" ".join(rows["little work"]),
                                   *(f"echo 'row {name}'; {' '.join(command)}"
                                     for name, command in rows.items())])
    results, name = {}, None
    progress(f"{title}:")
    with subprocess.Popen([ROOT / "scripts/vm.sh", "run", "--no-build", *options, "--", "sh", "-c",
                           text], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL, text=True) as vm:
        for line in vm.stdout:
            if line.startswith("row "):
                name = line[len("row "):].strip()
                progress(f" {name},")
            elif name is not None and frames(line, seconds) is not None:
                results[name] = frames(line, seconds)
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
            results = run_guest(kind, options.seconds, arguments)
            for row in commands(options.seconds, "glmark2"):
                columns[kind].setdefault(row, []).append(results.get(row))
    return columns, options.accel or accelerator(image)


def median(values):
    known = [value for value in values if value is not None]
    return statistics.median(known) if known else None


def ratio(a, b):
    """Of medians, and of what ran in turn."""
    if not (median(a) and median(b)):
        return "-"
    turns = [x / y for x, y in zip(a, b) if x and y]
    text = f"{median(a) / median(b):.2f}"
    return text if len(turns) < 2 else f"{text} ({min(turns):.2f} to {max(turns):.2f})"


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=2, help="of each run (default: 2)")
    parser.add_argument("--repeat", type=int, default=3, help="runs of vtest and host (default: 3)")
    parser.add_argument("--guest-repeat", type=int, default=2,
                        help="runs of guest and qemu (default: 2)")
    parser.add_argument("--no-guest", action="store_true", help="leave out the virtual machines")
    parser.add_argument("--accel", choices=["kvm", "tcg"], help="as scripts/vm.sh has it")
    options = parser.parse_args()

    # Servers end with it.
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    os.environ["MESA_SHADER_CACHE_DISABLE"] = "true"
    columns, accel = ({}, "none") if options.no_guest else run_guests(options)
    columns |= run_host(options)
    print(f"Frames a second. Accelerator of the guest: {accel}.")
    print(f"{'':16}" + "".join(f"{name:>10}" for name in COLUMNS) +
          f"{'host/vtest':>23}{'guest/qemu':>23}")
    for row in commands(options.seconds, "glmark2"):
        results = {name: columns.get(name, {}).get(row, []) for name in COLUMNS}
        cells = [median(values) for values in results.values()]
        print(f"{row:16}" + "".join(f"{cell:10.1f}" if cell else f"{'-':>10}" for cell in cells) +
              f"{ratio(results['host'], results['vtest']):>23}"
              f"{ratio(results['guest'], results['qemu']):>23}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
