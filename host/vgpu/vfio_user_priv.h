/* SPDX-License-Identifier: MIT */
/* What the parts of the vfio-user front end share: vfio_user.c (the connection), vfio_user_device.c
 * (what its messages do). */
#ifndef SL_HOST_VGPU_VFIO_USER_PRIV_H
#define SL_HOST_VGPU_VFIO_USER_PRIV_H

#include "host/vgpu/request_queue.h"
#include "host/vgpu/vfio_user.h"
#include "host/vgpu/vfio_user_msg.h"
#include "host/vgpu/virtio_pci.h"

#define SL_VFIO_USER_MAX_HOLES 256u
/* Where sl_vfio_user.ram has the window: no processor addresses that much, so no guest has memory
 * there. What it does with the address is what it can do with the window anyway. */
#define SL_VFIO_USER_WINDOW_ADDR (1ull << 62)

struct sl_vfio_user {
	struct sl_vfio_user_options options;
	sd_event *event;
	int fd;
	sd_event_source *source;
	sd_event_source *end_source; /* calls options.ended from the event loop */
	int end_result;
	bool ended;
	bool greeted;	     /* versions were exchanged */
	uint32_t complained; /* bit: a command whose misuse has been logged */
	bool misplaced;	     /* rings outside memory have been logged */

	/* vfio_user_device.c */
	struct sl_guest_ram ram;
	/* Ranges that the guest could use for DMA but that cannot be mapped, or not be written:
	 * to the device they are no memory. */
	struct sl_guest_range holes[SL_VFIO_USER_MAX_HOLES];
	uint32_t hole_count;
	int window_fd; /* -1: there is none */
	struct sl_virtio_pci pci;
	struct sl_vgpu *vgpu;
	struct sl_request_queue queues[SL_VGPU_QUEUE_COUNT];
	int irq_fds[SL_VIRTIO_PCI_VECTOR_COUNT];
	uint32_t irq_pending; /* bit: raised while it had no descriptor */

	/* The message being received. */
	struct sl_vfio_user_header header;
	union sl_vfio_user_payload payload;
	size_t received; /* bytes of header and payload */
	int fds[SL_VFIO_USER_MAX_FDS];
	unsigned int fd_count;
};

/* What a message handler sends back behind the header. */
struct sl_vfio_user_answer {
	uint32_t size;
	int fd; /* lent, or -1 */
	union sl_vfio_user_payload payload;
};

/* vfio_user_device.c. Those that handle a message return 0 or -errno, which the other side gets;
 * the sizes of fixed parts have been checked. */
int sl_vfio_user_init_device(struct sl_vfio_user *vfio);
/* Accepts what init left half-built. */
void sl_vfio_user_finish_device(struct sl_vfio_user *vfio);
void sl_vfio_user_reset_device(struct sl_vfio_user *vfio);
int sl_vfio_user_map(struct sl_vfio_user *vfio);
int sl_vfio_user_unmap(struct sl_vfio_user *vfio, struct sl_vfio_user_answer *answer);
int sl_vfio_user_get_region_info(struct sl_vfio_user *vfio, struct sl_vfio_user_answer *answer);
int sl_vfio_user_get_irq_info(struct sl_vfio_user *vfio, struct sl_vfio_user_answer *answer);
int sl_vfio_user_set_irqs(struct sl_vfio_user *vfio, size_t data_size);
int sl_vfio_user_read(struct sl_vfio_user *vfio, struct sl_vfio_user_answer *answer);
int sl_vfio_user_write(struct sl_vfio_user *vfio, size_t data_size,
		       struct sl_vfio_user_answer *answer);

#endif
