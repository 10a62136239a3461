/* SPDX-License-Identifier: MIT */
/* The device's back end for Sluice's own capset: each context is a connection to the daemon, which
 * hands it to a renderer of its own. Packets go through here, commands do not: the renderer maps
 * the pages of the guest's rings itself. */
#ifndef SL_HOST_VGPU_SLUICE_BACKEND_H
#define SL_HOST_VGPU_SLUICE_BACKEND_H

#include "host/vgpu/virtio_gpu.h"

#include <systemd/sd-event.h>

struct sl_vgpu_sluice;

struct sl_vgpu_sluice_options {
	sd_event *event;
	const struct sl_guest_ram *ram; /* must outlive the back end */
	/* Returns a new connection to the daemon's socket for this guest, non-blocking, or
	 * -errno. */
	int (*connect)(void *data);
	void *data;
};

/* Returns 0 or -ENOMEM. */
int sl_vgpu_sluice_create(const struct sl_vgpu_sluice_options *options,
			  struct sl_vgpu_sluice **ret_backend);
/* Ends its contexts without telling the device, which must be gone or not be used any more.
 * Accepts NULL. */
void sl_vgpu_sluice_destroy(struct sl_vgpu_sluice *backend);

/* For sl_vgpu_add_backend(), with the back end as data. */
extern const struct sl_vgpu_backend_ops sl_vgpu_sluice_ops;

/* Contexts that are connected or still ending: 0 when a guest has let go of everything. */
uint32_t sl_vgpu_sluice_get_count(const struct sl_vgpu_sluice *backend);

#endif
