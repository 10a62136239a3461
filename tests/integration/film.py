# SPDX-License-Identifier: MIT
"""Programs that run natively and through Sluice at the same time, and their pictures compared. A
library (tests/window/film.c) makes their clocks, and so their pictures, the same each time."""

import concurrent.futures
import pathlib
import subprocess
import tempfile
import threading

import host

LIBRARY = host.BUILD / "tests/window/libfilm.so"
TIMEOUT = 150


class Film:
    """A run of a program with the library.

    stop: it stands still when it has shown that picture. path: all pictures that OpenGL made."""

    def __init__(self, command, env, stop=None, path=None):
        env = env | {"LD_PRELOAD": str(LIBRARY)}
        if stop is not None:
            env["FILM_STOP"] = str(stop)
        if path is not None:
            env["FILM_PICTURES"] = str(path)
        self.path = path
        self.output = ""
        self.status = None
        self.process = subprocess.Popen(command, env=env, text=True, stdin=subprocess.DEVNULL,
                                        stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.timer = threading.Timer(TIMEOUT, self.process.kill)
        self.timer.start()

    def wait(self):
        """Until it stands still, which is True, or has ended."""
        for line in self.process.stdout:
            self.output += line
            if line == "shown\n":
                return True
        self.status = self.process.wait()
        return False

    def end(self):
        self.timer.cancel()
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()

    def pictures(self):
        """[(width, height, RGBA)]"""
        data, pictures, at = self.path.read_bytes() if self.path.exists() else b"", [], 0
        while at < len(data):
            end = data.index(b"\n", at)
            width, height = map(int, data[at:end].split())
            at = end + 1 + 4 * width * height
            pictures.append((width, height, data[end + 1:at]))
        return pictures


def wait_all(films):
    """[whether each stands still]. Both run meanwhile."""
    with concurrent.futures.ThreadPoolExecutor(len(films)) as pool:
        return list(pool.map(Film.wait, films))


def count_differing(picture, other):
    """How many pixels of 32 bits differ."""
    return sum(a != b for a, b in zip(memoryview(picture).cast("I"), memoryview(other).cast("I")))


def find_difference(native, sluice, distinct):
    """A text, or None. There must be at least that many distinct pictures."""
    if len(native) != len(sluice):
        return f"{len(sluice)} pictures, natively {len(native)}"
    for i, (expected, found) in enumerate(zip(native, sluice)):
        if expected[:2] != found[:2]:
            return f"picture {i + 1} is {found[0]}x{found[1]}, natively {expected[0]}x{expected[1]}"
        if expected[2] != found[2]:
            return f"picture {i + 1}: {count_differing(expected[2], found[2])} pixels differ"
    kinds = len({picture[2] for picture in native})
    return None if kinds >= distinct else f"only {kinds} different pictures"


def compare_pictures(command, native, sluice, stop=None, distinct=2):
    """All pictures of an OpenGL program, which ends or is stopped. Returns (problem, output)."""
    with tempfile.TemporaryDirectory(prefix="sluice-film-") as name:
        directory = pathlib.Path(name)
        films = [Film(command, env, stop, directory / way)
                 for way, env in (("native", native), ("sluice", sluice))]
        try:
            stand_still = wait_all(films)
            if stand_still != [stop is not None] * 2 or films[0].status != films[1].status:
                return "\n".join(f"status {film.status}\n{film.output}" for film in films), ""
            pictures = [film.pictures() for film in films]
        finally:
            for film in films:
                film.end()
        return find_difference(*pictures, distinct), films[1].output


def compare_screens(command, stop, native, sluice):
    """What two X servers show: (server, environment) each. Returns the problem, or None."""
    films = [Film(command, env, stop) for _, env in (native, sluice)]
    try:
        if not all(wait_all(films)):
            return "\n".join(f"status {film.status}\n{film.output}" for film in films)
        screens = []

        def are_same():
            screens[:] = [server.screen() for server, _ in (native, sluice)]
            return screens[0] == screens[1] and len(set(memoryview(screens[0]).cast("I"))) > 2

        # A picture is on the screen some time after the program has presented it.
        if host.wait_for(are_same, 20):
            return None
        return f"{count_differing(*screens)} pixels differ, or there is nothing to see"
    finally:
        for film in films:
            film.end()
