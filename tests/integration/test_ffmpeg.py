#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""ffmpeg's Vulkan filters on a test picture: every frame as it is natively."""

import shutil
import subprocess
import sys

import host
import run_cases

SOURCE = ["-f", "lavfi", "-i", "testsrc2=size=352x288:rate=5:duration=2"]
# Name → (the filters between upload and download, the format that is uploaded).
FILTERS = {
    "upload and download": ("null", "yuv420p"),
    "scale": ("scale_vulkan=w=176:h=200", "yuv420p"),
    "scale to rgba": ("scale_vulkan=w=500:h=300:format=rgba", "rgba"),
    "average blur": ("avgblur_vulkan=sizeX=3:sizeY=5", "yuv420p"),
    "gaussian blur": ("gblur_vulkan=sigma=2.5", "yuv420p"),
    "chromatic aberration": ("chromaber_vulkan=dist_x=0.03:dist_y=0.02", "yuv420p"),
    "horizontal flip": ("hflip_vulkan", "rgba"),
    "vertical flip": ("vflip_vulkan", "rgba"),
    "transposition": ("transpose_vulkan=dir=cclock", "yuv420p"),
    "chain": ("scale_vulkan=w=256:h=256,gblur_vulkan,flip_vulkan,avgblur_vulkan", "yuv420p"),
}


def run_ffmpeg(filters, pixel_format, env):
    """The MD5s of the frames; raises RuntimeError if ffmpeg fails."""
    graph = f"format={pixel_format},hwupload,{filters},hwdownload,format={pixel_format}"
    run = subprocess.run(
        ["ffmpeg", "-v", "error", "-nostdin", "-init_hw_device", "vulkan=vk:0",
         "-filter_hw_device", "vk", *SOURCE, "-vf", graph, "-f", "framemd5", "-"],
        env=env, timeout=120, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True, check=False)
    frames = [line for line in run.stdout.splitlines() if not line.startswith("#")]
    if run.returncode != 0 or len(frames) != 10:
        raise RuntimeError(f"status {run.returncode}, {len(frames)} frames\n{run.stderr}")
    return frames


def compare(filters, pixel_format, env):
    """Returns (problem, skip)."""
    try:
        expected = run_ffmpeg(filters, pixel_format, host.native_environment())
    except RuntimeError as error:
        return None, f"natively: {error}".replace("\n", " ")
    try:
        found = run_ffmpeg(filters, pixel_format, env)
    except RuntimeError as error:
        return str(error), None
    differ = [i for i, (a, b) in enumerate(zip(expected, found)) if a != b]
    return (f"frames {differ} differ:\n{found[differ[0]]}\nnatively\n{expected[differ[0]]}"
            if differ else None), None


def main():
    if shutil.which("ffmpeg") is None:
        print("1..0 # SKIP no ffmpeg")
        return 0
    tap = host.Tap()
    with host.Host("--validate", name="ffmpeg-validate") as daemon:
        # What the layer has to say to the program would be in its output.
        env = daemon.environment(VK_INSTANCE_LAYERS="VK_LAYER_KHRONOS_validation")
        tap.point("chain, validated on both sides", *compare(*FILTERS["chain"], env))
        daemon.wait_until_idle()
        tap.point("the host's validation layer is content",
                  run_cases.validation_errors(daemon.log()))
    with host.Host(name="ffmpeg") as daemon:
        for name, (filters, pixel_format) in FILTERS.items():
            tap.point(name, *compare(filters, pixel_format, daemon.environment()))
        tap.point("no program is left", None if daemon.wait_until_idle() else
                  f"still there: {daemon.programs()}")
    return tap.finish()


if __name__ == "__main__":
    sys.exit(main())
