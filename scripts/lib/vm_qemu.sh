# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# A QEMU new enough for vfio-user (10.1), beside whatever is installed: Debian's own packages of a
# newer release, unpacked with the libraries they need into the cache. Nothing is installed. Sourced.

# The releases to look in, the first that has it wins: where QEMU is from, and what else it needs.
sl_vm_qemu_suites=("trixie-backports trixie" "forky" "sid")

# sl_vm_has_vfio_user QEMU
sl_vm_has_vfio_user() {
	"$1" -device vfio-user-pci,help 2>/dev/null | grep "socket=" >/dev/null
}

# sl_vm_fetch_qemu WORK SUITE [SUITE]: into WORK/root. apt has directories of its own, knows of no
# installed package, and no dpkg that it could install with.
sl_vm_fetch_qemu() {
	local work=$1 suite package options
	shift

	rm -rf "$work"
	mkdir -p "$work"/{root,parts,lists/partial,archives/partial}
	: >"$work/status"
	for suite; do
		echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]" \
			"http://deb.debian.org/debian $suite main"
	done >"$work/sources.list"
	options=(-q -y -o "Dir::Etc::SourceList=$work/sources.list"
		-o "Dir::Etc::SourceParts=$work/parts" -o "Dir::Etc::Parts=$work/parts"
		-o Dir::Etc::Preferences=/dev/null -o "Dir::Etc::PreferencesParts=$work/parts"
		-o "Dir::State=$work" -o "Dir::State::Lists=$work/lists"
		-o "Dir::State::status=$work/status" -o "Dir::Cache=$work"
		-o "Dir::Cache::Archives=$work/archives" -o "Dir::Log=$work"
		-o Dir::Bin::dpkg=/bin/false -o APT::Architecture=amd64 -o APT::Architectures=amd64
		-o Acquire::Languages=none -o APT::Sandbox::User=)
	apt-get "${options[@]}" update &&
		apt-get "${options[@]}" --download-only --no-install-recommends -t "$1" install \
			qemu-system-x86 || return 1
	for package in "$work"/archives/*.deb; do
		dpkg-deb --fsys-tarfile "$package" | tar -x -C "$work/root" --no-same-owner \
			./usr/bin ./usr/lib ./usr/lib64 ./usr/share/qemu ./usr/share/seabios \
			2>/dev/null || true # a package has some of them
	done
	cat >"$work/root/qemu" <<-'END'
		#!/bin/sh
		# Debian's QEMU, with the libraries of its own release.
		here=$(dirname "$(readlink -f "$0")")/usr
		export QEMU_MODULE_DIR="$here/lib/x86_64-linux-gnu/qemu"
		exec "$here/lib64/ld-linux-x86-64.so.2" --library-path "$here/lib/x86_64-linux-gnu" \
			"$here/bin/qemu-system-x86_64" -L "$here/share/qemu" -L "$here/share/seabios" "$@"
	END
	chmod +x "$work/root/qemu"
	sl_vm_has_vfio_user "$work/root/qemu"
}

# sl_vm_vfio_user_qemu CACHE: prints the program. Several may be started at once.
sl_vm_vfio_user_qemu() {
	local cache=$1 suites status=0

	if sl_vm_has_vfio_user qemu-system-x86_64; then
		echo qemu-system-x86_64
		return 0
	fi
	(
		flock 9
		if [[ -x $cache/qemu/qemu ]]; then
			exit 0
		fi
		echo 'Unpacking a QEMU that knows vfio-user (once; 40 MB)' >&2
		for suites in "${sl_vm_qemu_suites[@]}"; do
			# shellcheck disable=SC2086 # one or two words
			if sl_vm_fetch_qemu "$cache/qemu-making" $suites >"$cache/qemu.log" 2>&1; then
				rm -rf "$cache/qemu"
				mv "$cache/qemu-making/root" "$cache/qemu"
				rm -rf "$cache/qemu-making" "$cache/qemu.log"
				exit 0
			fi
		done
		rm -rf "$cache/qemu-making"
		tail -n 3 "$cache/qemu.log" >&2
		echo 'there is no QEMU with vfio-user-pci (10.1 or newer): neither installed nor in Debian' >&2
		exit 1
	) 9>"$cache/qemu.lock" || status=$?
	[[ $status -eq 0 ]] || return "$status"
	echo "$cache/qemu/qemu"
}
