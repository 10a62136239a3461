# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# The guest that scripts/vm.sh runs: QEMU, and a cached image of Debian 12 with Debian's kernel.
# Sourced.

# Loaded by the guest before its root is there, dependencies come by themselves.
sl_vm_modules=(virtio_pci virtio_blk virtio_console ext4 overlay 9p 9pnet_virtio virtio-gpu)
# Not all of the processor: nested hosts refuse some of its registers.
sl_vm_kvm=(-accel kvm -cpu "host,-arch-capabilities")
# In the guest's root: what guest programs are linked with, and Debian's own Vulkan programs.
sl_vm_packages=kmod,procps,iproute2,libdrm2,libpng16-16,libvulkan1,vulkan-tools,libxcb1,libxcb-present0
sl_vm_packages+=,libxcb-shm0,libx11-xcb1,libwayland-client0,xserver-xorg-core,x11-xserver-utils,weston
# OpenGL as any Debian has it, and programs that use it.
sl_vm_packages+=,libgl1-mesa-dri,libgl1,libegl1,libgles2,libgbm1,mesa-utils,glmark2-es2-drm,glmark2-es2-wayland
# A host of its own: systemd, and what Sluice's host side is linked with and renders with.
sl_vm_packages+=,systemd,libconfig9,libjansson4,libmicrohttpd12,libseccomp2,libpixman-1-0,libvirglrenderer1,mesa-vulkan-drivers

# sl_vm_qemu_is_new: a QEMU whose vhost-user-gpu works without KVM too.
sl_vm_qemu_is_new() {
	local version

	version=$(qemu-system-x86_64 --version 2>/dev/null | sed -n '1s/.*version \([0-9]*\).*/\1/p')
	[[ -n $version && $version -ge 10 ]] &&
		qemu-system-x86_64 -device help 2>/dev/null | grep -q '"vhost-user-gpu-pci"'
}

# sl_vm_install_qemu CACHE: QEMU 10 from bookworm-backports, unless there is one. The source is
# used for this only: apt's own configuration stays as it is.
sl_vm_install_qemu() {
	local apt=$1/apt as_root=() options

	if sl_vm_qemu_is_new; then
		return 0
	fi
	if [[ $(id -u) -ne 0 ]]; then
		as_root=(sudo)
	fi
	echo 'Installing QEMU from bookworm-backports' >&2
	mkdir -p "$apt/parts" "$apt/lists/partial"
	cp /etc/apt/sources.list.d/* "$apt/parts/" 2>/dev/null || true
	cat >"$apt/parts/backports.sources" <<-END
		Types: deb
		URIs: http://deb.debian.org/debian
		Suites: bookworm-backports
		Components: main
		Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg
	END
	options=(-q -o Dpkg::Use-Pty=0 -o "Dir::Etc::SourceParts=$apt/parts" -o
		"Dir::State::Lists=$apt/lists")
	if ! "${as_root[@]}" apt-get "${options[@]}" update >"$apt/log" 2>&1 ||
		! "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get "${options[@]}" install -y \
			--no-install-recommends -t bookworm-backports \
			qemu-system-x86 qemu-system-gui qemu-system-modules-opengl >>"$apt/log" 2>&1; then
		tail -n 5 "$apt/log" >&2
		echo 'QEMU 10 could not be installed (qemu-system-x86 of bookworm-backports)' >&2
		return 1
	fi
	rm -rf "$apt"
}

# Debian's kernel package of the guest's suite, unpacked to kernel/.
sl_vm_unpack_kernel() {
	local package

	package=$(chroot root apt-cache depends linux-image-amd64 | sed -n 's/ *Depends: //p' | head -n 1)
	chroot root sh -c "cd /tmp && apt-get -q download '$package'" >/dev/null
	mkdir kernel
	dpkg-deb -x root/tmp/"$package"_*.deb kernel
	rm -f root/tmp/*.deb
}

# The modules that a guest may want, with their dependencies, into root/lib/modules.
sl_vm_copy_modules() {
	local version=$1 from=kernel/lib/modules/$1 to=root/lib/modules/$1 module

	mkdir -p root/lib/modules
	cp -a "$from" root/lib/modules/
	chroot root depmod "$version"
	for module in "${sl_vm_modules[@]}"; do
		chroot root modprobe -S "$version" --show-depends "$module"
	done | awk '$1 == "insmod" && !seen[$2]++ { print $2 }' >modules
	# The image keeps these only; the rest of Debian's kernel is 300 MiB.
	rm -rf "$to"
	while read -r module; do
		mkdir -p "root/$(dirname "$module")"
		cp "kernel/$module" "root/$module"
	done <modules
	cp "$from"/modules.{order,builtin,builtin.modinfo} "$to/"
	chroot root depmod "$version"
}

# All but init itself, which sl_vm_make_initrd() adds for each run.
sl_vm_make_initramfs() {
	local module

	mkdir -p initramfs/{bin,dev,proc,sys}
	cp /bin/busybox initramfs/bin/busybox
	while read -r module; do
		mkdir -p "initramfs/$(dirname "$module")"
		cp "kernel/$module" "initramfs/$module"
	done <modules
	cp modules initramfs/modules
	(cd initramfs && find . | cpio --quiet -o -H newc) >initramfs.cpio
}

sl_vm_make_all() {
	local vm_dir=$1 version

	debootstrap --variant=minbase --include="$sl_vm_packages" bookworm root \
		http://deb.debian.org/debian
	sl_vm_unpack_kernel
	version=$(basename kernel/lib/modules/*)
	python3 "$vm_dir/extract_vmlinux.py" "kernel/boot/vmlinuz-$version" vmlinux
	sl_vm_copy_modules "$version"
	sl_vm_make_initramfs
	install -m 0755 /bin/busybox root/bin/busybox
	rm -rf root/var/cache/apt/* root/var/lib/apt/lists/* root/usr/share/{doc,man,locale}
	mke2fs -q -t ext4 -d root -m 0 -O ^has_journal root.ext4 1536M
}

# sl_vm_make_initrd IMAGE VM_DIR OUT: the image's initramfs with the guest's own programs, which
# may change without a new image.
sl_vm_make_initrd() {
	{
		cat "$1/initramfs.cpio"
		(cd "$2" && printf 'init\nguest\nguest.service\n' | cpio --quiet -o -H newc -R 0:0)
	} >"$3"
}

# sl_vm_accelerator CACHE IMAGE VM_DIR: "kvm" if the guest's own kernel reaches its init under it
# in good time, else "tcg"; asked once for each boot of the host. Opening /dev/kvm proves nothing:
# some nested hosts run a few instructions and no unmodified kernel. init ends QEMU with status 43.
sl_vm_accelerator() {
	local answer initrd status=0

	answer=$1/accelerator-$(cut -c 1-8 /proc/sys/kernel/random/boot_id)
	if [[ ! -s $answer ]]; then
		initrd=$(mktemp "$1/probe.XXXXXX")
		sl_vm_make_initrd "$2" "$3" "$initrd"
		timeout 10 qemu-system-x86_64 "${sl_vm_kvm[@]}" -M q35 -m 256 -nodefaults \
			-display none -no-reboot -device isa-debug-exit,iobase=0xf4,iosize=4 \
			-kernel "$2/vmlinux" -initrd "$initrd" -append "quiet panic=-1 sluice_probe" \
			>/dev/null 2>&1 || status=$?
		rm -f "$initrd" "$1"/accelerator-*
		if [[ $status -eq 43 ]]; then
			echo kvm
		else
			echo tcg
		fi >"$answer"
	fi
	cat "$answer"
}

# sl_vm_image CACHE VM_DIR: make the guest's image unless the cache has it; prints its directory.
# Several may be started at once.
sl_vm_image() {
	local cache=$1 vm_dir=$2 key image work status=0

	# What the image depends on.
	key=$({
		echo "$sl_vm_packages" "${sl_vm_modules[@]}"
		declare -f sl_vm_unpack_kernel sl_vm_copy_modules sl_vm_make_initramfs sl_vm_make_all
		cat "$vm_dir/extract_vmlinux.py"
	} | sha256sum | cut -c 1-12)
	image=$cache/guest-$key
	mkdir -p "$cache"
	(
		flock 9
		if [[ -e $image/root.ext4 ]]; then
			exit 0
		fi
		if [[ $(id -u) -ne 0 ]]; then
			echo 'making the guest image needs root (debootstrap): run scripts/vm.sh image as root' >&2
			exit 1
		fi
		echo 'Making the guest image (once; a few minutes)' >&2
		work=$(mktemp -d "$cache/making.XXXXXX")
		# debootstrap may leave /proc mounted, which must not be removed.
		trap 'umount -q "$work/root/proc" "$work/root/sys"; rm -rf --one-file-system "$work"' EXIT
		cd "$work"
		if ! (set -e; sl_vm_make_all "$vm_dir") >"$work/log" 2>&1; then
			tail -n 20 "$work/log" >&2
			exit 1
		fi
		mkdir -p "$image"
		mv vmlinux initramfs.cpio modules "$image/"
		mv root.ext4 "$image/"
		for old in "$cache"/guest-*; do
			[[ $old == "$image" ]] || rm -rf "$old"
		done
	) 9>"$cache/image.lock" || status=$?
	[[ $status -eq 0 ]] || return "$status"
	echo "$image"
}
