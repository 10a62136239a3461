/* SPDX-License-Identifier: MIT */
/* vkCreateInstance connects to the host; what comes before it is answered without a host. */
#include "guest-driver/vk/instance.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "guest-driver/vk/message.h"
#include "guest-driver/vk/physical_device.h"
#include "guest-driver/vk/result.h"
#include "protocol/sl_entries.h"

static struct sl_extension_set get_offered_extensions(void)
{
	struct sl_extension_set offered = { 0 };

	for (uint32_t i = 0; i < SL_EXTENSION_COUNT; i++) {
		if (!sl_extension_list[i].is_device && sl_extension_list[i].is_guest) {
			sl_extension_set_add(&offered, i);
		}
	}
	return offered;
}

VkResult sl_instance_add_extensions(uint32_t count, const char *const *names,
				    const struct sl_extension_set *offered,
				    struct sl_extension_set *set)
{
	for (uint32_t i = 0; i < count; i++) {
		int index = sl_extension_index(names[i]);
		if (index < 0 || !sl_extension_set_has(offered, (uint32_t)index)) {
			return VK_ERROR_EXTENSION_NOT_PRESENT;
		}
		sl_extension_set_add(set, (uint32_t)index);
	}
	return VK_SUCCESS;
}

VkResult sl_instance_list_extensions(const struct sl_extension_set *set,
				     const uint32_t *spec_versions, uint32_t *count,
				     VkExtensionProperties *properties)
{
	uint32_t capacity = properties != NULL ? *count : UINT32_MAX;
	uint32_t found = 0;

	for (uint32_t i = 0; i < SL_EXTENSION_COUNT; i++) {
		if (!sl_extension_set_has(set, i)) {
			continue;
		}
		if (found == capacity) {
			*count = found;
			return VK_INCOMPLETE;
		}
		if (properties != NULL) {
			const struct sl_extension *extension = &sl_extension_list[i];
			VkExtensionProperties *out = &properties[found];
			*out = (VkExtensionProperties){ .specVersion = extension->spec_version };
			strncpy(out->extensionName, extension->name,
				sizeof(out->extensionName) - 1);
			if (spec_versions != NULL && spec_versions[i] < out->specVersion) {
				out->specVersion = spec_versions[i];
			}
		}
		found++;
	}
	*count = found;
	return VK_SUCCESS;
}

VKAPI_ATTR VkResult VKAPI_CALL sl_vkEnumerateInstanceVersion(uint32_t *pApiVersion)
{
	*pApiVersion = SL_API_VERSION;
	return VK_SUCCESS;
}

VKAPI_ATTR VkResult VKAPI_CALL sl_vkEnumerateInstanceExtensionProperties(
	const char *pLayerName, uint32_t *pPropertyCount, VkExtensionProperties *pProperties)
{
	struct sl_extension_set offered = get_offered_extensions();

	if (pLayerName != NULL) {
		return VK_ERROR_LAYER_NOT_PRESENT;
	}
	return sl_instance_list_extensions(&offered, NULL, pPropertyCount, pProperties);
}

VKAPI_ATTR VkResult VKAPI_CALL sl_vkEnumerateInstanceLayerProperties(uint32_t *pPropertyCount,
								     VkLayerProperties *pProperties)
{
	*pPropertyCount = 0;
	return VK_SUCCESS;
}

/* The host's layers are its own business, and so are portability and extensions that only this
 * end has. */
static VkResult ask_host(struct sl_instance *instance, const VkInstanceCreateInfo *info)
{
	VkInstance handle = (VkInstance)instance;
	const char *names[SL_EXTENSION_COUNT];
	VkInstanceCreateInfo host_info = *info;
	struct sl_vkCreateInstance args = { .pCreateInfo = &host_info, .pInstance = &handle };

	host_info.flags = 0;
	host_info.enabledLayerCount = 0;
	host_info.enabledExtensionCount = 0;
	host_info.ppEnabledExtensionNames = names;
	for (uint32_t i = 0; i < SL_EXTENSION_COUNT; i++) {
		const char *name = sl_extension_list[i].name;
		if (sl_extension_set_has(&instance->extensions, i) &&
		    sl_guest_link_has_extension(instance->base.context->link, name)) {
			names[host_info.enabledExtensionCount++] = name;
		}
	}
	int r = SL_MESSAGE_ASK(&instance->base, vkCreateInstance, &args);
	return r < 0 ? SL_VK_RESULT(vkCreateInstance, r) : args.ret;
}

static void destroy_instance(struct sl_instance *instance)
{
	struct sl_context *context = instance->base.context;

	for (uint32_t i = 0; i < SL_MAX_PHYSICAL_DEVICES; i++) {
		sl_physical_device_destroy(instance->physical_devices[i]);
	}
	pthread_mutex_destroy(&instance->lock);
	sl_guest_object_destroy(instance);
	sl_context_destroy(context);
}

static VkResult create_instance(struct sl_context *context, const VkInstanceCreateInfo *info,
				const struct sl_extension_set *extensions,
				struct sl_instance **ret_instance)
{
	struct sl_instance *instance =
		sl_guest_object_create_in(context, VK_OBJECT_TYPE_INSTANCE, sizeof(*instance));

	if (instance == NULL) {
		sl_context_destroy(context);
		return VK_ERROR_OUT_OF_HOST_MEMORY;
	}
	pthread_mutex_init(&instance->lock, NULL);
	instance->extensions = *extensions;
	instance->api_version = VK_API_VERSION_1_0;
	if (info->pApplicationInfo != NULL && info->pApplicationInfo->apiVersion != 0) {
		instance->api_version = info->pApplicationInfo->apiVersion;
	}
	VkResult result = ask_host(instance, info);
	if (result != VK_SUCCESS) {
		destroy_instance(instance);
		return result;
	}
	*ret_instance = instance;
	return VK_SUCCESS;
}

/* Where the driver is installed but no host is there to serve it, as on the host itself before its
 * daemon runs, the loader still tries it for every Vulkan program: silently, unless somebody
 * asked for this driver. */
static bool is_asked_for(void)
{
	static const char *const lists[] = { "VK_DRIVER_FILES", "VK_ICD_FILENAMES",
					     "VK_ADD_DRIVER_FILES" };

	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		const char *list = getenv(lists[i]);

		if (list != NULL && strstr(list, "sluice") != NULL) {
			return true;
		}
	}
	return getenv("SLUICE_SOCKET") != NULL;
}

VKAPI_ATTR VkResult VKAPI_CALL sl_vkCreateInstance(const VkInstanceCreateInfo *pCreateInfo,
						   const VkAllocationCallbacks *pAllocator,
						   VkInstance *pInstance)
{
	struct sl_extension_set offered = get_offered_extensions();
	struct sl_extension_set extensions = { 0 };
	struct sl_instance *instance = NULL;
	struct sl_context *context = NULL;
	char why[512];

	*pInstance = VK_NULL_HANDLE;
	VkResult result = sl_instance_add_extensions(pCreateInfo->enabledExtensionCount,
						     pCreateInfo->ppEnabledExtensionNames, &offered,
						     &extensions);
	if (result != VK_SUCCESS) {
		return result;
	}
	int r = sl_context_create(&context, why, sizeof(why));
	if (r < 0) {
		if ((r != -ENOENT && r != -ECONNREFUSED) || is_asked_for()) {
			fprintf(stderr, "sluice: %s\n", why);
		}
		return r == -ENOMEM ? VK_ERROR_OUT_OF_HOST_MEMORY : VK_ERROR_INITIALIZATION_FAILED;
	}
	result = create_instance(context, pCreateInfo, &extensions, &instance);
	*pInstance = (VkInstance)instance;
	return result;
}

VKAPI_ATTR void VKAPI_CALL sl_vkDestroyInstance(VkInstance instance,
						const VkAllocationCallbacks *pAllocator)
{
	const struct sl_vkDestroyInstance args = { .instance = instance };

	if (instance != VK_NULL_HANDLE) {
		SL_MESSAGE_SEND(SL_GUEST_OBJECT(instance), vkDestroyInstance, &args);
		destroy_instance((struct sl_instance *)instance);
	}
}

/* Make a handle for every device that there could be, and ask once. Handles that the host does not
 * use live on unseen, because their ids must not be given again. */
static VkResult enumerate(struct sl_instance *instance)
{
	VkPhysicalDevice handles[SL_MAX_PHYSICAL_DEVICES];
	uint32_t count = SL_MAX_PHYSICAL_DEVICES;
	struct sl_vkEnumeratePhysicalDevices args = {
		.instance = (VkInstance)instance,
		.pPhysicalDeviceCount = &count,
		.pPhysicalDevices = handles,
	};

	for (uint32_t i = 0; i < SL_MAX_PHYSICAL_DEVICES; i++) {
		if (instance->physical_devices[i] == NULL) {
			instance->physical_devices[i] = sl_physical_device_create(instance);
		}
		if (instance->physical_devices[i] == NULL) {
			return VK_ERROR_OUT_OF_HOST_MEMORY;
		}
		handles[i] = (VkPhysicalDevice)instance->physical_devices[i];
	}
	int r = SL_MESSAGE_ASK(&instance->base, vkEnumeratePhysicalDevices, &args);
	if (r < 0) {
		return SL_VK_RESULT(vkEnumeratePhysicalDevices, r);
	}
	if (args.ret < 0) {
		return args.ret;
	}
	instance->physical_device_count = count;
	instance->is_enumerated = true;
	return VK_SUCCESS;
}

static VkResult ensure_enumerated(struct sl_instance *instance)
{
	VkResult result = VK_SUCCESS;

	pthread_mutex_lock(&instance->lock);
	if (!instance->is_enumerated) {
		result = enumerate(instance);
	}
	pthread_mutex_unlock(&instance->lock);
	return result;
}

VKAPI_ATTR VkResult VKAPI_CALL sl_vkEnumeratePhysicalDevices(VkInstance handle,
							     uint32_t *pPhysicalDeviceCount,
							     VkPhysicalDevice *pPhysicalDevices)
{
	struct sl_instance *instance = (struct sl_instance *)handle;
	VkResult result = ensure_enumerated(instance);

	if (result != VK_SUCCESS) {
		return result;
	}
	uint32_t total = instance->physical_device_count;
	if (pPhysicalDevices == NULL) {
		*pPhysicalDeviceCount = total;
		return VK_SUCCESS;
	}
	uint32_t count = *pPhysicalDeviceCount < total ? *pPhysicalDeviceCount : total;
	for (uint32_t i = 0; i < count; i++) {
		pPhysicalDevices[i] = (VkPhysicalDevice)instance->physical_devices[i];
	}
	*pPhysicalDeviceCount = count;
	return count < total ? VK_INCOMPLETE : VK_SUCCESS;
}

/* Every group has one device: nothing is shared across the link. */
VKAPI_ATTR VkResult VKAPI_CALL
sl_vkEnumeratePhysicalDeviceGroups(VkInstance handle, uint32_t *pPhysicalDeviceGroupCount,
				   VkPhysicalDeviceGroupProperties *pPhysicalDeviceGroupProperties)
{
	struct sl_instance *instance = (struct sl_instance *)handle;
	VkResult result = ensure_enumerated(instance);

	if (result != VK_SUCCESS) {
		return result;
	}
	uint32_t total = instance->physical_device_count;
	if (pPhysicalDeviceGroupProperties == NULL) {
		*pPhysicalDeviceGroupCount = total;
		return VK_SUCCESS;
	}
	uint32_t count = *pPhysicalDeviceGroupCount < total ? *pPhysicalDeviceGroupCount : total;
	for (uint32_t i = 0; i < count; i++) {
		VkPhysicalDeviceGroupProperties *group = &pPhysicalDeviceGroupProperties[i];
		group->physicalDeviceCount = 1;
		memset(group->physicalDevices, 0, sizeof(group->physicalDevices));
		group->physicalDevices[0] = (VkPhysicalDevice)instance->physical_devices[i];
		group->subsetAllocation = VK_FALSE;
	}
	*pPhysicalDeviceGroupCount = count;
	return count < total ? VK_INCOMPLETE : VK_SUCCESS;
}
