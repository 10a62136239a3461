#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What the guest draws shows on QEMU's display, in the right colours: its console, an X server, a
Wayland compositor, and windows of Vulkan programs in both. The display is resized meanwhile."""

import ctypes
import importlib.util
import pathlib
import sys
import tempfile

import guest as guest_module
from guest import ROOT, Guest, State, host
from qemu import qmp

SPEC = importlib.util.spec_from_file_location("screenshot", ROOT / "scripts/vm/screenshot.py")
screenshot = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(screenshot)

# QEMU's window has a menu bar of about this height.
MENU = 24
# Linux's console colours 1 and 4 as backgrounds.
CONSOLE = r"printf '\033[2J\033[H\033[41m\033[2J\033[12;1H\033[44m\033[J' >/dev/tty0"
CONSOLE_COLOURS = ((170, 0, 0), (0, 0, 170))
X_COLOUR, WAYLAND_COLOUR = (32, 160, 96), (32, 64, 160)
# QEMU's GTK exchanges red and blue of cursors.
CURSOR_COLOUR = (208, 0, 208)
# Without udev and with nothing to type on. GLX would load a compiler, which takes a minute where
# the processor is emulated.
X_START = r"""
cat >/tmp/xorg.conf <<END
Section "ServerFlags"
	Option "AutoAddDevices" "false"
EndSection
Section "Device"
	Identifier "gpu"
	Driver "modesetting"
	Option "kmsdev" "/dev/dri/card0"
	Option "AccelMethod" "none"
EndSection
END
printf '#define w_width 32\n#define w_height 32\nstatic char w_bits[] = {\n' >/tmp/square
for i in $(seq 127); do printf '0xff,'; done >>/tmp/square
echo '0xff};' >>/tmp/square
setsid Xorg :0 -config /tmp/xorg.conf -novtswitch -sharevts vt1 -noreset -extension GLX \
	>/tmp/x.log 2>&1 </dev/null &
for i in $(seq 300); do
	xsetroot -solid '#20a060' 2>/dev/null && break
	sleep 0.2
done
xsetroot -cursor /tmp/square /tmp/square -fg '#d000d0' -bg '#d000d0' && xrandr || cat /tmp/x.log
"""
WESTON_START = r"""
cat >/tmp/weston.ini <<END
[core]
require-input=false
idle-time=0
[shell]
background-color=0xff2040a0
panel-position=none
locking=false
startup-animation=none
END
setsid weston --backend=drm-backend.so --use-pixman --tty=2 --config=/tmp/weston.ini --socket=w \
	>/tmp/weston.log 2>&1 </dev/null &
for i in $(seq 300); do
	grep -q "launching '.*weston-desktop-shell'" /tmp/weston.log && break
	sleep 0.2
done
"""
MODE = "head -n 1 /sys/class/drm/card0-Virtual-1/modes"


class Picture:
    def __init__(self, path):
        data = path.read_bytes()
        # screenshot.py and QEMU write P6 without comments.
        kind, self.width, self.height, most = data.split(maxsplit=4)[:4]
        self.width, self.height = int(self.width), int(self.height)
        self.pixels = data[len(data) - self.width * self.height * 3:]
        assert (kind, most) == (b"P6", b"255")

    def at(self, x, y):
        start = (y * self.width + x) * 3
        return tuple(self.pixels[start:start + 3])

    def colours(self, left, top, width, height):
        """How many different ones a part has."""
        return len({self.at(x, y) for y in range(top, top + height, 2)
                    for x in range(left, left + width, 2)})


class Screen:
    """The guest's screen, as QEMU has it and as QEMU's window shows it."""

    def __init__(self, vm, window_files, directory):
        self.vm, self.files, self.out = vm, window_files, directory / "picture.ppm"

    def dump(self, head=0):
        try:
            qmp(self.vm.qmp_path, ("screendump", {
                "filename": str(self.out), "device": "video", "head": head}))
        except TimeoutError:
            self.vm.require_life()
            raise
        return Picture(self.out)

    def window(self):
        screenshot.convert_xwd(self.files / "Xvfb_screen0", self.out)
        return Picture(self.out)

    def expect(self, look, picture=None, timeout=60):
        """look(picture) returns None, or what is wrong; it is asked until it is content."""
        found = []

        def is_right():
            found[:] = [look((picture or self.window)())]
            return found[0] is None
        if not host.wait_for(is_right, timeout):
            self.vm.require_life()
        return found[0]

    def ask_x(self, work):
        """work(library, display, root) on the display around the window."""
        x11 = ctypes.CDLL("libX11.so.6")
        x11.XOpenDisplay.restype = ctypes.c_void_p
        x11.XDefaultRootWindow.restype = ctypes.c_ulong
        number = (self.files / "display").read_text().strip()
        display = ctypes.c_void_p(x11.XOpenDisplay(f":{number}".encode()))
        work(x11, display, ctypes.c_ulong(x11.XDefaultRootWindow(display)))
        x11.XCloseDisplay(display)

    def resize(self, width, height):
        """Another size for the window that QEMU's window fills."""
        def work(x11, display, root):
            unused, children, count = (ctypes.c_ulong(), ctypes.POINTER(ctypes.c_ulong)(),
                                       ctypes.c_uint())
            x11.XQueryTree(display, root, ctypes.byref(unused), ctypes.byref(unused),
                           ctypes.byref(children), ctypes.byref(count))
            for window in children[:count.value]:
                x11.XResizeWindow(display, ctypes.c_ulong(window), width, height)
        self.ask_x(work)

    def point_at(self, x, y):
        self.ask_x(lambda x11, display, root: x11.XWarpPointer(
            display, ctypes.c_ulong(0), root, 0, 0, 0, 0, x, y))


def describe(wanted, found):
    return None if wanted == found else f"{found} where {wanted} is expected"


def mode_of(text):
    """"1280x999" as a tuple."""
    return tuple(int(part) for part in text.split("x"))


def test_console(tap, vm, screen):
    vm.run(CONSOLE)

    def look(picture, top):
        return describe(CONSOLE_COLOURS, (picture.at(600, top + 30),
                                          picture.at(600, picture.height - 100)))
    tap.point("the console on QEMU's display",
              screen.expect(lambda picture: look(picture, 8), screen.dump))
    tap.point("the console in QEMU's window", screen.expect(lambda picture: look(picture, 60)))


def preferred_in_edid(data):
    """The first detailed timing of VESA's E-EDID: what a monitor likes best."""
    timing = data[54:72]
    return timing[2] | (timing[4] & 0xf0) << 4, timing[5] | (timing[7] & 0xf0) << 4


def test_resize(tap, vm, screen):
    """The window shrinks: the guest's kernel hears of it."""
    modes = []

    def has_shrunk():
        modes.append(mode_of(vm.run(MODE)[1].strip()))
        return modes[-1] != modes[0] and modes[-1][0] == 1000
    has_shrunk()
    screen.resize(1000, 700)
    problem = None if host.wait_for(has_shrunk, 30) else f"the guest still has {modes[-1]}"
    tap.point("the guest's display follows the window", problem)
    vm.run("cp /sys/class/drm/card0-Virtual-1/edid /share/edid")
    tap.point("so does the EDID",
              describe(modes[-1], preferred_in_edid((vm.share / "edid").read_bytes())))


def look_at_x(picture):
    colours = {picture.at(x, y) for x in (20, 900) for y in (60, 640)}
    return describe({X_COLOUR}, colours)


def test_x(tap, vm, screen):
    status, output = vm.run(f"export DISPLAY=:0\n{X_START}", timeout=240)
    problem = f"status {status}: {output}" if status != 0 else screen.expect(look_at_x)
    tap.point("an X server", problem)

    # A window learns of the pointer when that moves.
    def look_at_cursor(picture):
        screen.point_at(600, 300)
        screen.point_at(500, 400)
        found = {picture.at(500 + x, 400 + y) for x in range(-60, 60, 4) for y in range(-60, 60, 4)}
        return describe({CURSOR_COLOUR, X_COLOUR}, found)
    tap.point("its cursor", screen.expect(look_at_cursor))
    screen.resize(1280, 1024)
    modes = []

    def fills_window(picture):
        modes.append(vm.run("export DISPLAY=:0; xrandr --output Virtual-1 --preferred; "
                            "xrandr | sed -n 's/.*primary \\([0-9]*x[0-9]*\\)+.*/\\1/p'")[1].strip())
        corners = [picture.at(x, y) for x in (4, 1270) for y in (MENU + 8, 1016)]
        return describe([X_COLOUR] * 4, corners) or (
            None if mode_of(modes[-1])[0] == 1280 else f"X has {modes[-1]}")
    tap.point("it takes the window's new size", screen.expect(fills_window))


def test_two_scanouts(tap, vm, screen):
    """The second output shows another part of the same picture: stripes, 48 pixels apart."""
    status, output = vm.run(r"""
export DISPLAY=:0
printf '#define w_width 48\n#define w_height 1\nstatic char w_bits[] = {\n' >/tmp/stripes
echo '0xff, 0xff, 0, 0, 0, 0};' >>/tmp/stripes
echo on >/sys/class/drm/card0-Virtual-2/status
xrandr >/dev/null; sleep 1
xrandr --output Virtual-2 --mode 1024x768 --right-of Virtual-1 &&
	xsetroot -bitmap /tmp/stripes -fg '#c00000' -bg '#0000c0'
""")

    def look(picture, left):
        wanted = [(192, 0, 0) if (left + x) % 48 < 16 else (0, 0, 192) for x in range(200)]
        return describe(wanted, [picture.at(x, 100) for x in range(200)])
    problem = f"status {status}: {output}" if status != 0 else screen.expect(
        lambda picture: look(picture, 0), screen.dump)
    tap.point("the first of two outputs", problem)
    tap.point("the second, beside it", problem or screen.expect(
        lambda picture: describe((1024, 768), (picture.width, picture.height)) or
        look(picture, 1280), lambda: screen.dump(1)))
    vm.run("export DISPLAY=:0; xrandr --output Virtual-2 --off; xsetroot -solid '#20a060'\n"
           "echo detect >/sys/class/drm/card0-Virtual-2/status")


def test_cube(tap, vm, screen, program, background):
    """A window of a Vulkan program's: a dark square with a cube of many colours, which turns."""
    number = vm.start(f"DISPLAY=:0 WAYLAND_DISPLAY=w XDG_RUNTIME_DIR=/run/user {program} --c 100000")
    seen = []

    def look(picture):
        xs = [x for x in range(0, 1280, 8) if picture.at(x, 400) != background]
        if len(xs) < 40:
            return f"no window: {len(xs)} pixels of the row are of another colour"
        if picture.at(xs[0] + 8, 400) != (51, 51, 51):
            return f"the window's background is {picture.at(xs[0] + 8, 400)}"
        seen.append(tuple(picture.at(x, 400) for x in xs))
        if picture.colours(xs[0], 200, xs[-1] - xs[0], 400) < 20:
            return "no cube"
        return None if len(set(seen)) > 1 else "the cube does not turn"
    problem = screen.expect(look)
    mapped = vm.run("cat /proc/$(pidof Xorg || pidof weston)/maps | grep -c dmabuf")[1].strip()
    vm.run(f"pkill {program}; sleep 0.5")
    if problem:
        problem += f"\n{vm.output(number)}"
    tap.point(f"{program} in a window", problem)
    # The program's own pages are the window's: nobody copies them on the way.
    tap.point("its pages are the window's",
              None if mapped.isdigit() and int(mapped) > 0 else f"{mapped} of them are mapped")


def test_weston(tap, vm, screen):
    vm.run("pkill Xorg; sleep 0.5")
    status, output = vm.run(f"export XDG_RUNTIME_DIR=/run/user\n{WESTON_START}", timeout=240)

    def look(picture):
        colours = {picture.at(x, y) for x in (20, 900) for y in (60, 640)}
        return describe({WAYLAND_COLOUR}, colours)
    problem = f"status {status}: {output}" if status != 0 else screen.expect(look)
    if problem:
        problem += "\n" + vm.run("tail -n 20 /tmp/weston.log")[1]
    tap.point("a Wayland compositor", problem)


def run(tap):
    with host.Host(name="vm-console") as daemon, tempfile.TemporaryDirectory() as directory:
        directory = pathlib.Path(directory)
        files = directory / "window"
        files.mkdir()
        vm = Guest(daemon, options=["--window-files", files, "--qemu-option", "-global",
                                    "--qemu-option", "vhost-user-gpu-pci.max_outputs=2"])
        screen = Screen(vm, files, directory)
        try:
            test_console(tap, vm, screen)
            test_resize(tap, vm, screen)
            test_x(tap, vm, screen)
            test_two_scanouts(tap, vm, screen)
            test_cube(tap, vm, screen, "vkcube", X_COLOUR)
            state = State(daemon, vm)
            baseline = state.settle()
            test_weston(tap, vm, screen)
            test_cube(tap, vm, screen, "vkcube-wayland", WAYLAND_COLOUR)
            tap.point("nothing is left", state.compare(baseline))
            status = vm.end()
            tap.point("the guest ends", None if status == 0 else f"status {status}: {vm.log()}")
        finally:
            vm.remove()


def main():
    tap = host.Tap()
    guest_module.require_image()
    try:
        run(tap)
    except guest_module.QemuStuck:
        # QEMU's GTK draws in its main loop, and waits there for its compositor without end.
        print("# once more, in a new guest", flush=True)
        run(tap)
    return tap.finish()


if __name__ == "__main__":
    sys.exit(main())
