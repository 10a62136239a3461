#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""vulkaninfo in full, natively and through Sluice: only what docs/vulkaninfo.md explains differs."""

import difflib
import re
import shutil
import subprocess
import sys

import host

# Section of vulkaninfo's text → what may differ there, and the heading in docs/vulkaninfo.md.
EXPECTED = {
    "Instance Extensions": ("Window surfaces", [
        r"Instance Extensions: count = \d+", r"=+",
        r"\tVK_EXT_headless_surface +: extension revision \d+"]),
    "VkPhysicalDevicePresentIdFeaturesKHR": ("Window surfaces", [
        r"VkPhysicalDevicePresentIdFeaturesKHR:", r"-+", r"", r"\tpresentId += true"]),
    "VkPhysicalDevicePresentWaitFeaturesKHR": ("Window surfaces", [
        r"VkPhysicalDevicePresentWaitFeaturesKHR:", r"-+", r"", r"\tpresentWait += true"]),
    "VkPhysicalDeviceExternalMemoryHostPropertiesEXT": ("Handles of the host", [
        r"VkPhysicalDeviceExternalMemoryHostPropertiesEXT:", r"-+", r"",
        r"\tminImportedHostPointerAlignment += 0x[0-9a-f]+"]),
    "Device Extensions": ("Device extensions", [
        r"Device Extensions: count = \d+", r"-+",
        r"\tVK_(EXT_external_memory_host|KHR_external_memory_fd|KHR_present_id|KHR_present_wait|"
        r"EXT_tooling_info|KHR_deferred_host_operations) +: extension revision \d+"]),
    "VkPhysicalDeviceMemoryProperties": ("Memory types", [
        r"memoryTypes: count = \d+", r"\tmemoryTypes\[\d+\]:", r"\t+heapIndex +=.*",
        r"\t+propertyFlags +=.*", r"\t+MEMORY_PROPERTY_\w+", r"\t+usable for:",
        r"\t+IMAGE_TILING_\w+:", r"\t+None", r"\t+color images", r"\t+FORMAT_\w+",
        r"\t+\(non-sparse\)"]),
}


def run_vulkaninfo(env):
    for variable in ("DISPLAY", "WAYLAND_DISPLAY", "XDG_RUNTIME_DIR"):
        env.pop(variable, None)
    run = subprocess.run(["vulkaninfo"], env=env, stdin=subprocess.DEVNULL, timeout=60,
                         stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
    if run.returncode != 0:
        raise RuntimeError(f"vulkaninfo: status {run.returncode}\n{run.stdout[-2000:]}{run.stderr}")
    return run.stdout.splitlines()


def with_sections(lines):
    """(section, line) for each line; a section begins with an underlined line, or is this one."""
    section, result = "", []
    for i, line in enumerate(lines):
        following = lines[i + 1].strip() if i + 1 < len(lines) else ""
        if line.startswith("Device Extensions:") or (
                following and set(following) <= set("=-") and not line.startswith("\t\t")):
            section = line.strip().split(":")[0]
        result.append((section, line))
    return result


def main():
    tap = host.Tap()
    if shutil.which("vulkaninfo") is None:
        print("1..0 # SKIP no vulkaninfo (vulkan-tools)")
        return 0
    native = run_vulkaninfo(host.native_environment())
    with host.Host(name="vulkaninfo") as daemon:
        sluice = run_vulkaninfo(daemon.environment())
    tap.point("the text is complete", None if len(sluice) > len(native) * 0.95 and
              sluice[-1] == native[-1] else f"{len(sluice)} lines, natively {len(native)}")

    unexpected = []
    for change in difflib.ndiff([f"{s}\0{l}" for s, l in with_sections(native)],
                                [f"{s}\0{l}" for s, l in with_sections(sluice)]):
        if change[0] not in "+-":
            continue
        section, line = change[2:].split("\0")
        patterns = EXPECTED.get(section, (None, []))[1]
        if not any(re.fullmatch(pattern, line) for pattern in patterns):
            unexpected.append(f"{change[0]} [{section}] {line}")
    tap.point("only what is expected differs", "\n".join(unexpected))

    text = (host.SOURCE / "docs/vulkaninfo.md").read_text()
    missing = {heading for heading, _ in EXPECTED.values() if f"## {heading}\n" not in text}
    tap.point("docs/vulkaninfo.md explains it", f"no heading {missing}" if missing else None)
    return tap.finish()


if __name__ == "__main__":
    sys.exit(main())
