/* SPDX-License-Identifier: MIT */
/* The display socket of vhost-user-gpu: pictures and cursors go to QEMU's console, display
 * information and EDIDs come back.
 *
 * It never blocks: QEMU may be waiting for us on the other socket. What the display should show is
 * kept as state (sizes, dirty regions, cursors) and written as the socket takes it, so a guest
 * that draws faster than QEMU reads costs no memory. */
#ifndef SL_HOST_VGPU_DISPLAY_H
#define SL_HOST_VGPU_DISPLAY_H

#include "host/vgpu/virtio_gpu.h"

#include <systemd/sd-event.h>

struct sl_vgpu_display;

/* Becomes the device's display until it is destroyed or the other side closes the socket (it then
 * stays, inert). Consumes fd, also on failure. vgpu and event must outlive it.
 * Returns 0 or -errno. */
int sl_vgpu_display_create(sd_event *event, int fd, struct sl_vgpu *vgpu,
			   struct sl_vgpu_display **ret_display);
/* Accepts NULL. */
void sl_vgpu_display_destroy(struct sl_vgpu_display *display);

#endif
