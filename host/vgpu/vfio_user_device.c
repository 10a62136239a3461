/* SPDX-License-Identifier: MIT */
/* What the messages of vfio-user do: memory, interrupts and registers of the PCI function. */
#include "host/vgpu/vfio_user_priv.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/pci_regs.h>
#include <linux/vfio.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ids.h>
#include <linux/virtio_ring.h>
#include <string.h>
#include <unistd.h>

#include "host/base/fd.h"
#include "host/base/log.h"

#define VENDOR_ID      0x1af4u /* of all virtio devices */
#define DEVICE_ID      (0x1040u + VIRTIO_ID_GPU)
#define CLASS_DISPLAY  0x038000u /* other than VGA */
#define DEFAULT_WIDTH  1280u
#define DEFAULT_HEIGHT 800u

static_assert(SL_VIRTIO_PCI_MAX_QUEUES >= SL_VGPU_QUEUE_COUNT, "queues of the device");

/* Deliver an interrupt, or remember it until there is a descriptor for it. */
static void interrupt(struct sl_vfio_user *vfio, uint32_t vector)
{
	const uint64_t one = 1;

	if (vector >= SL_VIRTIO_PCI_VECTOR_COUNT) {
		return;
	}
	if (vfio->irq_fds[vector] < 0) {
		vfio->irq_pending |= 1u << vector;
	} else if (write(vfio->irq_fds[vector], &one, sizeof(one)) < 0 && errno != EAGAIN) {
		sl_log(SL_LOG_DEBUG, "cannot interrupt the guest: %s", strerror(errno));
	}
}

static void on_interrupt(void *data, enum sl_vgpu_queue index)
{
	struct sl_vfio_user *vfio = data;

	interrupt(vfio, sl_virtio_pci_raise_queue(&vfio->pci, index));
}

static void on_broken(void *data, enum sl_vgpu_queue index)
{
	struct sl_vfio_user *vfio = data;

	interrupt(vfio, sl_virtio_pci_raise_broken(&vfio->pci));
}

static const struct sl_request_queue_ops queue_ops = {
	.interrupt = on_interrupt,
	.broken = on_broken,
};

static void complete(void *data, struct sl_vgpu_request *request, uint32_t written)
{
	struct sl_vfio_user *vfio = data;

	sl_request_queue_complete(&vfio->queues[request->queue], request, written);
}

static void clear_window(void *data, uint64_t offset, uint64_t size)
{
	struct sl_vfio_user *vfio = data;

	if (fallocate(vfio->window_fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)offset,
		      (off_t)size) < 0) {
		sl_log(SL_LOG_ERROR, "cannot clear a part of the window: %s", strerror(errno));
	}
}

static const struct sl_vgpu_frontend_ops frontend_ops = {
	.complete = complete,
	.clear_window = clear_window,
};

/* A part of a ring, all in one mapping; else NULL. */
static void *find_part(const struct sl_guest_ram *ram, uint64_t addr, uint64_t size)
{
	uint64_t here = 0;
	void *at = sl_guest_ram_at(ram, addr, &here);

	return here >= size ? at : NULL;
}

static struct sl_virtqueue_layout find_ring(const struct sl_vfio_user *vfio, uint32_t index)
{
	const struct sl_virtio_pci_queue *queue = &vfio->pci.queues[index];
	const uint64_t event_idx = 1ull << VIRTIO_RING_F_EVENT_IDX;

	return (struct sl_virtqueue_layout){
		.size = queue->size,
		.event_idx = (vfio->pci.driver_features & event_idx) != 0,
		.base = vfio->queues[index].ring.next_avail,
		.descriptors = find_part(&vfio->ram, queue->descriptors,
					 sl_virtqueue_descriptors_size(queue->size)),
		.available = find_part(&vfio->ram, queue->available,
				       sl_virtqueue_available_size(queue->size)),
		.used = find_part(&vfio->ram, queue->used, sl_virtqueue_used_size(queue->size)),
	};
}

/* Start what the driver has enabled, stop what may not run. A ring whose memory is taken away goes
 * on where it was when the memory comes back: a monitor replaces mappings in two steps. Returns
 * false if a ring is not in memory. */
static bool update_queues(struct sl_vfio_user *vfio)
{
	bool running = sl_virtio_pci_is_running(&vfio->pci);
	bool is_there = true;

	for (uint32_t i = 0; i < SL_VGPU_QUEUE_COUNT; i++) {
		struct sl_request_queue *queue = &vfio->queues[i];

		queue->enabled = running;
		if (running && vfio->pci.queues[i].enabled && !queue->ring.started) {
			const struct sl_virtqueue_layout layout = find_ring(vfio, i);

			is_there = sl_request_queue_start(queue, &layout) == 0 && is_there;
		}
		sl_request_queue_schedule(queue);
	}
	return is_there;
}

/* The driver has done something. */
static void on_update(void *data)
{
	struct sl_vfio_user *vfio = data;

	if (update_queues(vfio)) {
		return;
	}
	if (!vfio->misplaced) {
		vfio->misplaced = true;
		sl_log(SL_LOG_WARNING, "the guest's virtqueues are not in its memory: the device "
				       "needs a reset (said once)");
	}
	interrupt(vfio, sl_virtio_pci_raise_broken(&vfio->pci));
}

/* The memory table changed: what the rings pointed to may be elsewhere, or nowhere. */
static void move_rings(struct sl_vfio_user *vfio)
{
	for (uint32_t i = 0; i < SL_VGPU_QUEUE_COUNT; i++) {
		struct sl_request_queue *queue = &vfio->queues[i];

		if (queue->ring.started) {
			const struct sl_virtqueue_layout layout = find_ring(vfio, i);

			(void)sl_request_queue_move(queue, &layout);
		}
	}
	(void)update_queues(vfio);
}

/* The driver has given the device up. */
static void on_reset(void *data)
{
	struct sl_vfio_user *vfio = data;

	for (uint32_t i = 0; i < SL_VGPU_QUEUE_COUNT; i++) {
		struct sl_request_queue *queue = &vfio->queues[i];

		(void)sl_request_queue_stop(queue);
		queue->enabled = false;
		queue->ring.next_avail = 0;
		sl_request_queue_forget(queue);
	}
	vfio->irq_pending = 0;
	sl_vgpu_reset(vfio->vgpu);
}

static void on_notify(void *data, uint32_t queue)
{
	struct sl_vfio_user *vfio = data;

	/* The guest's processor stands still until its access is answered: that comes first. */
	sl_request_queue_schedule(&vfio->queues[queue]);
}

static uint64_t get_features(void *data)
{
	const struct sl_vfio_user *vfio = data;

	return sl_vgpu_get_features(vfio->vgpu) | 1ull << VIRTIO_F_VERSION_1 |
	       1ull << VIRTIO_RING_F_EVENT_IDX | 1ull << VIRTIO_RING_F_INDIRECT_DESC;
}

static void read_config(void *data, void *dst, size_t offset, size_t size)
{
	const struct sl_vfio_user *vfio = data;
	struct virtio_gpu_config config;

	sl_vgpu_get_config(vfio->vgpu, &config);
	if (size > 0) {
		memcpy(dst, (const uint8_t *)&config + offset, size);
	}
}

static uint32_t get_pending(void *data)
{
	const struct sl_vfio_user *vfio = data;

	return vfio->irq_pending;
}

static const struct sl_virtio_pci_ops pci_ops = {
	.get_features = get_features,
	.read_config = read_config,
	.reset = on_reset,
	.update = on_update,
	.notify = on_notify,
	.get_pending = get_pending,
};

static int init_queues(struct sl_vfio_user *vfio)
{
	int r = 0;

	for (uint32_t i = 0; i < SL_VGPU_QUEUE_COUNT && r >= 0; i++) {
		const struct sl_request_queue_options options = {
			.event = vfio->event,
			.vgpu = vfio->vgpu,
			.ram = &vfio->ram,
			.index = (enum sl_vgpu_queue)i,
			.ops = &queue_ops,
			.data = vfio,
		};

		r = sl_request_queue_init(&vfio->queues[i], &options);
	}
	return r;
}

/* Let the memory table have the window too, so that page lists can name it. */
static int add_window(struct sl_vfio_user *vfio)
{
	const struct sl_guest_ram_slot slot = {
		.guest_addr = SL_VFIO_USER_WINDOW_ADDR,
		.size = vfio->options.window_size,
		.user_addr = SL_VFIO_USER_WINDOW_ADDR,
	};

	if (vfio->window_fd < 0) {
		return 0;
	}
	int fd = fcntl(vfio->window_fd, F_DUPFD_CLOEXEC, 0);
	return fd < 0 ? -errno : sl_guest_ram_add(&vfio->ram, &slot, fd);
}

static int create_window(struct sl_vfio_user *vfio)
{
	vfio->window_fd = -1;
	if (vfio->options.window_size == 0) {
		return 0;
	}
	vfio->window_fd = sl_fd_create_memory("sluice-window", vfio->options.window_size);
	return vfio->window_fd < 0 ? vfio->window_fd : add_window(vfio);
}

int sl_vfio_user_init_device(struct sl_vfio_user *vfio)
{
	const uint64_t window_size = vfio->options.window_size;
	const struct sl_vgpu_options vgpu_options = {
		.max_host_bytes = vfio->options.max_host_bytes,
		.width = DEFAULT_WIDTH,
		.height = DEFAULT_HEIGHT,
		.has_blobs = true,
		.window = { .addr = SL_VFIO_USER_WINDOW_ADDR, .size = window_size },
		.frontend = &frontend_ops,
		.frontend_data = vfio,
	};
	const struct sl_virtio_pci_options pci_options = {
		.identity = { .vendor_id = VENDOR_ID,
			      .device_id = DEVICE_ID,
			      .subsystem_vendor_id = VENDOR_ID,
			      .subsystem_id = DEVICE_ID,
			      .class_code = CLASS_DISPLAY,
			      .revision = 1 },
		.queue_count = SL_VGPU_QUEUE_COUNT,
		.queue_max_size = SL_VIRTQUEUE_MAX_SIZE,
		.config_size = sizeof(struct virtio_gpu_config),
		.window_size = window_size,
		.window_id = VIRTIO_GPU_SHM_ID_HOST_VISIBLE,
		.ops = &pci_ops,
		.data = vfio,
	};

	for (uint32_t i = 0; i < SL_VIRTIO_PCI_VECTOR_COUNT; i++) {
		vfio->irq_fds[i] = -1;
	}
	sl_guest_ram_init(&vfio->ram);
	sl_virtio_pci_init(&vfio->pci, &pci_options);
	int r = create_window(vfio);
	if (r == 0) {
		r = sl_vgpu_create(&vfio->ram, &vgpu_options, &vfio->vgpu);
	}
	return r < 0 ? r : init_queues(vfio);
}

void sl_vfio_user_finish_device(struct sl_vfio_user *vfio)
{
	for (uint32_t i = 0; i < SL_VGPU_QUEUE_COUNT; i++) {
		sl_request_queue_finish(&vfio->queues[i]);
	}
	for (uint32_t i = 0; i < SL_VIRTIO_PCI_VECTOR_COUNT; i++) {
		sl_fd_close(vfio->irq_fds[i]);
	}
	sl_guest_ram_finish(&vfio->ram);
	sl_fd_close(vfio->window_fd);
}

void sl_vfio_user_reset_device(struct sl_vfio_user *vfio)
{
	sl_virtio_pci_reset(&vfio->pci);
}

static bool overlaps_hole(const struct sl_vfio_user *vfio, uint64_t address, uint64_t size)
{
	for (uint32_t i = 0; i < vfio->hole_count; i++) {
		const struct sl_guest_range *hole = &vfio->holes[i];

		if (address < hole->addr + hole->size && hole->addr < address + size) {
			return true;
		}
	}
	return false;
}

static int add_hole(struct sl_vfio_user *vfio, uint64_t address, uint64_t size)
{
	if (vfio->hole_count == SL_VFIO_USER_MAX_HOLES) {
		return -ENOSPC;
	}
	vfio->holes[vfio->hole_count++] = (struct sl_guest_range){ .addr = address, .size = size };
	return 0;
}

static int remove_hole(struct sl_vfio_user *vfio, uint64_t address, uint64_t size)
{
	for (uint32_t i = 0; i < vfio->hole_count; i++) {
		if (vfio->holes[i].addr == address && vfio->holes[i].size == size) {
			vfio->holes[i] = vfio->holes[--vfio->hole_count];
			return 0;
		}
	}
	return -ENOENT;
}

int sl_vfio_user_map(struct sl_vfio_user *vfio)
{
	const struct sl_vfio_user_dma_map *map = &vfio->payload.dma_map;
	const uint32_t both = SL_VFIO_USER_DMA_READ | SL_VFIO_USER_DMA_WRITE;
	const struct sl_guest_ram_slot slot = {
		.guest_addr = map->address,
		.size = map->size,
		.user_addr = map->address,
		.fd_offset = map->offset,
	};
	uint64_t end;

	if (vfio->fd_count > 1 || map->size == 0 ||
	    __builtin_add_overflow(map->address, map->size, &end)) {
		return -EINVAL;
	}
	if (overlaps_hole(vfio, map->address, map->size) ||
	    sl_guest_ram_overlaps(&vfio->ram, map->address, map->size)) {
		return -EEXIST;
	}
	if (vfio->fd_count == 0 || (map->flags & both) != both) {
		return add_hole(vfio, map->address, map->size);
	}
	int r = sl_guest_ram_add(&vfio->ram, &slot, sl_steal_fd(&vfio->fds[0]));
	if (r == 0) {
		(void)update_queues(vfio);
	}
	return r;
}

int sl_vfio_user_unmap(struct sl_vfio_user *vfio, struct sl_vfio_user_answer *answer)
{
	const struct sl_vfio_user_dma_unmap *unmap = &vfio->payload.dma_unmap;
	const struct sl_guest_ram_slot slot = {
		.guest_addr = unmap->address,
		.size = unmap->size,
		.user_addr = unmap->address,
	};
	int r = 0;

	if ((unmap->flags & SL_VFIO_USER_DMA_UNMAP_ALL) != 0) {
		sl_guest_ram_clear(&vfio->ram);
		vfio->hole_count = 0;
		r = add_window(vfio);
	} else if (unmap->address >= SL_VFIO_USER_WINDOW_ADDR) {
		return -ENOENT;
	} else {
		r = sl_guest_ram_remove(&vfio->ram, &slot);
		if (r < 0) {
			r = remove_hole(vfio, unmap->address, unmap->size);
		}
	}
	move_rings(vfio);
	answer->size = sizeof(*unmap);
	answer->payload.dma_unmap = *unmap;
	return r;
}

static bool is_window(const struct sl_vfio_user *vfio, uint32_t region)
{
	return region == SL_VIRTIO_PCI_BAR_WINDOW && vfio->window_fd >= 0;
}

/* All of it can be mapped. QEMU maps no region that does not say which part can be. */
static void describe_window(struct sl_vfio_user *vfio, struct sl_vfio_user_region_info *info,
			    struct sl_vfio_user_answer *answer)
{
	const uint32_t room = vfio->payload.region.info.argsz;

	info->flags |= VFIO_REGION_INFO_FLAG_MMAP | VFIO_REGION_INFO_FLAG_CAPS;
	info->argsz = sizeof(answer->payload.region);
	info->cap_offset = sizeof(*info);
	answer->payload.region.sparse = (struct sl_vfio_user_sparse){
		.id = VFIO_REGION_INFO_CAP_SPARSE_MMAP,
		.version = 1,
		.area_count = 1,
		.area_size = info->size,
	};
	/* Who has no room for it is told how much there is, and asks again. */
	answer->size = room < info->argsz ? sizeof(*info) : info->argsz;
	answer->fd = vfio->window_fd;
}

int sl_vfio_user_get_region_info(struct sl_vfio_user *vfio, struct sl_vfio_user_answer *answer)
{
	const uint32_t index = vfio->payload.region.info.index;
	struct sl_vfio_user_region_info info = { .argsz = sizeof(info), .index = index };

	if (index >= VFIO_PCI_NUM_REGIONS) {
		return -EINVAL;
	}
	if (index < SL_PCI_BAR_COUNT) {
		info.size = vfio->pci.config.bar_sizes[index];
	} else if (index == VFIO_PCI_CONFIG_REGION_INDEX) {
		info.size = SL_PCI_CONFIG_SIZE;
	}
	if (info.size > 0) {
		info.flags = VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE;
	}
	answer->size = sizeof(info);
	if (is_window(vfio, index)) {
		describe_window(vfio, &info, answer);
	}
	answer->payload.region.info = info;
	return 0;
}

static uint32_t irq_count(uint32_t index)
{
	return index == VFIO_PCI_MSIX_IRQ_INDEX ? SL_VIRTIO_PCI_VECTOR_COUNT : 0;
}

int sl_vfio_user_get_irq_info(struct sl_vfio_user *vfio, struct sl_vfio_user_answer *answer)
{
	const uint32_t index = vfio->payload.irq_info.index;

	if (index > VFIO_PCI_MSIX_IRQ_INDEX) {
		return -EINVAL;
	}
	answer->payload.irq_info = (struct sl_vfio_user_irq_info){
		.argsz = sizeof(answer->payload.irq_info),
		.flags = irq_count(index) > 0 ? VFIO_IRQ_INFO_EVENTFD : 0,
		.index = index,
		.count = irq_count(index),
	};
	answer->size = sizeof(answer->payload.irq_info);
	return 0;
}

static void set_irq_fd(struct sl_vfio_user *vfio, uint32_t vector, int fd)
{
	const uint32_t bit = 1u << vector;

	sl_fd_close(vfio->irq_fds[vector]);
	vfio->irq_fds[vector] = fd;
	if (fd >= 0 && (vfio->irq_pending & bit) != 0) {
		vfio->irq_pending &= ~bit;
		interrupt(vfio, vector);
	}
}

int sl_vfio_user_set_irqs(struct sl_vfio_user *vfio, size_t data_size)
{
	const struct sl_vfio_user_irq_set *set = &vfio->payload.irq.set;
	const uint8_t *wanted = vfio->payload.irq.data;
	const uint32_t all = irq_count(set->index);

	if (set->index > VFIO_PCI_MSIX_IRQ_INDEX || set->start > all ||
	    set->count > all - set->start) {
		return -EINVAL;
	}
	switch (set->flags) {
	case VFIO_IRQ_SET_ACTION_TRIGGER | VFIO_IRQ_SET_DATA_EVENTFD:
		if (vfio->fd_count != 0 && vfio->fd_count != set->count) {
			return -EINVAL;
		}
		for (uint32_t i = 0; i < set->count; i++) {
			set_irq_fd(vfio, set->start + i,
				   vfio->fd_count > 0 ? sl_steal_fd(&vfio->fds[i]) : -1);
		}
		return 0;
	case VFIO_IRQ_SET_ACTION_TRIGGER | VFIO_IRQ_SET_DATA_NONE:
		/* None of them: all are given up. */
		for (uint32_t i = 0; i < all && set->count == 0; i++) {
			set_irq_fd(vfio, i, -1);
		}
		for (uint32_t i = 0; i < set->count; i++) {
			interrupt(vfio, set->start + i);
		}
		return 0;
	case VFIO_IRQ_SET_ACTION_TRIGGER | VFIO_IRQ_SET_DATA_BOOL:
		if (data_size < set->count) {
			return -EINVAL;
		}
		for (uint32_t i = 0; i < set->count; i++) {
			if (wanted[i] != 0) {
				interrupt(vfio, set->start + i);
			}
		}
		return 0;
	default:
		return -EINVAL; /* message interrupts cannot be masked here */
	}
}

/* An access to the window by whoever did not map it. to or from is NULL. */
static int access_window(struct sl_vfio_user *vfio, const struct sl_vfio_user_access *access,
			 void *to, const void *from)
{
	const uint64_t size = vfio->options.window_size;
	const uint64_t addr = SL_VFIO_USER_WINDOW_ADDR + access->offset;

	if (access->offset > size || access->count > size - access->offset) {
		return -EINVAL;
	}
	return to != NULL ? sl_guest_ram_read(&vfio->ram, addr, to, access->count)
			  : sl_guest_ram_write(&vfio->ram, addr, from, access->count);
}

int sl_vfio_user_read(struct sl_vfio_user *vfio, struct sl_vfio_user_answer *answer)
{
	const struct sl_vfio_user_access access = vfio->payload.region_access.access;

	if (access.count > SL_VFIO_USER_MAX_DATA) {
		return -EINVAL;
	}
	uint8_t *data = answer->payload.region_access.data;
	int r = is_window(vfio, access.region)
			? access_window(vfio, &access, data, NULL)
			: sl_virtio_pci_read(&vfio->pci, access.region, access.offset, data,
					     access.count);
	answer->payload.region_access.access = access;
	answer->size = (uint32_t)sizeof(access) + access.count;
	return r;
}

int sl_vfio_user_write(struct sl_vfio_user *vfio, size_t data_size,
		       struct sl_vfio_user_answer *answer)
{
	const struct sl_vfio_user_access access = vfio->payload.region_access.access;

	if (access.count > SL_VFIO_USER_MAX_DATA || access.count > data_size) {
		return -EINVAL;
	}
	const uint8_t *data = vfio->payload.region_access.data;
	int r = is_window(vfio, access.region)
			? access_window(vfio, &access, NULL, data)
			: sl_virtio_pci_write(&vfio->pci, access.region, access.offset, data,
					      access.count);
	answer->payload.region_access.access = access;
	answer->size = sizeof(access);
	return r;
}
