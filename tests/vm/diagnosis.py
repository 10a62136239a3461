# SPDX-License-Identifier: MIT
"""Why a virtual machine does nothing any more: what its processes on the host wait in, whether QEMU
answers, and what the guest's kernel has to say."""

import pathlib
import time

from qemu import children, qmp


def describe_thread(task):
    """One line: id, name, state, where in the kernel."""
    def read(name):
        try:
            return (task / name).read_text().strip()
        except OSError as error:
            return f"({error.strerror})"
    state = [line.split()[1] for line in read("status").splitlines() if line.startswith("State:")]
    return f"{task.name} {read('comm')} {''.join(state)} {read('wchan')} {read('syscall')}"


def describe_process(pid):
    tasks = sorted(pathlib.Path(f"/proc/{pid}/task").glob("*"))
    return [f"process {pid}:"] + [f"  {describe_thread(task)}" for task in tasks]


def descendants(pid):
    found = []
    for child in children(pid, ""):
        found += [child, *descendants(child)]
    return found


def console_of(pids):
    """What the guest's kernel wrote to its serial port, which QEMU writes to a file."""
    for pid in pids:
        try:
            arguments = pathlib.Path(f"/proc/{pid}/cmdline").read_text().split("\0")
        except OSError:
            continue
        for argument in arguments:
            if argument.startswith("file,id=serial,path="):
                return pathlib.Path(argument.split("path=")[1])
    return None


def ask_kernel(vm):
    """Alt-SysRq-w and -l: blocked tasks, and what the processors do."""
    for letter in "wl":
        keys = [{"type": "qcode", "data": key} for key in ("alt", "sysrq", letter)]
        qmp(vm.qmp_path, ("send-key", {"keys": keys}), timeout=10)
        time.sleep(2)


def describe(vm):
    """Text for the test's log; the guest is a Guest that was started."""
    pids = descendants(vm.process.pid)
    lines = [f"vm.sh: {vm.process.poll()}; its log:", *vm.log().splitlines()[-20:]]
    for pid in pids:
        lines += describe_process(pid)
    try:
        status = qmp(vm.qmp_path, ("query-status", {}), timeout=10)
        lines.append(f"QEMU: {status}")
        for _ in range(2):
            lines.append(qmp(vm.qmp_path, ("human-monitor-command", {
                "command-line": "info registers -a"}), timeout=10))
        ask_kernel(vm)
    except OSError as error:
        lines.append(f"QEMU does not answer: {error}")
    console = console_of(pids)
    if console is not None:
        lines += ["the guest's console:", *console.read_text(errors="replace").splitlines()[-150:]]
    return "\n".join(lines)


def is_qemu_stuck(vm):
    """QEMU does not answer, although its device only waits for the next message."""
    device = vm.vgpu_pids()[1:]
    try:
        if not device or "epoll" not in pathlib.Path(f"/proc/{device[0]}/wchan").read_text():
            return False
        qmp(vm.qmp_path, ("query-status", {}), timeout=10)
    except TimeoutError:
        return True
    except OSError:
        pass
    return False
