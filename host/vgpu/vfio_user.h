/* SPDX-License-Identifier: MIT */
/* The vfio-user front end: QEMU's -device vfio-user-pci on the other side of a Unix socket. The
 * whole PCI function is here (virtio_pci.c): the monitor forwards the guest's accesses to its
 * registers, says where the guest's memory is, and hands over eventfds for interrupts. Everything
 * runs on the thread of the event loop. */
#ifndef SL_HOST_VGPU_VFIO_USER_H
#define SL_HOST_VGPU_VFIO_USER_H

#include "host/vgpu/virtio_gpu.h"

#include <systemd/sd-event.h>

#define SL_VFIO_USER_MIN_WINDOW 4096u
#define SL_VFIO_USER_MAX_WINDOW (1ull << 40)

struct sl_vfio_user;

struct sl_vfio_user_options {
	uint64_t max_host_bytes; /* of pixel copies of 2D resources */
	/* Of the memory of the host that the guest can map, in bytes: a power of two from
	 * SL_VFIO_USER_MIN_WINDOW on, or 0: none. It takes memory as the guest uses it. */
	uint64_t window_size;
	/* The connection has ended: r is 0 (the other side closed it) or -errno. May be NULL. The
	 * front end may be destroyed from within. */
	void (*ended)(void *data, int r);
	void *data;
};

/* Serve a connected stream socket. Consumes fd, also on failure. Returns 0 or -errno. */
int sl_vfio_user_create(sd_event *event, int fd, const struct sl_vfio_user_options *options,
			struct sl_vfio_user **ret_vfio);
/* End the device, so that its back ends can be destroyed; the guest's memory stays until
 * sl_vfio_user_destroy(). Nothing else may be called in between. */
void sl_vfio_user_release_device(struct sl_vfio_user *vfio);
/* Accepts NULL. */
void sl_vfio_user_destroy(struct sl_vfio_user *vfio);

/* The device behind it: to add back ends before the first message, and for tests. */
struct sl_vgpu *sl_vfio_user_get_device(struct sl_vfio_user *vfio);
struct sl_guest_ram *sl_vfio_user_get_ram(struct sl_vfio_user *vfio);

#endif
