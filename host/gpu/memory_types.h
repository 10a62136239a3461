/* SPDX-License-Identifier: MIT */
/* The memory types a guest sees, and the host types behind them.
 *
 * A guest's host-visible memory is its own pages, which the host driver imports or, where it
 * cannot, which are copied at each submission (a shadow). What a guest never maps is allocated by
 * the host. So each guest type is one of three kinds:
 *
 *	SL_MEMORY_HOST    not HOST_VISIBLE for the guest; the host allocates
 *	SL_MEMORY_IMPORT  HOST_VISIBLE; guest pages, imported; only for resources that were created
 *	                  with VkExternalMemory*CreateInfo
 *	SL_MEMORY_SHADOW  HOST_VISIBLE; guest pages, and host memory that mirrors them
 *
 * A host type which is both DEVICE_LOCAL and HOST_VISIBLE on a device with nothing else
 * (lavapipe, integrated GPUs) appears as HOST and as one of the others, so that images do not
 * consume guest memory. Pure: no Vulkan call is made here. */
#ifndef SL_HOST_GPU_MEMORY_TYPES_H
#define SL_HOST_GPU_MEMORY_TYPES_H

#include <stdbool.h>
#include <stdint.h>
#include <vulkan/vulkan_core.h>

enum sl_memory_kind {
	SL_MEMORY_HOST = 1u << 0,
	SL_MEMORY_IMPORT = 1u << 1,
	SL_MEMORY_SHADOW = 1u << 2,
};

struct sl_memory_type {
	uint32_t host_index; /* into the host's memoryTypes */
	enum sl_memory_kind kind;
};

struct sl_memory_types {
	VkPhysicalDeviceMemoryProperties guest; /* what the guest sees */
	VkPhysicalDeviceMemoryProperties host;
	struct sl_memory_type types[VK_MAX_MEMORY_TYPES]; /* by guest index */
};

/* importable: bits of the host types that VK_EXT_external_memory_host can import ordinary pages
 * as; 0 makes every host-visible type a shadow. */
void sl_memory_types_init(struct sl_memory_types *types,
			  const VkPhysicalDeviceMemoryProperties *host, uint32_t importable);

/* The memoryTypeBits a guest sees, of what the host driver says about a resource which may be
 * bound to memory of these kinds (enum sl_memory_kind, any of them). */
uint32_t sl_memory_types_to_guest(const struct sl_memory_types *types, uint32_t host_bits,
				  unsigned int kinds);

/* The host types behind a set of guest types. Bits past the guest's type count are ignored. */
uint32_t sl_memory_types_to_host(const struct sl_memory_types *types, uint32_t guest_bits);

/* True if memory of the guest's type may be mapped by the host driver (to clear it). */
bool sl_memory_types_host_can_map(const struct sl_memory_types *types, uint32_t guest_index);

#endif
