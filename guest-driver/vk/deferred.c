/* SPDX-License-Identifier: MIT */
/* VK_KHR_deferred_host_operations: commands that could be deferred are not, so an operation is
 * always complete. */
#include "guest-driver/vk/object.h"
#include "protocol/sl_entries.h"

VKAPI_ATTR VkResult VKAPI_CALL
sl_vkCreateDeferredOperationKHR(VkDevice device, const VkAllocationCallbacks *pAllocator,
				VkDeferredOperationKHR *pDeferredOperation)
{
	struct sl_guest_object *operation = sl_guest_object_create(
		SL_GUEST_OBJECT(device), VK_OBJECT_TYPE_DEFERRED_OPERATION_KHR, sizeof(*operation));

	*pDeferredOperation = (VkDeferredOperationKHR)(uintptr_t)operation;
	return operation != NULL ? VK_SUCCESS : VK_ERROR_OUT_OF_HOST_MEMORY;
}

VKAPI_ATTR void VKAPI_CALL sl_vkDestroyDeferredOperationKHR(VkDevice device,
							    VkDeferredOperationKHR operation,
							    const VkAllocationCallbacks *pAllocator)
{
	sl_guest_object_destroy(SL_GUEST_OBJECT(operation));
}

VKAPI_ATTR uint32_t VKAPI_CALL
sl_vkGetDeferredOperationMaxConcurrencyKHR(VkDevice device, VkDeferredOperationKHR operation)
{
	return 0;
}

VKAPI_ATTR VkResult VKAPI_CALL sl_vkGetDeferredOperationResultKHR(VkDevice device,
								  VkDeferredOperationKHR operation)
{
	return VK_SUCCESS;
}

VKAPI_ATTR VkResult VKAPI_CALL sl_vkDeferredOperationJoinKHR(VkDevice device,
							     VkDeferredOperationKHR operation)
{
	return VK_SUCCESS;
}
