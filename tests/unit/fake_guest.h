/* SPDX-License-Identifier: MIT */
/* A guest for tests of the virtual GPU: memory, a split ring in it, commands for the device. */
#ifndef SL_TESTS_UNIT_FAKE_GUEST_H
#define SL_TESTS_UNIT_FAKE_GUEST_H

#include "host/vgpu/virtio_gpu.h"
#include "host/vgpu/virtqueue.h"

#include <linux/virtio_ring.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Guest-physical layout. Two slots that touch, then a hole. */
#define FAKE_RAM_ADDR	  0x100000ull
#define FAKE_RAM_SIZE	  0x400000ull
#define FAKE_RAM_SPLIT	  0x200000ull /* bytes in the first slot */
#define FAKE_USER_ADDR	  0x7f0000000000ull
#define FAKE_USER_GAP	  0x10000000ull /* between the slots' user addresses */
#define FAKE_RING_SIZE	  16u
#define FAKE_COMMAND_ADDR (FAKE_RAM_ADDR + 0x8000)
#define FAKE_ANSWER_ADDR  (FAKE_RAM_ADDR + 0x80000)
#define FAKE_DATA_ADDR	  (FAKE_RAM_ADDR + 0x100000)

struct fake_answer {
	uint32_t count; /* answers so far */
	uint32_t type;	/* of the last one */
	uint32_t written;
	struct virtio_gpu_ctrl_hdr header;
	uint8_t payload[2048];
	uint64_t fence_ids[64]; /* of fenced answers, in order */
	uint32_t fence_count;
};

/* The device's window, at an address that no guest memory has. */
#define FAKE_WINDOW_ADDR (1ull << 62)
#define FAKE_WINDOW_SIZE 0x100000ull

struct fake_guest {
	int fd;
	int window_fd;	 /* -1: none */
	uint8_t *memory; /* FAKE_RAM_SIZE bytes */
	struct sl_guest_ram ram;

	/* The ring, in the first slot. */
	struct vring_desc *desc;
	struct vring_avail *avail;
	struct vring_used *used;

	struct sl_vgpu *vgpu;
	struct fake_answer answer;
};

/* Memory and a zeroed ring. Aborts where the system fails. */
void fake_guest_init(struct fake_guest *guest);
void fake_guest_finish(struct fake_guest *guest);

/* Where the guest's memory is in this process. */
void *fake_guest_at(struct fake_guest *guest, uint64_t addr);

/* The layout for sl_virtqueue_start(). */
struct sl_virtqueue_layout fake_guest_layout(struct fake_guest *guest, bool event_idx);
/* Make descriptor head available. */
void fake_guest_offer(struct fake_guest *guest, uint16_t head);

/* A device over the guest's memory; answers go to guest->answer. */
void fake_guest_create_device(struct fake_guest *guest, uint64_t max_host_bytes);
/* The same with blobs and a window. */
void fake_guest_create_blob_device(struct fake_guest *guest);

/* Send size bytes of a command, with tail_size bytes behind it, to a queue. Returns the type of
 * the answer, or 0 if there is none yet. */
uint32_t fake_guest_send_on(struct fake_guest *guest, enum sl_vgpu_queue queue, const void *command,
			    size_t size, const void *tail, size_t tail_size);
#define fake_guest_send(guest, command) \
	fake_guest_send_on(guest, SL_VGPU_QUEUE_CONTROL, command, sizeof(*(command)), NULL, 0)

#endif
