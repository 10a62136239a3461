/* SPDX-License-Identifier: MIT */
/* What Linux's virtio-gpu driver offers since 5.16 and Debian 12's libdrm does not declare: blobs
 * and contexts with rings. The numbers are the kernel's interface (include/uapi/drm/virtgpu_drm.h);
 * an older kernel answers the requests with an error. */
#ifndef SL_GUEST_DRIVER_LINK_VIRTGPU_UAPI_H
#define SL_GUEST_DRIVER_LINK_VIRTGPU_UAPI_H

#include <assert.h>
#include <drm.h>
#include <stdint.h>

/* Of DRM_IOCTL_VIRTGPU_GETPARAM: 1 if there are. */
#define SL_VIRTGPU_PARAM_RESOURCE_BLOB 3u
#define SL_VIRTGPU_PARAM_HOST_VISIBLE  4u
#define SL_VIRTGPU_PARAM_CONTEXT_INIT  6u

#define SL_VIRTGPU_BLOB_MEM_GUEST  1u
#define SL_VIRTGPU_BLOB_MEM_HOST   2u
#define SL_VIRTGPU_BLOB_MAPPABLE   1u
#define SL_VIRTGPU_EXECBUF_ON_RING 4u

#define SL_VIRTGPU_CONTEXT_CAPSET_ID  1u
#define SL_VIRTGPU_CONTEXT_RING_COUNT 2u

struct sl_virtgpu_create_blob {
	uint32_t memory;
	uint32_t flags;
	uint32_t handle; /* out: the kernel's */
	uint32_t id;	 /* out: the device's */
	uint64_t size;
	uint32_t pad;
	uint32_t command_size;
	uint64_t command;
	uint64_t blob_id;
};
static_assert(sizeof(struct sl_virtgpu_create_blob) == 48, "the kernel's interface");

struct sl_virtgpu_context_param {
	uint64_t param;
	uint64_t value;
};

struct sl_virtgpu_context_init {
	uint32_t count;
	uint32_t pad;
	uint64_t params; /* pointer */
};
static_assert(sizeof(struct sl_virtgpu_context_init) == 16, "the kernel's interface");

/* drm_virtgpu_execbuffer with a ring. A kernel that knows of no rings ignores the end. */
struct sl_virtgpu_execbuffer {
	uint32_t flags;
	uint32_t size;
	uint64_t command; /* pointer */
	uint64_t handles; /* pointer */
	uint32_t handle_count;
	int32_t fence_fd;
	uint32_t ring;
	uint32_t pad;
};
static_assert(sizeof(struct sl_virtgpu_execbuffer) == 40, "the kernel's interface");

#define SL_IOCTL_VIRTGPU_EXECBUFFER DRM_IOWR(DRM_COMMAND_BASE + 0x02, struct sl_virtgpu_execbuffer)
#define SL_IOCTL_VIRTGPU_CREATE_BLOB \
	DRM_IOWR(DRM_COMMAND_BASE + 0x0a, struct sl_virtgpu_create_blob)
#define SL_IOCTL_VIRTGPU_CONTEXT_INIT \
	DRM_IOWR(DRM_COMMAND_BASE + 0x0b, struct sl_virtgpu_context_init)

#endif
