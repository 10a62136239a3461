#!/bin/bash
# SPDX-License-Identifier: MIT
# Get Venus without installing it: get_venus.sh DIRECTORY downloads the packages of a newer Debian
# (Debian 12 has no Venus that works) and unpacks them there, with their own C library. Then
# SLUICE_VENUS=DIRECTORY scripts/bench.sh compares with it. Needs 900 MB.
set -euo pipefail

if [[ $# -ne 1 || $1 == -* ]]; then
	echo "Usage: get_venus.sh DIRECTORY (SLUICE_VENUS_SUITE: of Debian, default sid)" >&2
	exit 2
fi
mkdir -p "$1"
directory=$(realpath "$1")
root=$directory/root
suite=${SLUICE_VENUS_SUITE:-sid}
packages=(mesa-vulkan-drivers virgl-server libvulkan1)

mkdir -p "$directory"/{lists/partial,cache/archives/partial,packages,root}
echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://deb.debian.org/debian $suite main" \
	>"$directory/sources.list"
# To apt it looks like an empty machine.
: >"$directory/status"
options=(-q -o "Dir::Etc::sourcelist=$directory/sources.list" -o Dir::Etc::sourceparts=-
	-o "Dir::State::Lists=$directory/lists" -o "Dir::State::status=$directory/status"
	-o "Dir::Cache=$directory/cache" -o APT::Sandbox::User=)
apt-get "${options[@]}" update
mapfile -t needed < <(apt-get "${options[@]}" -s --no-install-recommends install \
	"${packages[@]}" | awk '/^Inst/ { print $2 }')
(cd "$directory/packages" && apt-get "${options[@]}" download "${needed[@]}")
for package in "$directory"/packages/*.deb; do
	dpkg -x "$package" "$root"
done

libraries=$root/usr/lib/x86_64-linux-gnu
# The host's driver may need libraries of this machine.
start="$libraries/ld-linux-x86-64.so.2 --library-path $libraries:/usr/lib/x86_64-linux-gnu"
# write_script NAME LINE…: a shell script.
write_script() {
	printf '%s\n' '#!/bin/sh' "${@:2}" >"$directory/$1"
	chmod +x "$directory/$1"
}
write_script run "exec $start \"\$@\""
write_script render-server "exec $start $root/usr/libexec/virgl_render_server \"\$@\""
write_script server "export RENDER_SERVER_EXEC_PATH=$directory/render-server" \
	"exec $start $root/usr/bin/virgl_test_server \"\$@\""
sed "s|\"library_path\": *\"|&$libraries/|" "$root/usr/share/vulkan/icd.d/virtio_icd.json" \
	>"$directory/driver.json"
dpkg-deb -f "$directory"/packages/mesa-vulkan-drivers_*.deb Version >"$directory/version"
echo "Venus of Mesa $(<"$directory/version") is in $directory; compare with it by"
echo "SLUICE_VENUS=$directory scripts/bench.sh"
