/* SPDX-License-Identifier: MIT */
/* Device memory: imported guest pages, shadows of guest pages, and the host's own, cleared. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host/replay/clear.h"
#include "host/replay/replay_priv.h"

struct sl_replay_memory {
	VkDeviceMemory handle;
	enum sl_memory_kind kind;
	uint32_t region_id;    /* 0: none is held */
	uint64_t counted_size; /* bytes in the statistics */
	uint64_t charged_size; /* bytes of the guest's quota */
	uint32_t heap_index;   /* of the host's */
	uint64_t clear_number; /* 0: not cleared by the GPU */
	bool is_incoherent;    /* a shadow whose host mapping needs flushes */
	struct sl_shadow shadow;
	struct sl_replay_memory *prev; /* shadows of the device */
	struct sl_replay_memory *next;
};

struct allocation {
	struct sl_replay *replay;
	struct sl_replay_device *device;
	VkMemoryAllocateInfo info;
	VkMemoryPropertyFlags host_flags;
	bool is_dedicated; /* to a resource whose memory must be */
	void *region;
	size_t region_size;
};

static _Atomic uint64_t *size_counter(struct sl_replay *replay, enum sl_memory_kind kind)
{
	return kind == SL_MEMORY_IMPORT ? &replay->options.stats->shared_memory_bytes
					: &replay->options.stats->device_memory_bytes;
}

static void link_shadow(struct sl_replay_device *device, struct sl_replay_memory *memory)
{
	pthread_mutex_lock(&device->shadow_lock);
	memory->next = device->shadows;
	if (memory->next != NULL) {
		memory->next->prev = memory;
	}
	device->shadows = memory;
	atomic_fetch_add_explicit(&device->shadow_count, 1, memory_order_relaxed);
	pthread_mutex_unlock(&device->shadow_lock);
}

static void unlink_shadow(struct sl_replay_device *device, struct sl_replay_memory *memory)
{
	pthread_mutex_lock(&device->shadow_lock);
	if (memory->next != NULL) {
		memory->next->prev = memory->prev;
	}
	if (memory->prev != NULL) {
		memory->prev->next = memory->next;
	} else {
		device->shadows = memory->next;
	}
	atomic_fetch_sub_explicit(&device->shadow_count, 1, memory_order_relaxed);
	pthread_mutex_unlock(&device->shadow_lock);
}

/* What the host allocates counts against the guest's quota; its own pages do not.
 * Returns 0 or -ENOMEM. */
static int charge(struct sl_replay_device *device, struct sl_replay_memory *memory, uint64_t size)
{
	const struct sl_replay_options *options = &device->replay->options;

	if (memory->kind == SL_MEMORY_IMPORT) {
		return 0;
	}
	int r = sl_quota_charge(options->quota, options->quota_slot, size);

	if (r == 0) {
		memory->charged_size = size;
		device->physical->heap_used[memory->heap_index] += size;
	}
	return r;
}

static void uncharge(struct sl_replay_device *device, struct sl_replay_memory *memory)
{
	const struct sl_replay_options *options = &device->replay->options;

	sl_quota_uncharge(options->quota, options->quota_slot, memory->charged_size);
	device->physical->heap_used[memory->heap_index] -= memory->charged_size;
}

static void destroy_memory(struct sl_replay_device *device, struct sl_replay_memory *memory)
{
	struct sl_replay *replay = device->replay;

	if (memory->shadow.base != NULL) {
		unlink_shadow(device, memory);
		free(memory->shadow.base);
	}
	if (memory->clear_number != 0) {
		sl_clear_stop(device->clear, memory->clear_number);
	}
	if (memory->handle != VK_NULL_HANDLE) {
		device->vkd.FreeMemory(device->handle, memory->handle, NULL);
	}
	if (memory->region_id != 0) {
		replay->options.link.release_region(replay->options.link.data, memory->region_id);
	}
	sl_stats_sub(size_counter(replay, memory->kind), memory->counted_size);
	uncharge(device, memory);
	free(memory);
}

void sl_replay_device_free_memories(struct sl_replay_device *device)
{
	uint64_t handle;
	struct sl_replay_memory *memory;

	while ((memory = sl_handle_map_any(&device->memories, &handle)) != NULL) {
		sl_handle_map_remove(&device->memories, handle);
		destroy_memory(device, memory);
	}
}

static VkResult map_whole(struct sl_replay_device *device, const struct sl_replay_memory *memory,
			  void **ret_data)
{
	return device->vkd.MapMemory(device->handle, memory->handle, 0, VK_WHOLE_SIZE, 0, ret_data);
}

static void flush(struct sl_replay_device *device, const struct sl_replay_memory *memory)
{
	const VkMappedMemoryRange range = {
		.sType = VK_STRUCTURE_TYPE_MAPPED_MEMORY_RANGE,
		.memory = memory->handle,
		.size = VK_WHOLE_SIZE,
	};

	device->vkd.FlushMappedMemoryRanges(device->handle, 1, &range);
}

static void invalidate(struct sl_replay_device *device, const struct sl_replay_memory *memory)
{
	const VkMappedMemoryRange range = {
		.sType = VK_STRUCTURE_TYPE_MAPPED_MEMORY_RANGE,
		.memory = memory->handle,
		.size = VK_WHOLE_SIZE,
	};

	device->vkd.InvalidateMappedMemoryRanges(device->handle, 1, &range);
}

void sl_replay_shadows_to_host(struct sl_replay_device *device)
{
	/* Only this thread adds shadows. */
	if (atomic_load_explicit(&device->shadow_count, memory_order_relaxed) == 0) {
		return;
	}
	pthread_mutex_lock(&device->shadow_lock);
	for (struct sl_replay_memory *at = device->shadows; at != NULL; at = at->next) {
		if (sl_shadow_to_host(&at->shadow) > 0 && at->is_incoherent) {
			flush(device, at);
		}
	}
	pthread_mutex_unlock(&device->shadow_lock);
}

void sl_replay_shadows_to_guest(struct sl_replay_device *device)
{
	/* What the completed work could write was allocated before it was submitted. */
	if (atomic_load_explicit(&device->shadow_count, memory_order_relaxed) == 0) {
		return;
	}
	pthread_mutex_lock(&device->shadow_lock);
	for (struct sl_replay_memory *at = device->shadows; at != NULL; at = at->next) {
		if (at->is_incoherent) {
			invalidate(device, at);
		}
		sl_shadow_to_guest(&at->shadow);
	}
	pthread_mutex_unlock(&device->shadow_lock);
}

/* True if the driver insists on memory of its own for the resource. */
static bool must_be_dedicated(struct sl_replay_device *device,
			      const VkMemoryDedicatedAllocateInfo *info)
{
	VkMemoryDedicatedRequirements dedicated = {
		.sType = VK_STRUCTURE_TYPE_MEMORY_DEDICATED_REQUIREMENTS,
	};
	VkMemoryRequirements2 needs = {
		.sType = VK_STRUCTURE_TYPE_MEMORY_REQUIREMENTS_2,
		.pNext = &dedicated,
	};
	const VkImageMemoryRequirementsInfo2 image = {
		.sType = VK_STRUCTURE_TYPE_IMAGE_MEMORY_REQUIREMENTS_INFO_2,
		.image = info->image,
	};
	const VkBufferMemoryRequirementsInfo2 buffer = {
		.sType = VK_STRUCTURE_TYPE_BUFFER_MEMORY_REQUIREMENTS_INFO_2,
		.buffer = info->buffer,
	};

	if (info->image != VK_NULL_HANDLE) {
		device->vkd.GetImageMemoryRequirements2(device->handle, &image, &needs);
	} else if (info->buffer != VK_NULL_HANDLE) {
		device->vkd.GetBufferMemoryRequirements2(device->handle, &buffer, &needs);
	}
	return dedicated.requiresDedicatedAllocation == VK_TRUE;
}

/* Imported pages have their own size, and the GPU clears memory by binding a buffer to it: such
 * memory cannot be dedicated to a resource. Nearly always that is only advice. */
static void drop_dedication(struct allocation *allocation, enum sl_memory_kind kind)
{
	const VkMemoryDedicatedAllocateInfo *info = sl_chain_find(
		allocation->info.pNext, VK_STRUCTURE_TYPE_MEMORY_DEDICATED_ALLOCATE_INFO);
	bool is_mappable = (allocation->host_flags & VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT) != 0;

	if (info == NULL || (kind != SL_MEMORY_IMPORT && is_mappable)) {
		return;
	}
	if (must_be_dedicated(allocation->device, info)) {
		allocation->is_dedicated = true;
		return;
	}
	allocation->info.pNext = sl_chain_remove(allocation->info.pNext,
						 VK_STRUCTURE_TYPE_MEMORY_DEDICATED_ALLOCATE_INFO);
}

static VkResult import_pages(struct allocation *allocation, struct sl_replay_memory *memory)
{
	struct sl_replay_device *device = allocation->device;
	VkDeviceSize alignment = device->physical->gpu->import_alignment;
	const VkImportMemoryHostPointerInfoEXT import = {
		.sType = VK_STRUCTURE_TYPE_IMPORT_MEMORY_HOST_POINTER_INFO_EXT,
		.pNext = allocation->info.pNext,
		.handleType = VK_EXTERNAL_MEMORY_HANDLE_TYPE_HOST_ALLOCATION_BIT_EXT,
		.pHostPointer = allocation->region,
	};

	VkMemoryAllocateInfo info = allocation->info;

	info.pNext = &import;
	info.allocationSize = (info.allocationSize + alignment - 1) & ~(alignment - 1);
	allocation->info.allocationSize = info.allocationSize;
	VkResult result = device->vkd.AllocateMemory(device->handle, &info, NULL, &memory->handle);

	/* The guest knows nothing of an import. */
	return result == VK_ERROR_INVALID_EXTERNAL_HANDLE ? VK_ERROR_OUT_OF_HOST_MEMORY : result;
}

static VkResult allocate_shadow(struct allocation *allocation, struct sl_replay_memory *memory)
{
	struct sl_replay_device *device = allocation->device;
	size_t size = allocation->info.allocationSize;
	void *mapped = NULL;
	VkResult result = device->vkd.AllocateMemory(device->handle, &allocation->info, NULL,
						     &memory->handle);

	if (result != VK_SUCCESS) {
		return result;
	}
	result = map_whole(device, memory, &mapped);
	if (result != VK_SUCCESS) {
		return result;
	}
	memset(mapped, 0, size);
	memory->shadow = (struct sl_shadow){
		.guest = allocation->region,
		.host = mapped,
		.base = calloc(1, size),
		.size = size,
	};
	if (memory->shadow.base == NULL) {
		return VK_ERROR_OUT_OF_HOST_MEMORY;
	}
	memory->is_incoherent =
		(allocation->host_flags & VK_MEMORY_PROPERTY_HOST_COHERENT_BIT) == 0;
	if (memory->is_incoherent) {
		flush(device, memory);
	}
	link_shadow(device, memory);
	return VK_SUCCESS;
}

static VkResult allocate_cleared(struct allocation *allocation, struct sl_replay_memory *memory)
{
	struct sl_replay_device *device = allocation->device;
	void *mapped = NULL;
	VkResult result;

	bool is_mappable = (allocation->host_flags & VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT) != 0;

	/* Lazily allocated memory holds nothing from one render pass to the next; to dedicated
	 * memory no buffer can be bound that would clear it. */
	if ((allocation->host_flags & VK_MEMORY_PROPERTY_LAZILY_ALLOCATED_BIT) != 0 ||
	    (allocation->is_dedicated && !is_mappable)) {
		return device->vkd.AllocateMemory(device->handle, &allocation->info, NULL,
						  &memory->handle);
	}
	if (!is_mappable) {
		return sl_clear_allocate(device->clear, &allocation->info, &memory->handle,
					 &memory->clear_number);
	}
	result = device->vkd.AllocateMemory(device->handle, &allocation->info, NULL,
					    &memory->handle);
	if (result != VK_SUCCESS) {
		return result;
	}
	result = map_whole(device, memory, &mapped);
	if (result != VK_SUCCESS) {
		return result;
	}
	memset(mapped, 0, allocation->info.allocationSize);
	if ((allocation->host_flags & VK_MEMORY_PROPERTY_HOST_COHERENT_BIT) == 0) {
		flush(device, memory);
	}
	device->vkd.UnmapMemory(device->handle, memory->handle);
	return VK_SUCCESS;
}

/* Find the region's pages and keep them. Returns 0, -ENOMEM (past a limit) or -EBADMSG. */
static int hold_region(struct allocation *allocation, uint32_t region_id,
		       struct sl_replay_memory *memory)
{
	struct sl_replay *replay = allocation->replay;
	VkDeviceSize page = (VkDeviceSize)sysconf(_SC_PAGESIZE);
	VkDeviceSize size = allocation->info.allocationSize;
	int r = replay->options.link.hold_region(replay->options.link.data, region_id,
						 &allocation->region, &allocation->region_size);

	if (r == -ENOMEM) {
		return r;
	}
	if (r < 0) {
		return sl_replay_fail(replay, "no region %u", region_id);
	}
	memory->region_id = region_id;
	if (size > allocation->region_size ||
	    (size + page - 1) / page * page > allocation->region_size) {
		return sl_replay_fail(replay, "%llu bytes of a region of %zu",
				      (unsigned long long)size, allocation->region_size);
	}
	return 0;
}

static VkResult allocate(struct allocation *allocation, struct sl_replay_memory *memory)
{
	VkResult result;

	if (charge(allocation->device, memory, allocation->info.allocationSize) < 0) {
		return VK_ERROR_OUT_OF_DEVICE_MEMORY;
	}
	allocation->info.pNext = sl_chain_remove(allocation->info.pNext,
						 VK_STRUCTURE_TYPE_EXPORT_MEMORY_ALLOCATE_INFO);
	drop_dedication(allocation, memory->kind);
	switch (memory->kind) {
	case SL_MEMORY_IMPORT:
		result = import_pages(allocation, memory);
		break;
	case SL_MEMORY_SHADOW:
		result = allocate_shadow(allocation, memory);
		break;
	default:
		result = allocate_cleared(allocation, memory);
		break;
	}
	if (result != VK_SUCCESS) {
		return result;
	}
	if (sl_handle_map_put(&allocation->device->memories, (uint64_t)(uintptr_t)memory->handle,
			      memory) < 0) {
		return VK_ERROR_OUT_OF_HOST_MEMORY;
	}
	memory->counted_size = allocation->info.allocationSize;
	sl_stats_add(size_counter(allocation->replay, memory->kind), memory->counted_size);
	return VK_SUCCESS;
}

int sl_replay_slAllocateMemory(struct sl_replay *replay, struct sl_slAllocateMemory *args)
{
	struct sl_replay_device *device = sl_replay_device_of(args->self);
	const struct sl_memory_types *types = &device->physical->memory_types;
	uint32_t guest_index = args->pAllocateInfo->memoryTypeIndex;
	struct allocation allocation = {
		.replay = replay,
		.device = device,
		.info = *args->pAllocateInfo,
	};

	if (guest_index >= types->guest.memoryTypeCount) {
		return sl_replay_fail(replay, "no memory type %u", guest_index);
	}
	const struct sl_memory_type *type = &types->types[guest_index];

	if ((type->kind == SL_MEMORY_HOST) != (args->regionId == 0)) {
		return sl_replay_fail(replay, "memory type %u with region %u", guest_index,
				      args->regionId);
	}
	allocation.info.memoryTypeIndex = type->host_index;
	allocation.host_flags = types->host.memoryTypes[type->host_index].propertyFlags;

	struct sl_replay_memory *memory = calloc(1, sizeof(*memory));
	int r = 0;

	if (memory == NULL) {
		args->ret = VK_ERROR_OUT_OF_HOST_MEMORY;
		return 0;
	}
	memory->kind = type->kind;
	memory->heap_index = types->host.memoryTypes[type->host_index].heapIndex;
	if (args->regionId != 0) {
		r = hold_region(&allocation, args->regionId, memory);
	}
	args->ret = r < 0 ? VK_ERROR_OUT_OF_HOST_MEMORY : allocate(&allocation, memory);
	if (args->ret != VK_SUCCESS) {
		destroy_memory(device, memory);
		return r == -EBADMSG ? r : 0;
	}
	*args->pMemory = memory->handle;
	return 0;
}

int sl_replay_vkFreeMemory(struct sl_replay *replay, struct sl_vkFreeMemory *args)
{
	struct sl_replay_device *device = sl_replay_device_of(args->self);
	struct sl_replay_memory *memory =
		sl_handle_map_remove(&device->memories, (uint64_t)(uintptr_t)args->memory);

	(void)replay;
	if (memory != NULL) {
		destroy_memory(device, memory);
	}
	return 0;
}

int sl_replay_slReleaseRegion(struct sl_replay *replay, struct sl_slReleaseRegion *args)
{
	if (replay->options.link.forget_region(replay->options.link.data, args->regionId) < 0) {
		return sl_replay_fail(replay, "no region %u", args->regionId);
	}
	return 0;
}
