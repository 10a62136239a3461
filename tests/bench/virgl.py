#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""OpenGL frames a second of scenes of our own (with little and with much work in the shader) and of
glmark2, off-screen; each frame is waited for.

native    on llvmpipe
vtest     over virglrenderer's own server
host      over sluice-virgl and the daemon, with a bridge in place of the guest and its vgpu: what Sluice's
          side costs, with the program running as it does for vtest
emulated  vtest, with the program emulated by QEMU's user mode; where the guest's CPU is emulated (TCG)
guest     in a virtual machine with nothing but Mesa, over the vgpu and sluice-virgl

Nobody has a cache of shaders on disk: sluice-virgl may not write files. vtest and host run by turns, and
their medians are compared. guest compares with emulated, though there the kernel is not emulated, nor
any device."""

import argparse
import contextlib
import os
import pathlib
import re
import shutil
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
SCENES = ("build", "texture", "shading", "bump", "buffer", "ideas")


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


def median(values):
    known = [value for value in values if value is not None]
    return statistics.median(known) if known else None


def run_servers(columns, seconds, repeat, rows, emulator, **variables):
    """Fills the columns vtest, host and emulated."""
    with tempfile.TemporaryDirectory() as text, host.Host(name="bench-virgl") as daemon:
        vtest, bridge = pathlib.Path(text) / "vtest", pathlib.Path(text) / "bridge"
        with server(vtest, ["virgl_test_server", "--use-egl-surfaceless",
                            f"--socket-path={vtest}"]) as has_vtest, \
                server(bridge, [BUILD / "tests/bench/virgl_bridge", bridge,
                                f"{daemon.socket}.gl"]) as has_bridge:
            for name, command in rows.items():
                results = {"vtest": [], "host": []}
                for _ in range(repeat):
                    for column, path, is_there in (("vtest", vtest, has_vtest),
                                                   ("host", bridge, has_bridge)):
                        results[column].append(run_over(path, seconds, command, **variables)
                                               if is_there else None)
                for column, values in results.items():
                    columns[column][name] = median(values)
                if emulator and has_vtest:
                    columns["emulated"][name] = run_over(vtest, seconds, [emulator, *command],
                                                         **variables)


def run_host(seconds, repeat, is_emulated):
    """Columns by their names."""
    columns = {"native": {}, "vtest": {}, "host": {}, "emulated": {}}
    with x_server() as display:
        glmark = shutil.which("glmark2-es2") if display else None
        rows = commands(seconds, glmark)
        variables = {"LIBGL_ALWAYS_SOFTWARE": "1",
                     **({"DISPLAY": display} if display else {})}
        for name, command in rows.items():
            columns["native"][name] = run(seconds, command, **variables)
        if VTEST_SOCKET.exists() or VTEST_SOCKET.is_symlink():
            print(f"{VTEST_SOCKET} is somebody's: nothing runs over vtest", file=sys.stderr)
        else:
            run_servers(columns, seconds, repeat, rows,
                        shutil.which("qemu-x86_64") if is_emulated else None, **variables)
    return columns


def accelerator(image):
    """What scripts/vm.sh chooses: it has asked by now."""
    files = list(pathlib.Path(image).parent.glob("accelerator-*"))
    return files[0].read_text(encoding="ascii").strip() if files else "?"


def run_guest(seconds, options):
    """What the guest makes of each row, and the accelerator."""
    script = ROOT / "scripts/vm.sh"
    rows = commands(seconds, "glmark2-es2-wayland")
    text = COMPOSITOR + "; ".join(f"echo 'row {name}'; {' '.join(command)}"
                                  for name, command in rows.items())
    image = subprocess.run([script, "image"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                           text=True, check=True).stdout.strip()
    done = subprocess.run([script, "run", "--no-build", *options, "--", "sh", "-c", text],
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, check=False)
    parts = re.split(r"^row (.*)$", done.stdout, flags=re.MULTILINE)
    results = {name: frames(part, seconds) for name, part in zip(parts[1::2], parts[2::2])}
    return results, options[1] if options else accelerator(image)


def ratio(a, b):
    return f"{a / b:.2f}" if a and b else "-"


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=4, help="of each run (default: 4)")
    parser.add_argument("--repeat", type=int, default=3, help="runs of vtest and host (default: 3)")
    parser.add_argument("--no-guest", action="store_true", help="leave out the virtual machine")
    parser.add_argument("--accel", choices=["kvm", "tcg"], help="as scripts/vm.sh has it")
    arguments = parser.parse_args()

    os.environ["MESA_SHADER_CACHE_DISABLE"] = "true"
    guest, accel = {}, "none"
    if not arguments.no_guest:
        options = ["--accel", arguments.accel] if arguments.accel else []
        guest, accel = run_guest(arguments.seconds, options)
    columns = run_host(arguments.seconds, arguments.repeat, accel == "tcg")
    columns["guest"] = guest
    print(f"Frames a second. Accelerator of the guest: {accel}.")
    print(f"{'':16}" + "".join(f"{name:>10}" for name in columns) +
          f"{'host/vtest':>13}{'guest/emulated':>17}{'guest/vtest':>13}")
    for row in commands(arguments.seconds, "glmark2"):
        cells = {name: column.get(row) for name, column in columns.items()}
        print(f"{row:16}" +
              "".join(f"{cell:10.1f}" if cell else f"{'-':>10}" for cell in cells.values()) +
              f"{ratio(cells['host'], cells['vtest']):>13}"
              f"{ratio(cells['guest'], cells['emulated']):>17}"
              f"{ratio(cells['guest'], cells['vtest']):>13}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
