/* SPDX-License-Identifier: MIT */
/* The device's back end for guests with stock Mesa: the capsets VIRGL and VIRGL2, whose contexts
 * and resources are in the virtual machine's sluice-virgl (host/virgl). Commands are passed on as
 * packets, in order; nothing waits for an answer. When that process has gone, all that it had is
 * lost, and the next context or resource begins with a fresh one. */
#ifndef SL_HOST_VGPU_VIRGL_BACKEND_H
#define SL_HOST_VGPU_VIRGL_BACKEND_H

#include "host/vgpu/virtio_gpu.h"

#include <stdbool.h>
#include <systemd/sd-event.h>

struct sl_vgpu_virgl;

struct sl_vgpu_virgl_options {
	sd_event *event;
	const struct sl_guest_ram *ram; /* must outlive the back end, as must the device */
	struct sl_vgpu *vgpu;
	/* Returns a new connection to the daemon's GL socket for this guest, non-blocking, or
	 * -errno. */
	int (*connect)(void *data);
	void *data;
	/* Pictures are shown as DMA-BUFs where the host's driver shares them. */
	bool shares_pictures;
	/* The device has blobs and a window, which OpenGL does not use. */
	bool has_blobs;
};

/* Connect, wait for what the host can do (some seconds at most), and offer it to the guest. Before
 * the guest's driver starts. Returns 0, or -errno: there is no OpenGL for this guest. */
int sl_vgpu_virgl_create(const struct sl_vgpu_virgl_options *options,
			 struct sl_vgpu_virgl **ret_backend);
/* The device must be gone or not be used any more. Accepts NULL. */
void sl_vgpu_virgl_destroy(struct sl_vgpu_virgl *backend);

#endif
