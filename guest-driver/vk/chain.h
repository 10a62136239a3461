/* SPDX-License-Identifier: MIT */
/* Walking an application's pNext chain. */
#ifndef SL_GUEST_DRIVER_VK_CHAIN_H
#define SL_GUEST_DRIVER_VK_CHAIN_H

#include <stddef.h>
#include <vulkan/vulkan_core.h>

/* The first struct of the chain with this type, or NULL. */
static inline const void *sl_chain_find(const void *next, VkStructureType type)
{
	for (const VkBaseInStructure *at = next; at != NULL; at = at->pNext) {
		if (at->sType == type) {
			return at;
		}
	}
	return NULL;
}

#endif
