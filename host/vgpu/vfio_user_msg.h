/* SPDX-License-Identifier: MIT */
/* The messages of the vfio-user protocol (QEMU's docs/interop/vfio-user.rst) that a device without
 * migration takes part in. Native byte order. Indices and flags of regions and interrupts are
 * those of <linux/vfio.h>. */
#ifndef SL_HOST_VGPU_VFIO_USER_MSG_H
#define SL_HOST_VGPU_VFIO_USER_MSG_H

#include <assert.h>
#include <stdint.h>

enum sl_vfio_user_command {
	SL_VFIO_USER_VERSION = 1,
	SL_VFIO_USER_DMA_MAP = 2,
	SL_VFIO_USER_DMA_UNMAP = 3,
	SL_VFIO_USER_DEVICE_GET_INFO = 4,
	SL_VFIO_USER_DEVICE_GET_REGION_INFO = 5,
	SL_VFIO_USER_DEVICE_GET_IRQ_INFO = 7,
	SL_VFIO_USER_DEVICE_SET_IRQS = 8,
	SL_VFIO_USER_REGION_READ = 9,
	SL_VFIO_USER_REGION_WRITE = 10,
	SL_VFIO_USER_DEVICE_RESET = 13,
};

#define SL_VFIO_USER_TYPE_MASK 0xfu
#define SL_VFIO_USER_REPLY     1u /* a type; a command is 0 */
#define SL_VFIO_USER_NO_REPLY  (1u << 4)
#define SL_VFIO_USER_ERROR     (1u << 5)

#define SL_VFIO_USER_MAJOR    0u
#define SL_VFIO_USER_MINOR    1u
#define SL_VFIO_USER_MAX_FDS  8u    /* in one message */
#define SL_VFIO_USER_MAX_DATA 4096u /* bytes of one region access, or of a version's text */

#define SL_VFIO_USER_DMA_READ	   (1u << 0)
#define SL_VFIO_USER_DMA_WRITE	   (1u << 1)
#define SL_VFIO_USER_DMA_UNMAP_ALL (1u << 1)

struct sl_vfio_user_header {
	uint16_t id;
	uint16_t command;
	uint32_t size; /* of the message, this header included */
	uint32_t flags;
	uint32_t error; /* errno, in replies with SL_VFIO_USER_ERROR */
};
static_assert(sizeof(struct sl_vfio_user_header) == 16, "vfio-user message");

struct sl_vfio_user_version {
	uint16_t major;
	uint16_t minor;
	char text[SL_VFIO_USER_MAX_DATA]; /* JSON with its NUL, or nothing */
};

struct sl_vfio_user_dma_map {
	uint32_t argsz;
	uint32_t flags;
	uint64_t offset; /* in the descriptor */
	uint64_t address;
	uint64_t size;
};
static_assert(sizeof(struct sl_vfio_user_dma_map) == 32, "vfio-user message");

struct sl_vfio_user_dma_unmap {
	uint32_t argsz;
	uint32_t flags;
	uint64_t address;
	uint64_t size;
};
static_assert(sizeof(struct sl_vfio_user_dma_unmap) == 24, "vfio-user message");

struct sl_vfio_user_device_info {
	uint32_t argsz;
	uint32_t flags;
	uint32_t region_count;
	uint32_t irq_count;
};
static_assert(sizeof(struct sl_vfio_user_device_info) == 16, "vfio-user message");

struct sl_vfio_user_region_info {
	uint32_t argsz;
	uint32_t flags;
	uint32_t index;
	uint32_t cap_offset;
	uint64_t size;
	uint64_t offset; /* for mmap() */
};
static_assert(sizeof(struct sl_vfio_user_region_info) == 32, "vfio-user message");

/* Which parts of a region can be mapped: here one. */
struct sl_vfio_user_sparse {
	uint16_t id;
	uint16_t version;
	uint32_t next;
	uint32_t area_count;
	uint32_t reserved;
	uint64_t area_offset;
	uint64_t area_size;
};
static_assert(sizeof(struct sl_vfio_user_sparse) == 32, "vfio-user message");

struct sl_vfio_user_irq_info {
	uint32_t argsz;
	uint32_t flags;
	uint32_t index;
	uint32_t count;
};
static_assert(sizeof(struct sl_vfio_user_irq_info) == 16, "vfio-user message");

/* One byte per interrupt follows with VFIO_IRQ_SET_DATA_BOOL. */
struct sl_vfio_user_irq_set {
	uint32_t argsz;
	uint32_t flags;
	uint32_t index;
	uint32_t start;
	uint32_t count;
};
static_assert(sizeof(struct sl_vfio_user_irq_set) == 20, "vfio-user message");

/* The data follows, in reads of the reply. */
struct sl_vfio_user_access {
	uint64_t offset;
	uint32_t region;
	uint32_t count; /* bytes */
};
static_assert(sizeof(struct sl_vfio_user_access) == 16, "vfio-user message");

union sl_vfio_user_payload {
	struct sl_vfio_user_version version;
	struct sl_vfio_user_dma_map dma_map;
	struct sl_vfio_user_dma_unmap dma_unmap;
	struct sl_vfio_user_device_info device_info;
	struct {
		struct sl_vfio_user_region_info info;
		struct sl_vfio_user_sparse sparse;
	} region;
	struct sl_vfio_user_irq_info irq_info;
	struct {
		struct sl_vfio_user_irq_set set;
		uint8_t data[SL_VFIO_USER_MAX_FDS];
	} irq;
	struct {
		struct sl_vfio_user_access access;
		uint8_t data[SL_VFIO_USER_MAX_DATA];
	} region_access;
};

#endif
