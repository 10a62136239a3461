/* SPDX-License-Identifier: MIT */
/* The link of a virtual machine: resources of its virtio-gpu device for what is shared, submissions
 * for packets and doorbells, fences for waking up. Everything is done through a render node of
 * the guest's own kernel, for which no rights of root are needed.
 *
 * What is shared is made as the kernel can: in the device's window (one piece of the host's memory,
 * none of the guest's), as a blob of guest pages, or as a classic resource of such pages.
 *
 * A fence is a hint only. Where the kernel has no rings all fences of the device share one
 * timeline: the one that is waited for completes with any later one, of any program. The truth is
 * in the sync page. So one thread of the process waits for fences, and the others sleep on
 * wake_seq, which that thread has them look at again. Where there are rings, waiting has one of its
 * own. */
#include "guest-driver/link/guest_link_priv.h"
#include "guest-driver/link/virtgpu_uapi.h"
#include "protocol/clock.h"
#include "protocol/virtio.h"

#include <drm.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/futex.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#include <virtgpu_drm.h>

#define FIRST_RENDER_NODE   128
#define RENDER_NODE_COUNT   64
#define GREETING_TIMEOUT_MS 30000
#define GREETING_LOOK_MS    100
/* Without rings virgl's fences are on the same timeline, and are not overtaken: a fence may come
 * late. */
#define VIRGL_LOOK_MS 4
#define CAPSET_VIRGL  1
#define FORMAT_R8     64 /* VIRGL_FORMAT_R8_UNORM: bytes */
/* The window is for what is large: it is finite, and guest pages are cheap to come by one by one.
 */
#define WINDOW_MIN_SIZE (64u << 10)

/* What completes in order with each other. */
enum ring {
	RING_PACKETS = 0, /* done when the device has taken them */
	RING_WAITS = 1,	  /* done when the host has something to say */
	RING_COUNT = 2,
};

struct resource {
	struct resource *next;
	void *data;
	size_t size;
	uint32_t handle; /* of the kernel's, for this process */
	uint32_t id;	 /* of the device's */
};

struct sl_guest_carrier {
	int fd; /* -1: abandoned */
	bool has_blobs;
	bool has_window;
	bool has_rings;
	char path[32];
	pthread_mutex_t lock; /* guards all below */
	struct resource *resources;

	/* The thread that waits for fences; started by the first who sleeps. */
	struct sl_sync_page *sync;
	pthread_t waiter;
	pthread_cond_t waiter_wanted;
	int waiter_stop; /* eventfd; -1: there is no thread */
	int look_ms;	 /* how often it looks by itself; -1: never */
	bool is_wanted;
	bool is_stopping;
};

__attribute__((format(printf, 3, 4))) static void say(char *why, size_t why_size,
						      const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(why, why_size, format, arguments);
	va_end(arguments);
}

/* Returns 0 or -errno. */
static int control(int fd, unsigned long request, void *argument)
{
	int r;

	do {
		r = ioctl(fd, request, argument);
	} while (r < 0 && (errno == EINTR || errno == EAGAIN));
	return r < 0 ? -errno : 0;
}

/* ret_fence: NULL, or where the descriptor of a wait's fence goes. Returns 0 or -errno. */
static int submit(struct sl_guest_carrier *carrier, const struct sl_virtio_submit *command,
		  const void *packet, int *ret_fence)
{
	uint8_t small[sizeof(*command) + sizeof(struct sl_packet_region)];
	size_t size = sizeof(*command) + command->packet_size;
	uint8_t *data = size <= sizeof(small) ? small : malloc(size);

	if (data == NULL) {
		return -ENOMEM;
	}
	memcpy(data, command, sizeof(*command));
	if (command->packet_size > 0) {
		memcpy(data + sizeof(*command), packet, command->packet_size);
	}
	struct sl_virtgpu_execbuffer exec = {
		.flags = (ret_fence != NULL ? VIRTGPU_EXECBUF_FENCE_FD_OUT : 0) |
			 (carrier->has_rings ? SL_VIRTGPU_EXECBUF_ON_RING : 0),
		.size = (uint32_t)size,
		.command = (uintptr_t)data,
		.fence_fd = -1,
	};
	if (carrier->has_rings) {
		exec.ring = ret_fence != NULL ? RING_WAITS : RING_PACKETS;
	}
	int r = control(carrier->fd, SL_IOCTL_VIRTGPU_EXECBUFFER, &exec);
	if (data != small) {
		free(data);
	}
	if (r == 0 && ret_fence != NULL) {
		*ret_fence = exec.fence_fd;
	}
	return r;
}

/* Is this Sluice's device? Returns 0; -ENODEV with ret_why (empty: it is no virtio-gpu). */
static int probe(int fd, const char *path, char *ret_why, size_t why_size)
{
	char driver[32] = "";
	struct drm_version version = { .name = driver, .name_len = sizeof(driver) - 1 };
	struct sl_virtio_capset capset = { 0 };
	struct drm_virtgpu_get_caps get = {
		.cap_set_id = SL_VIRTIO_CAPSET_ID,
		.cap_set_ver = SL_VIRTIO_CAPSET_VERSION,
		.addr = (uintptr_t)&capset,
		.size = sizeof(capset),
	};

	if (control(fd, DRM_IOCTL_VERSION, &version) < 0 || strcmp(driver, "virtio_gpu") != 0) {
		return -ENODEV;
	}
	if (control(fd, DRM_IOCTL_VIRTGPU_GET_CAPS, &get) < 0) {
		say(ret_why, why_size,
		    "%s is a virtio-gpu, but not Sluice's (the virtual machine needs sluice-vgpu)",
		    path);
		return -ENODEV;
	}
	if (capset.version != SL_VIRTIO_CAPSET_VERSION ||
	    capset.resource_flag != SL_VIRTIO_RESOURCE_FLAG) {
		say(ret_why, why_size, "%s: sluice-vgpu on the host is of another version (%u)",
		    path, capset.version);
		return -EPROTO;
	}
	return 0;
}

/* Returns a descriptor with path filled in; -ENODEV or -errno with ret_why. */
static int find_device(char *ret_path, size_t path_size, char *ret_why, size_t why_size)
{
	int result = -ENODEV;

	ret_why[0] = '\0';
	for (int i = 0; i < RENDER_NODE_COUNT; i++) {
		snprintf(ret_path, path_size, "/dev/dri/renderD%d", FIRST_RENDER_NODE + i);
		int fd = open(ret_path, O_RDWR | O_CLOEXEC);
		if (fd < 0) {
			if (errno == EACCES && ret_why[0] == '\0') {
				say(ret_why, why_size,
				    "%s cannot be opened (is the user in the group render?)",
				    ret_path);
			}
			continue;
		}
		int r = probe(fd, ret_path, ret_why, why_size);
		if (r == 0) {
			return fd;
		}
		close(fd);
		result = r != -ENODEV ? r : result;
	}
	return result;
}

static bool has_feature(int fd, uint64_t param)
{
	int value = 0;
	struct drm_virtgpu_getparam get = { .param = param, .value = (uintptr_t)&value };

	return control(fd, DRM_IOCTL_VIRTGPU_GETPARAM, &get) == 0 && value == 1;
}

/* Begin the context with rings, if the kernel can. */
static bool init_rings(int fd)
{
	const struct sl_virtgpu_context_param params[] = {
		{ SL_VIRTGPU_CONTEXT_CAPSET_ID, SL_VIRTIO_CAPSET_ID },
		{ SL_VIRTGPU_CONTEXT_RING_COUNT, RING_COUNT },
	};
	struct sl_virtgpu_context_init init = {
		.count = sizeof(params) / sizeof(params[0]),
		.params = (uintptr_t)params,
	};

	return has_feature(fd, SL_VIRTGPU_PARAM_CONTEXT_INIT) &&
	       control(fd, SL_IOCTL_VIRTGPU_CONTEXT_INIT, &init) == 0;
}

/* Nobody sleeps any more. */
static void stop_waiter(struct sl_guest_carrier *carrier)
{
	const uint64_t one = 1;

	if (carrier->waiter_stop < 0 || carrier->fd < 0) {
		return;
	}
	pthread_mutex_lock(&carrier->lock);
	carrier->is_stopping = true;
	pthread_cond_signal(&carrier->waiter_wanted);
	pthread_mutex_unlock(&carrier->lock);
	(void)!write(carrier->waiter_stop, &one, sizeof(one));
	pthread_join(carrier->waiter, NULL);
	close(carrier->waiter_stop);
	carrier->waiter_stop = -1;
}

static void virtio_close(struct sl_guest_carrier *carrier)
{
	stop_waiter(carrier);
	while (carrier->resources != NULL) {
		struct resource *resource = carrier->resources;

		carrier->resources = resource->next;
		free(resource);
	}
	/* The kernel closes the resources and ends the context. */
	if (carrier->fd >= 0) {
		close(carrier->fd);
	}
	free(carrier);
}

static int virtio_open(struct sl_guest_carrier **ret_carrier, char *ret_why, size_t why_size)
{
	struct sl_guest_carrier *carrier = calloc(1, sizeof(*carrier));

	if (carrier == NULL) {
		say(ret_why, why_size, "out of memory");
		return -ENOMEM;
	}
	carrier->waiter_stop = -1;
	pthread_mutex_init(&carrier->lock, NULL);
	pthread_cond_init(&carrier->waiter_wanted, NULL);
	carrier->fd = find_device(carrier->path, sizeof(carrier->path), ret_why, why_size);
	if (carrier->fd < 0) {
		int r = carrier->fd;

		free(carrier);
		return r;
	}
	carrier->has_blobs = has_feature(carrier->fd, SL_VIRTGPU_PARAM_RESOURCE_BLOB);
	carrier->has_window =
		carrier->has_blobs && has_feature(carrier->fd, SL_VIRTGPU_PARAM_HOST_VISIBLE);
	carrier->has_rings = init_rings(carrier->fd);
	*ret_carrier = carrier;
	return 0;
}

/* The child has no waiter, and locks may be held by threads that it does not have. */
static void virtio_abandon(struct sl_guest_carrier *carrier)
{
	close(carrier->fd);
	carrier->fd = -1;
}

static void close_handle(struct sl_guest_carrier *carrier, uint32_t handle)
{
	struct drm_gem_close gem_close = { .handle = handle };

	(void)control(carrier->fd, DRM_IOCTL_GEM_CLOSE, &gem_close);
}

/* Both return 0 with handle and id filled in, or -errno. */

static int create_blob(struct sl_guest_carrier *carrier, uint32_t memory, size_t size,
		       struct resource *ret_resource)
{
	struct sl_virtgpu_create_blob create = {
		.memory = memory,
		.flags = SL_VIRTGPU_BLOB_MAPPABLE,
		.size = size,
	};
	int r = control(carrier->fd, SL_IOCTL_VIRTGPU_CREATE_BLOB, &create);

	ret_resource->handle = create.handle;
	ret_resource->id = create.id;
	return r;
}

static int create_classic(struct sl_guest_carrier *carrier, size_t size,
			  struct resource *ret_resource)
{
	struct drm_virtgpu_resource_create create = {
		.format = FORMAT_R8,
		.width = (uint32_t)size,
		.height = 1,
		.depth = 1,
		.array_size = 1,
		.flags = SL_VIRTIO_RESOURCE_FLAG,
		.size = (uint32_t)size,
	};
	/* The sizes of such resources have 32 bits. */
	int r = size > UINT32_MAX
			? -ENOMEM
			: control(carrier->fd, DRM_IOCTL_VIRTGPU_RESOURCE_CREATE, &create);

	ret_resource->handle = create.bo_handle;
	ret_resource->id = create.res_handle;
	return r;
}

/* Map what was created; it is gone if that fails. Returns 0 or -errno. */
static int map_resource(struct sl_guest_carrier *carrier, size_t size, struct resource *resource)
{
	struct drm_virtgpu_map map = { .handle = resource->handle };
	void *data = MAP_FAILED;
	int r = control(carrier->fd, DRM_IOCTL_VIRTGPU_MAP, &map);

	if (r == 0) {
		data = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, carrier->fd,
			    (off_t)map.offset);
		r = data == MAP_FAILED ? -errno : 0;
	}
	if (r < 0) {
		close_handle(carrier, resource->handle);
		return r;
	}
	resource->data = data;
	resource->size = size;
	return 0;
}

/* Returns 0 with all filled in, or -errno. */
static int make_resource(struct sl_guest_carrier *carrier, size_t size,
			 struct resource *ret_resource)
{
	/* A window that is full is no reason to fail. */
	if (carrier->has_window && size >= WINDOW_MIN_SIZE &&
	    create_blob(carrier, SL_VIRTGPU_BLOB_MEM_HOST, size, ret_resource) == 0 &&
	    map_resource(carrier, size, ret_resource) == 0) {
		return 0;
	}
	int r = carrier->has_blobs
			? create_blob(carrier, SL_VIRTGPU_BLOB_MEM_GUEST, size, ret_resource)
			: create_classic(carrier, size, ret_resource);
	return r == 0 ? map_resource(carrier, size, ret_resource) : r;
}

static int virtio_alloc(struct sl_guest_carrier *carrier, const char *name, size_t size,
			void **ret_data, int *ret_share)
{
	struct resource *resource = calloc(1, sizeof(*resource));
	if (resource == NULL) {
		return -ENOMEM;
	}
	int r = make_resource(carrier, size, resource);
	if (r < 0) {
		free(resource);
		return r;
	}
	pthread_mutex_lock(&carrier->lock);
	resource->next = carrier->resources;
	carrier->resources = resource;
	pthread_mutex_unlock(&carrier->lock);
	*ret_data = resource->data;
	*ret_share = (int)resource->id;
	return 0;
}

static void virtio_free(struct sl_guest_carrier *carrier, void *data, size_t size, int share)
{
	struct resource *found = NULL;

	if (data == carrier->sync) {
		stop_waiter(carrier);
		carrier->sync = NULL;
	}
	munmap(data, size);
	if (carrier->fd < 0) {
		return;
	}
	pthread_mutex_lock(&carrier->lock);
	for (struct resource **at = &carrier->resources; *at != NULL; at = &(*at)->next) {
		if ((*at)->data == data) {
			found = *at;
			*at = found->next;
			break;
		}
	}
	pthread_mutex_unlock(&carrier->lock);
	/* The kernel keeps the pages until the renderer has let go of them. */
	if (found != NULL) {
		close_handle(carrier, found->handle);
		free(found);
	}
}

/* False: there is no such resource. */
static bool find_resource(struct sl_guest_carrier *carrier, int share, struct resource *ret_copy)
{
	bool is_found = false;

	pthread_mutex_lock(&carrier->lock);
	for (const struct resource *r = carrier->resources; r != NULL; r = r->next) {
		if ((int)r->id == share) {
			*ret_copy = *r;
			is_found = true;
		}
	}
	pthread_mutex_unlock(&carrier->lock);
	return is_found;
}

static void *find_data(struct sl_guest_carrier *carrier, int share)
{
	struct resource found;

	return find_resource(carrier, share, &found) ? found.data : NULL;
}

/* A DMA-BUF: its size is the resource's, and whoever has it can map it as if it were a file. */
static int virtio_dup(struct sl_guest_carrier *carrier, int share)
{
	struct drm_prime_handle prime = { .flags = DRM_CLOEXEC | DRM_RDWR, .fd = -1 };
	struct resource found;

	if (!find_resource(carrier, share, &found)) {
		return -ENOENT;
	}
	prime.handle = found.handle;
	int r = control(carrier->fd, DRM_IOCTL_PRIME_HANDLE_TO_FD, &prime);
	return r < 0 ? r : prime.fd;
}

/* Wait for the fence, or the time. Ends the descriptor. */
static void wait_for_fence(int fence, int timeout_ms)
{
	struct pollfd wait = { .fd = fence, .events = POLLIN };

	(void)poll(&wait, 1, timeout_ms);
	close(fence);
}

/* Returns the size of the answer that lies behind the greeting, or -errno with ret_why. */
static ssize_t wait_for_greeting(struct sl_guest_carrier *carrier,
				 struct sl_virtio_greeting *greeting, int fence, char *ret_why,
				 size_t why_size)
{
	uint64_t end_ns = sl_clock_now_ns() + GREETING_TIMEOUT_MS * SL_NS_PER_MS;

	for (;;) {
		/* It may be a fence of somebody else that is over. */
		wait_for_fence(fence, GREETING_LOOK_MS);
		/* Acquire: the packet is there; pairs with the vgpu's release. */
		uint32_t size = atomic_load_explicit(&greeting->size, memory_order_acquire);
		if (size != 0) {
			return size;
		}
		if (sl_clock_now_ns() >= end_ns) {
			say(ret_why, why_size, "the host of %s did not answer within %d s",
			    carrier->path, GREETING_TIMEOUT_MS / 1000);
			return -ETIMEDOUT;
		}
		const struct sl_virtio_submit command = { .magic = SL_VIRTIO_MAGIC,
							  .op = SL_VIRTIO_WAIT };
		int r = submit(carrier, &command, NULL, &fence);
		if (r < 0) {
			say(ret_why, why_size, "%s: %s", carrier->path, strerror(-r));
			return r;
		}
	}
}

static ssize_t virtio_greet(struct sl_guest_carrier *carrier, const void *hello, size_t hello_size,
			    const int shares[SL_HELLO_FD_COUNT], void *ret_packet,
			    size_t packet_size, char *ret_why, size_t why_size)
{
	struct sl_virtio_submit command = {
		.magic = SL_VIRTIO_MAGIC,
		.op = SL_VIRTIO_HELLO,
		.packet_size = (uint32_t)hello_size,
	};
	struct sl_virtio_greeting *greeting = find_data(carrier, shares[1]);
	int fence = -1;

	for (int i = 0; i < SL_HELLO_FD_COUNT; i++) {
		command.resource_ids[i] = (uint32_t)shares[i];
	}
	carrier->sync = find_data(carrier, shares[2]);
	int r = submit(carrier, &command, hello, &fence);
	if (r < 0) {
		say(ret_why, why_size, "%s does not take submissions: %s", carrier->path,
		    strerror(-r));
		return r;
	}
	ssize_t size = wait_for_greeting(carrier, greeting, fence, ret_why, why_size);
	if (size > (ssize_t)packet_size) {
		say(ret_why, why_size, "the host's answer is too large");
		return -EPROTO;
	}
	if (size > 0) {
		memcpy(ret_packet, greeting + 1, (size_t)size);
		memset(greeting, 0, sizeof(*greeting) + (size_t)size);
	}
	return size;
}

static int virtio_send_packet(struct sl_guest_carrier *carrier, const void *packet, size_t size,
			      int share)
{
	const struct sl_virtio_submit command = {
		.magic = SL_VIRTIO_MAGIC,
		.op = SL_VIRTIO_PACKET,
		.resource_ids = { share >= 0 ? (uint32_t)share : 0 },
		.packet_size = (uint32_t)size,
	};
	int r = submit(carrier, &command, packet, NULL);

	return r == 0 || r == -ENOMEM ? r : -EPIPE;
}

static void virtio_ring_doorbell(struct sl_guest_carrier *carrier)
{
	const struct sl_virtio_submit command = { .magic = SL_VIRTIO_MAGIC,
						  .op = SL_VIRTIO_DOORBELL };

	(void)submit(carrier, &command, NULL, NULL);
}

/* The vgpu itself marks the context as lost in the sync page. */
static bool virtio_is_hung_up(struct sl_guest_carrier *carrier)
{
	return false;
}

/* The sync page is memory of a device to the kernel, where only private futexes work. */
static void wake_sleepers(struct sl_sync_page *sync)
{
	syscall(SYS_futex, &sync->wake_seq, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0);
}

/* While somebody sleeps, ask the host to say when wake_seq moves on. Whoever began to sleep before
 * seq was loaded is woken, and whoever begins later sees seq or a newer one, which ends this wait
 * too: nobody is forgotten. */
static void wait_for_host(struct sl_guest_carrier *carrier)
{
	struct sl_sync_page *sync = carrier->sync;

	for (;;) {
		struct sl_virtio_submit command = {
			.magic = SL_VIRTIO_MAGIC,
			.op = SL_VIRTIO_WAIT,
			.value = sl_sync_load_seq(sync),
		};
		int fence = -1;

		wake_sleepers(sync);
		/* Relaxed: who begins to sleep now asks for us again. */
		if (atomic_load_explicit(&sync->sleepers, memory_order_relaxed) == 0 ||
		    submit(carrier, &command, NULL, &fence) < 0) {
			return;
		}
		struct pollfd waits[2] = { { .fd = fence, .events = POLLIN },
					   { .fd = carrier->waiter_stop, .events = POLLIN } };
		while (poll(waits, 2, carrier->look_ms) == 0 &&
		       sl_sync_load_seq(sync) == command.value) {
		}
		close(fence);
		if (waits[1].revents != 0) {
			return;
		}
	}
}

static void *run_waiter(void *data)
{
	struct sl_guest_carrier *carrier = data;

	pthread_mutex_lock(&carrier->lock);
	while (!carrier->is_stopping) {
		if (!carrier->is_wanted) {
			pthread_cond_wait(&carrier->waiter_wanted, &carrier->lock);
			continue;
		}
		carrier->is_wanted = false;
		pthread_mutex_unlock(&carrier->lock);
		wait_for_host(carrier);
		pthread_mutex_lock(&carrier->lock);
	}
	pthread_mutex_unlock(&carrier->lock);
	return NULL;
}

static bool offers_virgl(int fd)
{
	uint32_t version = 0;
	struct drm_virtgpu_get_caps get = {
		.cap_set_id = CAPSET_VIRGL,
		.cap_set_ver = 1,
		.addr = (uintptr_t)&version,
		.size = sizeof(version),
	};

	return control(fd, DRM_IOCTL_VIRTGPU_GET_CAPS, &get) == 0;
}

/* The lock is held. The thread takes none of the program's signals. */
static void start_waiter(struct sl_guest_carrier *carrier)
{
	sigset_t all;
	sigset_t before;

	carrier->waiter_stop = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (carrier->waiter_stop < 0) {
		return;
	}
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	carrier->look_ms = !carrier->has_rings && offers_virgl(carrier->fd) ? VIRGL_LOOK_MS : -1;
	int r = pthread_create(&carrier->waiter, NULL, run_waiter, carrier);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (r != 0) {
		close(carrier->waiter_stop);
		carrier->waiter_stop = -1;
	}
}

/* Without a waiter (no memory for one) the time-out is all there is. */
static void virtio_sleep(struct sl_guest_carrier *carrier, struct sl_sync_page *sync, uint32_t seq,
			 uint64_t timeout_ns)
{
	const struct timespec timeout = {
		.tv_sec = (time_t)(timeout_ns / SL_NS_PER_S),
		.tv_nsec = (long)(timeout_ns % SL_NS_PER_S),
	};

	pthread_mutex_lock(&carrier->lock);
	if (carrier->waiter_stop < 0) {
		start_waiter(carrier);
	}
	carrier->is_wanted = true;
	pthread_cond_signal(&carrier->waiter_wanted);
	pthread_mutex_unlock(&carrier->lock);
	syscall(SYS_futex, &sync->wake_seq, FUTEX_WAIT_PRIVATE, seq, &timeout, NULL, 0);
}

static void virtio_wake(struct sl_guest_carrier *carrier, struct sl_sync_page *sync)
{
	if (sl_sync_count_change(sync)) {
		wake_sleepers(sync);
	}
}

const struct sl_guest_carrier_ops sl_guest_carrier_virtio = {
	.shares_cpus = false,
	.open = virtio_open,
	.close = virtio_close,
	.abandon = virtio_abandon,
	.alloc = virtio_alloc,
	.dup = virtio_dup,
	.free = virtio_free,
	.greet = virtio_greet,
	.send_packet = virtio_send_packet,
	.ring_doorbell = virtio_ring_doorbell,
	.is_hung_up = virtio_is_hung_up,
	.sleep = virtio_sleep,
	.wake = virtio_wake,
};
