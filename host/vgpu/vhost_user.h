/* SPDX-License-Identifier: MIT */
/* The vhost-user front end: QEMU's -device vhost-user-gpu-pci on the other side of a Unix socket.
 * It keeps the guest's memory table and the virtqueues and feeds a device core. Everything runs
 * on the thread of the event loop. */
#ifndef SL_HOST_VGPU_VHOST_USER_H
#define SL_HOST_VGPU_VHOST_USER_H

#include "host/vgpu/virtio_gpu.h"

#include <systemd/sd-event.h>

struct sl_vhost_user;

struct sl_vhost_user_options {
	uint64_t max_host_bytes; /* of pixel copies of 2D resources */
	/* The connection has ended: r is 0 (the other side closed it) or -errno. May be NULL. The
	 * front end may be destroyed from within. */
	void (*ended)(void *data, int r);
	void *data;
};

/* Serve a connected stream socket. Consumes fd, also on failure. Returns 0 or -errno. */
int sl_vhost_user_create(sd_event *event, int fd, const struct sl_vhost_user_options *options,
			 struct sl_vhost_user **ret_vhost);
/* End the device, so that its back ends can be destroyed; the guest's memory stays until
 * sl_vhost_user_destroy(). Nothing else may be called in between. */
void sl_vhost_user_release_device(struct sl_vhost_user *vhost);
/* Accepts NULL. */
void sl_vhost_user_destroy(struct sl_vhost_user *vhost);

/* The device behind it: to add back ends before the first message, and for tests. */
struct sl_vgpu *sl_vhost_user_get_device(struct sl_vhost_user *vhost);
struct sl_guest_ram *sl_vhost_user_get_ram(struct sl_vhost_user *vhost);

#endif
