/* SPDX-License-Identifier: MIT */
/* The guest's OpenGL commands as packets to its sluice-virgl. */
#include "host/vgpu/virgl_backend.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "host/base/clock.h"
#include "host/base/fd.h"
#include "host/base/log.h"
#include "host/vgpu/virgl_queue.h"
#include "host/virgl/virgl_msg.h"

#define CAPSET_COUNT 2u
/* A process that has to be started over and over must not keep the host busy. */
#define RETRY_NS UINT64_C(1000000000)
/* Of the capset VIRGL2: where the host's capabilities are, and the one that has Mesa make buffers
 * that stay mapped (GL_ARB_buffer_storage). */
#define CAPABILITIES_OFFSET	  392u
#define CAPABILITY_BUFFER_STORAGE (1u << 31)
/* How long a process is kept that has nothing of the guest's. */
#define IDLE_US UINT64_C(5000000)

struct context {
	LIST_ENTRY(context) link;
	struct sl_vgpu_virgl *backend;
	uint32_t id;
};

struct memory {
	dev_t device;
	ino_t inode;
};

/* What the device has as a back end. */
struct capset {
	struct sl_vgpu_virgl *backend;
	uint8_t data[SL_VIRGL_MAX_CAPSET];
	uint32_t size;
};

struct sl_vgpu_virgl {
	struct sl_vgpu_virgl_options options;
	struct capset capsets[CAPSET_COUNT];
	struct sl_vgpu_backend_ops ops[CAPSET_COUNT];
	struct sl_virgl_queue *queue; /* NULL: there is no process */
	uint64_t begun_ns;	      /* when the last one was asked for */
	uint32_t resource_count;      /* that it has */
	sd_event_source *idle_timer;
	LIST_HEAD(, context) contexts;
	struct memory memories[SL_VIRGL_MAX_MEMORIES]; /* that the process has, by number */
	uint32_t memory_count;
};

/* Nothing of the process is left here. */
static void drop_process(struct sl_vgpu_virgl *backend)
{
	struct context *context;

	sl_virgl_queue_destroy(backend->queue);
	backend->queue = NULL;
	backend->resource_count = 0;
	backend->memory_count = 0;
	while ((context = LIST_FIRST(&backend->contexts)) != NULL) {
		LIST_REMOVE(context, link);
		free(context);
	}
}

static bool is_idle(const struct sl_vgpu_virgl *backend)
{
	return LIST_EMPTY(&backend->contexts) && backend->resource_count == 0;
}

/* After every change of what it has. */
static void watch_idle(struct sl_vgpu_virgl *backend)
{
	bool is_wanted = backend->queue != NULL && is_idle(backend);

	if (is_wanted) {
		sd_event_source_set_time_relative(backend->idle_timer, IDLE_US);
	}
	sd_event_source_set_enabled(backend->idle_timer,
				    is_wanted ? SD_EVENT_ONESHOT : SD_EVENT_OFF);
}

/* The guest has no use for OpenGL any more, or not yet. */
static int on_idle(sd_event_source *source, uint64_t usec, void *data)
{
	struct sl_vgpu_virgl *backend = data;

	(void)source;
	(void)usec;
	drop_process(backend);
	/* Only what it had yet to say is missing: that it has let go. */
	sl_vgpu_host3d_lost(backend->options.vgpu);
	return 0;
}

static void lose(struct sl_vgpu_virgl *backend, const char *why)
{
	sl_log(SL_LOG_WARNING, "%s; the guest's OpenGL contexts are lost", why);
	drop_process(backend);
	sl_vgpu_host3d_lost(backend->options.vgpu);
}

/* What QEMU gets must be what it says that it is. */
static bool is_picture(int fd, const struct sl_virgl_exported *exported)
{
	struct statfs fs;
	uint64_t size = (uint64_t)exported->stride * exported->height;
	off_t length = lseek(fd, 0, SEEK_END);

	return exported->width > 0 && exported->height > 0 &&
	       exported->stride / 4 >= exported->width && fstatfs(fd, &fs) == 0 &&
	       (uint64_t)fs.f_type == DMA_BUF_MAGIC && length >= 0 && (uint64_t)length >= size;
}

/* Returns false if it makes no sense. */
static bool take_exported(struct sl_vgpu_virgl *backend, const struct sl_virgl_exported *exported,
			  int *fd)
{
	struct sl_vgpu_dmabuf dmabuf = {
		.fd = -1,
		.width = exported->width,
		.height = exported->height,
		.stride = exported->stride,
		.fourcc = exported->fourcc,
		.flags = exported->flags,
		.modifier = exported->modifier,
	};

	if ((exported->fourcc != 0) != (*fd >= 0) || (*fd >= 0 && !is_picture(*fd, exported))) {
		return false;
	}
	dmabuf.fd = sl_steal_fd(fd);
	sl_vgpu_host3d_exported(backend->options.vgpu, exported->resource_id, &dmabuf);
	return true;
}

/* A packet of the process, which may have been taken over by the guest. */
static void on_packet(void *data, const uint8_t *bytes, size_t size, int *fd)
{
	struct sl_vgpu_virgl *backend = data;
	union {
		struct sl_virgl_header header;
		struct sl_virgl_fence reached;
		struct sl_virgl_resource released;
		struct sl_virgl_read read;
		struct sl_virgl_exported exported;
	} packet = { 0 };

	memcpy(&packet, bytes, size < sizeof(packet) ? size : sizeof(packet));
	if (size >= sizeof(packet.header) && packet.header.type == SL_VIRGL_WELCOME) {
		/* A later process's: what was told to the guest holds. */
	} else if (size == sizeof(packet.reached) && packet.header.type == SL_VIRGL_REACHED) {
		sl_vgpu_host3d_reached(backend->options.vgpu, packet.reached.number);
	} else if (size == sizeof(packet.released) && packet.header.type == SL_VIRGL_RELEASED) {
		sl_vgpu_host3d_released(backend->options.vgpu, packet.released.resource_id);
	} else if (size == sizeof(packet.read) && packet.header.type == SL_VIRGL_READ_DONE) {
		sl_vgpu_host3d_read(backend->options.vgpu, packet.read.screen_id);
	} else if (size == sizeof(packet.exported) && packet.header.type == SL_VIRGL_EXPORTED &&
		   take_exported(backend, &packet.exported, fd)) {
		/* Done. */
	} else {
		lose(backend, "sluice-virgl sent nonsense");
	}
}

static void on_ended(void *data)
{
	lose(data, "sluice-virgl has ended");
}

static const struct sl_virgl_queue_ops queue_ops = { .packet = on_packet, .ended = on_ended };

/* Returns 0 or -errno. */
static int begin_process(struct sl_vgpu_virgl *backend)
{
	uint64_t now_ns = sl_clock_now_ns();

	if (backend->queue != NULL) {
		return 0;
	}
	if (backend->begun_ns != 0 && now_ns - backend->begun_ns < RETRY_NS) {
		return -EAGAIN;
	}
	backend->begun_ns = now_ns;
	int fd = backend->options.connect(backend->options.data);
	return fd < 0 ? fd
		      : sl_virgl_queue_create(backend->options.event, fd, &queue_ops, backend,
					      &backend->queue);
}

/* Returns 0 or -errno; a connection that takes nothing any more ends from the event loop. */
static int send(struct sl_vgpu_virgl *backend, const void *packet, size_t size)
{
	return backend->queue == NULL
		       ? -ENOTCONN
		       : sl_virgl_queue_send(backend->queue, packet, size, NULL, 0, -1);
}

/* Of what the process must hear. Returns false if there is none. */
static bool insist(struct sl_vgpu_virgl *backend, const void *packet, size_t size)
{
	if (backend->queue != NULL) {
		sl_virgl_queue_insist(backend->queue, packet, size);
	}
	return backend->queue != NULL;
}

/* The number by which the process knows the file; sends it if it is new. Returns 0 or -errno. */
static int share_memory(struct sl_vgpu_virgl *backend, int fd, uint32_t *ret_number)
{
	const struct sl_virgl_memory packet = { .header.type = SL_VIRGL_MEMORY };
	struct stat st;

	if (fstat(fd, &st) < 0) {
		return -errno;
	}
	for (uint32_t i = 0; i < backend->memory_count; i++) {
		if (backend->memories[i].device == st.st_dev &&
		    backend->memories[i].inode == st.st_ino) {
			*ret_number = i;
			return 0;
		}
	}
	if (backend->memory_count == SL_VIRGL_MAX_MEMORIES) {
		return -ENOSPC;
	}
	int r = sl_virgl_queue_send(backend->queue, &packet, sizeof(packet), NULL, 0, fd);
	if (r < 0) {
		return r;
	}
	*ret_number = backend->memory_count;
	backend->memories[backend->memory_count++] = (struct memory){ st.st_dev, st.st_ino };
	return 0;
}

/* Append the runs of one range, cut where memory changes. Returns 0 or -errno. */
static int add_runs(struct sl_vgpu_virgl *backend, const struct sl_guest_range *range,
		    struct sl_virgl_run *runs, uint32_t *count)
{
	uint64_t addr = range->addr;
	uint64_t left = range->size;

	while (left > 0) {
		struct sl_virgl_run run = { 0 };
		uint64_t size = 0;
		int fd = -1;

		if (*count == SL_VIRGL_MAX_RUNS) {
			return -E2BIG;
		}
		int r = sl_guest_ram_locate(backend->options.ram, addr, &fd, &run.offset, &size);
		if (r == 0) {
			r = share_memory(backend, fd, &run.memory);
		}
		if (r < 0) {
			return r;
		}
		size = size < left ? size : left;
		run.size = size < 1u << 30 ? (uint32_t)size : 1u << 30;
		addr += run.size;
		left -= run.size;
		runs[(*count)++] = run;
	}
	return 0;
}

static int attach_pages(void *data, const struct sl_vgpu_pages *pages)
{
	struct sl_vgpu_virgl *backend = data;
	SL_AUTO_FREE struct sl_virgl_run *runs = malloc(SL_VIRGL_MAX_RUNS * sizeof(*runs));
	struct sl_virgl_backing packet = {
		.header.type = SL_VIRGL_BACKING,
		.resource_id = pages->resource_id,
	};

	if (backend->queue == NULL || runs == NULL) {
		return runs == NULL ? -ENOMEM : -ENOTCONN;
	}
	for (uint32_t i = 0; i < pages->range_count; i++) {
		int r = add_runs(backend, &pages->ranges[i], runs, &packet.run_count);

		if (r < 0) {
			return r;
		}
	}
	packet.header.payload = packet.run_count * (uint32_t)sizeof(*runs);
	return sl_virgl_queue_send(backend->queue, &packet, sizeof(packet), runs,
				   packet.header.payload, -1);
}

static int release(struct sl_vgpu_virgl *backend, uint32_t type, uint32_t resource_id)
{
	const struct sl_virgl_resource packet = { .header.type = type, .resource_id = resource_id };

	return insist(backend, &packet, sizeof(packet)) ? -EINPROGRESS : 0;
}

static int detach_pages(void *data, uint32_t resource_id)
{
	return release(data, SL_VIRGL_NO_BACKING, resource_id);
}

static int destroy_resource(void *data, uint32_t resource_id)
{
	struct sl_vgpu_virgl *backend = data;
	int r = release(backend, SL_VIRGL_DESTROY, resource_id);

	backend->resource_count--;
	watch_idle(backend);
	return r;
}

static int create_resource(void *data, const struct virtio_gpu_resource_create_3d *create)
{
	struct sl_vgpu_virgl *backend = data;
	const struct sl_virgl_create packet = {
		.header.type = SL_VIRGL_CREATE,
		.resource_id = create->resource_id,
		.target = create->target,
		.format = create->format,
		.bind = create->bind,
		.width = create->width,
		.height = create->height,
		.depth = create->depth,
		.array_size = create->array_size,
		.last_level = create->last_level,
		.nr_samples = create->nr_samples,
		.flags = create->flags,
	};
	int r = begin_process(backend);

	if (r == 0) {
		r = send(backend, &packet, sizeof(packet));
	}
	backend->resource_count += r == 0 ? 1 : 0;
	watch_idle(backend);
	return r;
}

static int transfer(void *data, const struct virtio_gpu_transfer_host_3d *transfer)
{
	const struct sl_virgl_transfer packet = {
		.header.type = SL_VIRGL_TRANSFER,
		.context_id = transfer->hdr.ctx_id,
		.resource_id = transfer->resource_id,
		.to_host = transfer->hdr.type == VIRTIO_GPU_CMD_TRANSFER_TO_HOST_3D,
		.level = transfer->level,
		.stride = transfer->stride,
		.layer_stride = transfer->layer_stride,
		.x = transfer->box.x,
		.y = transfer->box.y,
		.z = transfer->box.z,
		.width = transfer->box.w,
		.height = transfer->box.h,
		.depth = transfer->box.d,
		.offset = transfer->offset,
	};

	return send(data, &packet, sizeof(packet));
}

static void send_attach(struct sl_vgpu_virgl *backend, uint32_t type, const struct context *context,
			uint32_t resource_id)
{
	const struct sl_virgl_attach packet = {
		.header.type = type,
		.context_id = context->id,
		.resource_id = resource_id,
	};

	(void)insist(backend, &packet, sizeof(packet));
}

static void attach(void *data, void *context, uint32_t resource_id)
{
	send_attach(data, SL_VIRGL_ATTACH, context, resource_id);
}

static void detach(void *data, void *context, uint32_t resource_id)
{
	send_attach(data, SL_VIRGL_DETACH, context, resource_id);
}

static int set_screen(void *data, uint32_t screen_id, int fd, uint32_t width, uint32_t height)
{
	struct sl_vgpu_virgl *backend = data;
	const struct sl_virgl_screen packet = {
		.header.type = SL_VIRGL_SCREEN,
		.screen_id = screen_id,
		.stride = width * 4,
		.height = height,
	};

	return backend->queue == NULL
		       ? -ENOTCONN
		       : sl_virgl_queue_send(backend->queue, &packet, sizeof(packet), NULL, 0, fd);
}

static int read_screen(void *data, uint32_t screen_id, uint32_t resource_id,
		       const struct sl_vgpu_rect *rect, uint32_t x, uint32_t y)
{
	const struct sl_virgl_read packet = {
		.header.type = SL_VIRGL_READ,
		.screen_id = screen_id,
		.resource_id = resource_id,
		.x = rect->x,
		.y = rect->y,
		.width = rect->width,
		.height = rect->height,
		.screen_x = x,
		.screen_y = y,
	};

	return insist(data, &packet, sizeof(packet)) ? 0 : -ENOTCONN;
}

static int export_resource(void *data, uint32_t resource_id)
{
	struct sl_vgpu_virgl *backend = data;
	const struct sl_virgl_resource packet = { .header.type = SL_VIRGL_EXPORT,
						  .resource_id = resource_id };

	return backend->options.shares_pictures ? send(backend, &packet, sizeof(packet)) : -ENOTSUP;
}

static void fence(void *data, uint64_t number)
{
	struct sl_vgpu_virgl *backend = data;
	const struct sl_virgl_fence packet = { .header.type = SL_VIRGL_FENCE, .number = number };

	/* Nobody will tell of it. */
	if (!insist(backend, &packet, sizeof(packet))) {
		sl_vgpu_host3d_reached(backend->options.vgpu, number);
	}
}

static void flush(void *data)
{
	struct sl_vgpu_virgl *backend = data;

	if (backend->queue != NULL) {
		sl_virgl_queue_flush(backend->queue);
	}
}

/* When the process was begun stays known: a guest may reset its device over and over. */
static void reset(void *data)
{
	struct sl_vgpu_virgl *backend = data;

	if (!is_idle(backend)) {
		drop_process(backend);
	}
}

static const struct sl_vgpu_host3d_ops host3d_ops = {
	.create = create_resource,
	.transfer = transfer,
	.attach_pages = attach_pages,
	.detach_pages = detach_pages,
	.destroy = destroy_resource,
	.attach = attach,
	.detach = detach,
	.set_screen = set_screen,
	.read = read_screen,
	.export_resource = export_resource,
	.fence = fence,
	.flush = flush,
	.reset = reset,
};

static int create_context(void *data, uint32_t context_id, const char *name,
			  struct sl_vgpu_context *device_context, void **ret_context)
{
	const struct capset *capset = data;
	struct sl_vgpu_virgl *backend = capset->backend;
	struct sl_virgl_context packet = { .header.type = SL_VIRGL_CONTEXT,
					   .context_id = context_id };
	struct context *context = calloc(1, sizeof(*context));
	int r = context == NULL ? -ENOMEM : begin_process(backend);

	(void)device_context;
	strncpy(packet.name, name, sizeof(packet.name) - 1);
	if (r == 0) {
		r = send(backend, &packet, sizeof(packet));
	}
	if (r < 0) {
		free(context);
		return r;
	}
	context->backend = backend;
	context->id = context_id;
	LIST_INSERT_HEAD(&backend->contexts, context, link);
	watch_idle(backend);
	*ret_context = context;
	return 0;
}

static int destroy_context(void *data)
{
	struct context *context = data;
	const struct sl_virgl_context packet = { .header.type = SL_VIRGL_CONTEXT_END,
						 .context_id = context->id };

	struct sl_vgpu_virgl *backend = context->backend;

	(void)insist(backend, &packet, sizeof(packet));
	LIST_REMOVE(context, link);
	free(context);
	watch_idle(backend);
	return 0;
}

static int submit(void *data, const uint8_t *bytes, size_t size)
{
	struct context *context = data;
	const struct sl_virgl_submit packet = {
		.header = { .type = SL_VIRGL_SUBMIT, .payload = (uint32_t)size },
		.context_id = context->id,
	};

	if (size % 4 != 0 || size > SL_VIRGL_MAX_SUBMIT) {
		return -EINVAL;
	}
	return sl_virgl_queue_send(context->backend->queue, &packet, sizeof(packet), bytes, size,
				   -1);
}

static const void *get_capset(void *data, size_t *ret_size)
{
	const struct capset *capset = data;

	*ret_size = capset->size;
	return capset->data;
}

static const struct sl_vgpu_backend_ops context_ops = {
	.is_host3d = true,
	.get_capset = get_capset,
	.create_context = create_context,
	.destroy_context = destroy_context,
	.submit = submit,
};

/* Where there are blobs Mesa would have those buffers as blobs of the host's, and the guest would
 * map them through the window. But virglrenderer maps them in its own process only: on the drivers
 * that it can do so with they are no file that the window could have. */
static void hide_buffer_storage(struct capset *capset)
{
	uint32_t capabilities;

	if (capset->size < CAPABILITIES_OFFSET + sizeof(capabilities)) {
		return;
	}
	memcpy(&capabilities, capset->data + CAPABILITIES_OFFSET, sizeof(capabilities));
	capabilities &= ~CAPABILITY_BUFFER_STORAGE;
	memcpy(capset->data + CAPABILITIES_OFFSET, &capabilities, sizeof(capabilities));
}

/* Offer the capsets of a WELCOME. Returns 0, -EBADMSG or -ENOSPC. */
static int offer(struct sl_vgpu_virgl *backend, const uint8_t *bytes, size_t size)
{
	struct sl_virgl_welcome welcome;
	int r = 0;

	if (size < sizeof(welcome)) {
		return -EBADMSG;
	}
	memcpy(&welcome, bytes, sizeof(welcome));
	bytes += sizeof(welcome);
	size -= sizeof(welcome);
	if (welcome.header.type != SL_VIRGL_WELCOME) {
		return -EBADMSG;
	}
	for (uint32_t i = 0; i < CAPSET_COUNT && r == 0; i++) {
		struct capset *capset = &backend->capsets[i];

		if (welcome.sizes[i] > size || welcome.sizes[i] > sizeof(capset->data)) {
			return -EBADMSG;
		}
		if (welcome.sizes[i] > 0) {
			memcpy(capset->data, bytes, welcome.sizes[i]);
			capset->size = welcome.sizes[i];
			if (i == 1 && backend->options.has_blobs) {
				hide_buffer_storage(capset);
			}
			capset->backend = backend;
			backend->ops[i] = context_ops;
			backend->ops[i].capset_id = VIRTIO_GPU_CAPSET_VIRGL + i;
			backend->ops[i].capset_version = welcome.versions[i];
			r = sl_vgpu_add_backend(backend->options.vgpu, &backend->ops[i], capset);
		}
		bytes += welcome.sizes[i];
		size -= welcome.sizes[i];
	}
	return r;
}

int sl_vgpu_virgl_create(const struct sl_vgpu_virgl_options *options,
			 struct sl_vgpu_virgl **ret_backend)
{
	struct sl_vgpu_virgl *backend = calloc(1, sizeof(*backend));
	uint8_t welcome[sizeof(struct sl_virgl_welcome) + CAPSET_COUNT * SL_VIRGL_MAX_CAPSET];
	size_t size = 0;

	if (backend == NULL) {
		return -ENOMEM;
	}
	backend->options = *options;
	LIST_INIT(&backend->contexts);
	int r = sd_event_add_time_relative(options->event, &backend->idle_timer, CLOCK_MONOTONIC,
					   IDLE_US, 0, on_idle, backend);
	if (r >= 0) {
		r = begin_process(backend);
	}
	if (r == 0) {
		r = sl_virgl_queue_await(backend->queue, welcome, sizeof(welcome), &size);
	}
	if (r == 0) {
		r = offer(backend, welcome, size);
	}
	if (r < 0) {
		sl_vgpu_virgl_destroy(backend);
		return r;
	}
	/* One that dies at once may be replaced at once. */
	backend->begun_ns = 0;
	sl_vgpu_set_host3d(options->vgpu, &host3d_ops, backend);
	watch_idle(backend);
	*ret_backend = backend;
	return 0;
}

void sl_vgpu_virgl_destroy(struct sl_vgpu_virgl *backend)
{
	if (backend == NULL) {
		return;
	}
	drop_process(backend);
	sd_event_source_disable_unref(backend->idle_timer);
	free(backend);
}
