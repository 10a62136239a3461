/* SPDX-License-Identifier: MIT */
/* The host's store of resources, for tests of the virtual GPU. */
#ifndef SL_TESTS_UNIT_FAKE_HOST3D_H
#define SL_TESTS_UNIT_FAKE_HOST3D_H

#include "host/vgpu/virtio_gpu.h"

struct fake_host3d {
	int create_result;
	int export_result;
	int release_result; /* 0: at once, -EINPROGRESS: later */
	char calls[1024];
	uint64_t fence_number; /* of the last fence */
	uint32_t flush_count;
	uint32_t reset_count;
	uint32_t *screen; /* the last one; mapped */
	size_t screen_size;
};

/* For sl_vgpu_set_host3d(), with a struct fake_host3d as data. */
extern const struct sl_vgpu_host3d_ops fake_host3d_ops;

/* What it was asked for since the last call. Valid until the next one. */
const char *fake_host3d_take_calls(struct fake_host3d *host3d);

#endif
