/* SPDX-License-Identifier: MIT */
/* Derives a guest's memory types from the host's. */
#include "host/gpu/memory_types.h"

#include <string.h>

#define CPU_FLAGS                                                                     \
	(VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT | VK_MEMORY_PROPERTY_HOST_COHERENT_BIT | \
	 VK_MEMORY_PROPERTY_HOST_CACHED_BIT)
#define COHERENT (VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT | VK_MEMORY_PROPERTY_HOST_COHERENT_BIT)

struct list {
	VkMemoryType types[2 * VK_MAX_MEMORY_TYPES];
	struct sl_memory_type map[2 * VK_MAX_MEMORY_TYPES];
	uint32_t count;
};

static bool has_flags(VkMemoryPropertyFlags flags, VkMemoryPropertyFlags all)
{
	return (flags & all) == all;
}

static void add(struct list *list, const VkMemoryType *host, uint32_t host_index,
		enum sl_memory_kind kind)
{
	VkMemoryPropertyFlags flags = host->propertyFlags;

	if (kind == SL_MEMORY_HOST) {
		flags &= ~CPU_FLAGS;
	} else if (kind == SL_MEMORY_SHADOW) {
		flags |= COHERENT; /* the guest maps its own pages, whatever the host type is */
	}
	list->types[list->count] = (VkMemoryType){ flags, host->heapIndex };
	list->map[list->count] = (struct sl_memory_type){ host_index, kind };
	list->count++;
}

/* Types that work only with what Sluice does not carry. */
static bool is_unusable(const VkMemoryType *type)
{
	return (type->propertyFlags & VK_MEMORY_PROPERTY_PROTECTED_BIT) != 0;
}

/* Memory that the device reaches fast and the CPU does not: where it exists, nobody needs a
 * host-allocated twin of a type that is both. */
static bool is_pure_device_local(const VkMemoryType *type)
{
	return has_flags(type->propertyFlags, VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT) &&
	       (type->propertyFlags &
		(VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT | VK_MEMORY_PROPERTY_LAZILY_ALLOCATED_BIT |
		 VK_MEMORY_PROPERTY_PROTECTED_BIT)) == 0;
}

static bool has_twin(const struct list *list, const VkMemoryType *host)
{
	for (uint32_t i = 0; i < list->count; i++) {
		if (list->map[i].kind == SL_MEMORY_HOST &&
		    list->types[i].heapIndex == host->heapIndex &&
		    list->types[i].propertyFlags == (host->propertyFlags & ~CPU_FLAGS)) {
			return true;
		}
	}
	return false;
}

static bool is_unified(const VkPhysicalDeviceMemoryProperties *host)
{
	for (uint32_t i = 0; i < host->memoryTypeCount; i++) {
		if (is_pure_device_local(&host->memoryTypes[i])) {
			return false;
		}
	}
	return true;
}

static void add_host_types(struct list *list, const VkPhysicalDeviceMemoryProperties *host)
{
	bool need_twins = is_unified(host);

	for (uint32_t i = 0; i < host->memoryTypeCount; i++) {
		const VkMemoryType *type = &host->memoryTypes[i];
		bool visible = has_flags(type->propertyFlags, VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT);
		bool local = has_flags(type->propertyFlags, VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT);

		if (is_unusable(type)) {
			continue;
		}
		if (!visible || (local && need_twins && !has_twin(list, type))) {
			add(list, type, i, SL_MEMORY_HOST);
		}
	}
}

/* Guest pages are coherent, and the guest driver flushes nothing: a host type that needs flushes
 * cannot be imported. */
static uint32_t coherent_types(const VkPhysicalDeviceMemoryProperties *host, uint32_t candidates)
{
	uint32_t bits = 0;

	for (uint32_t i = 0; i < host->memoryTypeCount; i++) {
		if ((candidates >> i & 1) != 0 && !is_unusable(&host->memoryTypes[i]) &&
		    has_flags(host->memoryTypes[i].propertyFlags, COHERENT)) {
			bits |= 1u << i;
		}
	}
	return bits;
}

/* A window into a discrete GPU's own memory makes a bad shadow: reading it back is very slow. */
static bool is_good_shadow(const VkPhysicalDeviceMemoryProperties *host, uint32_t index)
{
	const VkMemoryType *type = &host->memoryTypes[index];

	return has_flags(type->propertyFlags, VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT) &&
	       !is_unusable(type) &&
	       (is_unified(host) ||
		!has_flags(type->propertyFlags, VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT));
}

static void add_visible_types(struct list *list, const VkPhysicalDeviceMemoryProperties *host,
			      uint32_t importable)
{
	bool have_shadow = false;

	importable = coherent_types(host, importable);
	for (uint32_t i = 0; i < host->memoryTypeCount; i++) {
		if ((importable >> i & 1) != 0) {
			add(list, &host->memoryTypes[i], i, SL_MEMORY_IMPORT);
		}
	}
	/* Behind the imported types, so that nobody takes a shadow who has the choice. With
	 * imports one shadow is enough: it serves resources that must not be imported. */
	for (uint32_t i = 0; i < host->memoryTypeCount; i++) {
		if (importable == 0 ? is_good_shadow(host, i)
				    : !have_shadow && (importable >> i & 1) != 0) {
			add(list, &host->memoryTypes[i], i, SL_MEMORY_SHADOW);
			have_shadow = true;
		}
	}
}

static bool is_strict_subset(VkMemoryPropertyFlags a, VkMemoryPropertyFlags b)
{
	return a != b && (a & b) == a;
}

/* The order that the specification asks for ("Device Memory"): a type whose flags are a strict
 * subset of another's comes first; else the order of the list. */
static uint32_t next_in_order(const struct list *list, const bool *taken)
{
	for (uint32_t i = 0; i < list->count; i++) {
		bool first = !taken[i];

		for (uint32_t j = 0; j < list->count && first; j++) {
			first = taken[j] || !is_strict_subset(list->types[j].propertyFlags,
							      list->types[i].propertyFlags);
		}
		if (first) {
			return i;
		}
	}
	return UINT32_MAX;
}

void sl_memory_types_init(struct sl_memory_types *types,
			  const VkPhysicalDeviceMemoryProperties *host, uint32_t importable)
{
	struct list list = { 0 };
	bool taken[2 * VK_MAX_MEMORY_TYPES] = { false };

	add_host_types(&list, host);
	add_visible_types(&list, host, importable);

	memset(types, 0, sizeof(*types));
	types->host = *host;
	types->guest.memoryHeapCount = host->memoryHeapCount;
	memcpy(types->guest.memoryHeaps, host->memoryHeaps, sizeof(host->memoryHeaps));
	/* Types past the 32nd are left out; no driver is near that. */
	for (uint32_t count = 0; count < list.count && count < VK_MAX_MEMORY_TYPES; count++) {
		uint32_t next = next_in_order(&list, taken);

		taken[next] = true;
		types->guest.memoryTypes[count] = list.types[next];
		types->types[count] = list.map[next];
		types->guest.memoryTypeCount = count + 1;
	}
}

uint32_t sl_memory_types_to_guest(const struct sl_memory_types *types, uint32_t host_bits,
				  unsigned int kinds)
{
	uint32_t bits = 0;

	for (uint32_t i = 0; i < types->guest.memoryTypeCount; i++) {
		const struct sl_memory_type *type = &types->types[i];

		if ((host_bits >> type->host_index & 1) != 0 && (type->kind & kinds) != 0) {
			bits |= 1u << i;
		}
	}
	return bits;
}

uint32_t sl_memory_types_to_host(const struct sl_memory_types *types, uint32_t guest_bits)
{
	uint32_t bits = 0;

	for (uint32_t i = 0; i < types->guest.memoryTypeCount; i++) {
		if ((guest_bits >> i & 1) != 0) {
			bits |= 1u << types->types[i].host_index;
		}
	}
	return bits;
}

bool sl_memory_types_host_can_map(const struct sl_memory_types *types, uint32_t guest_index)
{
	const VkMemoryType *type = &types->host.memoryTypes[types->types[guest_index].host_index];

	return has_flags(type->propertyFlags, VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT);
}
