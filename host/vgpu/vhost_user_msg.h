/* SPDX-License-Identifier: MIT */
/* The messages of the vhost-user protocol (QEMU's docs/interop/vhost-user.rst) that a GPU back end
 * takes part in, and those of the display socket (vhost-user-gpu.rst). Native byte order. */
#ifndef SL_HOST_VGPU_VHOST_USER_MSG_H
#define SL_HOST_VGPU_VHOST_USER_MSG_H

#include <assert.h>
#include <stdint.h>

enum sl_vhost_user_request {
	SL_VHOST_USER_GET_FEATURES = 1,
	SL_VHOST_USER_SET_FEATURES = 2,
	SL_VHOST_USER_SET_OWNER = 3,
	SL_VHOST_USER_RESET_OWNER = 4,
	SL_VHOST_USER_SET_MEM_TABLE = 5,
	SL_VHOST_USER_SET_VRING_NUM = 8,
	SL_VHOST_USER_SET_VRING_ADDR = 9,
	SL_VHOST_USER_SET_VRING_BASE = 10,
	SL_VHOST_USER_GET_VRING_BASE = 11,
	SL_VHOST_USER_SET_VRING_KICK = 12,
	SL_VHOST_USER_SET_VRING_CALL = 13,
	SL_VHOST_USER_SET_VRING_ERR = 14,
	SL_VHOST_USER_GET_PROTOCOL_FEATURES = 15,
	SL_VHOST_USER_SET_PROTOCOL_FEATURES = 16,
	SL_VHOST_USER_GET_QUEUE_NUM = 17,
	SL_VHOST_USER_SET_VRING_ENABLE = 18,
	SL_VHOST_USER_GET_CONFIG = 24,
	SL_VHOST_USER_SET_CONFIG = 25,
	SL_VHOST_USER_GPU_SET_SOCKET = 33,
	SL_VHOST_USER_RESET_DEVICE = 34,
	SL_VHOST_USER_GET_MAX_MEM_SLOTS = 36,
	SL_VHOST_USER_ADD_MEM_REG = 37,
	SL_VHOST_USER_REM_MEM_REG = 38,
};

#define SL_VHOST_USER_F_PROTOCOL_FEATURES 30

#define SL_VHOST_USER_PROTOCOL_F_MQ		     0
#define SL_VHOST_USER_PROTOCOL_F_REPLY_ACK	     3
#define SL_VHOST_USER_PROTOCOL_F_CONFIG		     9
#define SL_VHOST_USER_PROTOCOL_F_RESET_DEVICE	     13
#define SL_VHOST_USER_PROTOCOL_F_CONFIGURE_MEM_SLOTS 15

#define SL_VHOST_USER_VERSION	   1u
#define SL_VHOST_USER_VERSION_MASK 3u
#define SL_VHOST_USER_REPLY	   (1u << 2)
#define SL_VHOST_USER_NEED_REPLY   (1u << 3)

#define SL_VHOST_USER_MAX_FDS	  8u
#define SL_VHOST_USER_MAX_REGIONS 8u /* in one SET_MEM_TABLE */
#define SL_VHOST_USER_MAX_CONFIG  256u

#define SL_VHOST_USER_VRING_INDEX_MASK 0xffu
#define SL_VHOST_USER_VRING_NO_FD      (1u << 8)

struct sl_vhost_user_header {
	uint32_t request;
	uint32_t flags;
	uint32_t size; /* bytes of payload */
};
static_assert(sizeof(struct sl_vhost_user_header) == 12, "vhost-user message");

struct sl_vhost_user_region {
	uint64_t guest_addr;
	uint64_t size;
	uint64_t user_addr;
	uint64_t mmap_offset;
};

struct sl_vhost_user_memory {
	uint32_t count;
	uint32_t padding;
	struct sl_vhost_user_region regions[SL_VHOST_USER_MAX_REGIONS];
};
static_assert(sizeof(struct sl_vhost_user_memory) == 8 + 8 * 32, "vhost-user message");

struct sl_vhost_user_memory_slot {
	uint64_t padding;
	struct sl_vhost_user_region region;
};

struct sl_vhost_user_vring_state {
	uint32_t index;
	uint32_t value;
};

struct sl_vhost_user_vring_addr {
	uint32_t index;
	uint32_t flags;
	uint64_t descriptors; /* user addresses */
	uint64_t used;
	uint64_t available;
	uint64_t log;
};
static_assert(sizeof(struct sl_vhost_user_vring_addr) == 40, "vhost-user message");

struct sl_vhost_user_config {
	uint32_t offset;
	uint32_t size;
	uint32_t flags;
	uint8_t data[SL_VHOST_USER_MAX_CONFIG];
};

union sl_vhost_user_payload {
	uint64_t u64;
	struct sl_vhost_user_memory memory;
	struct sl_vhost_user_memory_slot slot;
	struct sl_vhost_user_vring_state state;
	struct sl_vhost_user_vring_addr addr;
	struct sl_vhost_user_config config;
};

/* The display socket. */
enum sl_vhost_gpu_request {
	SL_VHOST_GPU_GET_PROTOCOL_FEATURES = 1,
	SL_VHOST_GPU_SET_PROTOCOL_FEATURES = 2,
	SL_VHOST_GPU_GET_DISPLAY_INFO = 3,
	SL_VHOST_GPU_CURSOR_POS = 4,
	SL_VHOST_GPU_CURSOR_POS_HIDE = 5,
	SL_VHOST_GPU_CURSOR_UPDATE = 6,
	SL_VHOST_GPU_SCANOUT = 7,
	SL_VHOST_GPU_UPDATE = 8,
	SL_VHOST_GPU_DMABUF_SCANOUT = 9,
	SL_VHOST_GPU_DMABUF_UPDATE = 10, /* answered when it is shown */
	SL_VHOST_GPU_GET_EDID = 11,
	SL_VHOST_GPU_DMABUF_SCANOUT2 = 12,
};

#define SL_VHOST_GPU_PROTOCOL_F_EDID	0
#define SL_VHOST_GPU_PROTOCOL_F_DMABUF2 1
#define SL_VHOST_GPU_REPLY		(1u << 2)

struct sl_vhost_gpu_header {
	uint32_t request;
	uint32_t flags;
	uint32_t size; /* bytes of payload */
};
static_assert(sizeof(struct sl_vhost_gpu_header) == 12, "display message");

struct sl_vhost_gpu_cursor {
	uint32_t scanout_id;
	uint32_t x;
	uint32_t y;
	/* Only with CURSOR_UPDATE. */
	uint32_t hot_x;
	uint32_t hot_y;
	uint32_t pixels[64 * 64]; /* a8r8g8b8 */
};
#define SL_VHOST_GPU_CURSOR_POS_SIZE 12u

struct sl_vhost_gpu_scanout {
	uint32_t scanout_id;
	uint32_t width;
	uint32_t height;
};

/* With the DMA-BUF; without one: none is shown any more. */
struct sl_vhost_gpu_dmabuf {
	uint32_t scanout_id;
	uint32_t x;
	uint32_t y;
	uint32_t width;
	uint32_t height;
	uint32_t fd_width;
	uint32_t fd_height;
	uint32_t fd_stride;
	uint32_t fd_flags; /* VIRTIO_GPU_RESOURCE_FLAG_Y_0_TOP */
	uint32_t fd_fourcc;
	uint32_t modifier[2]; /* low, high; only with DMABUF_SCANOUT2 */
};
static_assert(sizeof(struct sl_vhost_gpu_dmabuf) == 48, "display message");
#define SL_VHOST_GPU_DMABUF_SIZE 40u

/* Pixels follow, x8r8g8b8; not with DMABUF_UPDATE. */
struct sl_vhost_gpu_update {
	uint32_t scanout_id;
	uint32_t x;
	uint32_t y;
	uint32_t width;
	uint32_t height;
};

#endif
