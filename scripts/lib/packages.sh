# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# Debian packages; sourced by the scripts.

# sl_missing_packages FILE: those listed in FILE that are not installed, one per line.
sl_missing_packages() {
	local wanted installed

	wanted=$(sed 's/#.*//; s/[[:space:]]*$//; /^$/d' "$1" | sort -u)
	installed=$(dpkg-query -W -f '${db:Status-Abbrev} ${Package}\n' 2>/dev/null |
		sed -n 's/^ii  *//p' | sort -u)
	comm -23 <(printf '%s\n' "$wanted") <(printf '%s\n' "$installed")
}

# sl_install_packages FILE: install what is missing, as root or with sudo. Without anything missing
# nothing is asked of the network.
sl_install_packages() {
	local missing as_root=()

	if ! command -v dpkg-query >/dev/null; then
		echo "this is no Debian: install what $1 lists by hand" >&2
		return 0
	fi
	mapfile -t missing < <(sl_missing_packages "$1")
	if [[ ${#missing[@]} -eq 0 ]]; then
		return 0
	fi
	if [[ $(id -u) -ne 0 ]]; then
		if ! command -v sudo >/dev/null; then
			echo "packages are missing, and there is no sudo. As root: apt-get install ${missing[*]}" >&2
			return 1
		fi
		as_root=(sudo)
	fi
	echo "Installing ${missing[*]}"
	if ! "${as_root[@]}" apt-get -q -o Dpkg::Use-Pty=0 update ||
		! "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q -o Dpkg::Use-Pty=0 \
			install -y --no-install-recommends "${missing[@]}"; then
		echo "packages could not be installed: ${missing[*]}" >&2
		return 1
	fi
}
