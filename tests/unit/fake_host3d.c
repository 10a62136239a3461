/* SPDX-License-Identifier: MIT */
/* A store of resources that only remembers what it was asked for. */
#include "tests/unit/fake_host3d.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

static void log_call(struct fake_host3d *host3d, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static void log_call(struct fake_host3d *host3d, const char *format, ...)
{
	size_t used = strlen(host3d->calls);
	va_list args;

	va_start(args, format);
	vsnprintf(host3d->calls + used, sizeof(host3d->calls) - used, format, args);
	va_end(args);
}

static int host_create(void *data, const struct virtio_gpu_resource_create_3d *create)
{
	log_call(data, "create %u;", create->resource_id);
	return ((struct fake_host3d *)data)->create_result;
}

static int host_transfer(void *data, const struct virtio_gpu_transfer_host_3d *transfer)
{
	log_call(data, "transfer %u;", transfer->resource_id);
	return 0;
}

static int host_attach_pages(void *data, const struct sl_vgpu_pages *pages)
{
	log_call(data, "pages %u;", pages->resource_id);
	return 0;
}

static int host_detach_pages(void *data, uint32_t resource_id)
{
	log_call(data, "no pages %u;", resource_id);
	return ((struct fake_host3d *)data)->release_result;
}

static int host_destroy(void *data, uint32_t resource_id)
{
	log_call(data, "destroy %u;", resource_id);
	return ((struct fake_host3d *)data)->release_result;
}

static void host_attach(void *data, void *context, uint32_t resource_id)
{
	(void)context;
	log_call(data, "attach %u;", resource_id);
}

static void host_detach(void *data, void *context, uint32_t resource_id)
{
	(void)context;
	log_call(data, "detach %u;", resource_id);
}

static int host_set_screen(void *data, uint32_t screen_id, int fd, uint32_t width, uint32_t height)
{
	struct fake_host3d *host3d = data;

	log_call(host3d, "screen %u %ux%u;", screen_id, width, height);
	host3d->screen =
		mmap(NULL, (size_t)width * height * 4, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (host3d->screen == MAP_FAILED) {
		abort();
	}
	host3d->screen_size = (size_t)width * height * 4;
	return 0;
}

static int host_read(void *data, uint32_t screen_id, uint32_t resource_id,
		     const struct sl_vgpu_rect *rect, uint32_t x, uint32_t y)
{
	log_call(data, "read %u to %u: %ux%u at %u,%u to %u,%u;", resource_id, screen_id,
		 rect->width, rect->height, rect->x, rect->y, x, y);
	return 0;
}

static int host_export(void *data, uint32_t resource_id)
{
	struct fake_host3d *host3d = data;

	log_call(host3d, "export %u;", resource_id);
	return host3d->export_result;
}

static void host_fence(void *data, uint64_t number)
{
	struct fake_host3d *host3d = data;

	host3d->fence_number = number;
}

static void host_flush(void *data)
{
	struct fake_host3d *host3d = data;

	host3d->flush_count++;
}

static void host_reset(void *data)
{
	struct fake_host3d *host3d = data;

	host3d->reset_count++;
}

const struct sl_vgpu_host3d_ops fake_host3d_ops = {
	.create = host_create,
	.transfer = host_transfer,
	.attach_pages = host_attach_pages,
	.detach_pages = host_detach_pages,
	.destroy = host_destroy,
	.attach = host_attach,
	.detach = host_detach,
	.set_screen = host_set_screen,
	.read = host_read,
	.export_resource = host_export,
	.fence = host_fence,
	.flush = host_flush,
	.reset = host_reset,
};

const char *fake_host3d_take_calls(struct fake_host3d *host3d)
{
	static char calls[sizeof(host3d->calls)];

	strcpy(calls, host3d->calls);
	host3d->calls[0] = '\0';
	return calls;
}
