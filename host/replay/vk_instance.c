/* SPDX-License-Identifier: MIT */
/* Instances and the physical devices they list. */
#include "host/replay/replay_priv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/sl_types.h"

/* What the host enables of the guest's list: what it has; what only the guest driver implements is
 * left out. Returns VK_ERROR_EXTENSION_NOT_PRESENT for anything else. */
static VkResult choose_extensions(struct sl_replay *replay, VkInstanceCreateInfo *info)
{
	const char **names = sl_replay_scratch(replay, info->enabledExtensionCount, sizeof(*names));
	uint32_t count = 0;

	if (names == NULL) {
		return VK_ERROR_OUT_OF_HOST_MEMORY;
	}
	for (uint32_t i = 0; i < info->enabledExtensionCount; i++) {
		const char *name = info->ppEnabledExtensionNames[i];
		int index = sl_extension_index(name);

		if (index < 0) {
			return VK_ERROR_EXTENSION_NOT_PRESENT;
		}
		if (sl_gpu_has_instance_extension(replay->options.gpu, name)) {
			names[count++] = name;
		} else if (!sl_extension_list[index].is_guest) {
			return VK_ERROR_EXTENSION_NOT_PRESENT;
		}
	}
	info->enabledExtensionCount = count;
	info->ppEnabledExtensionNames = names;
	return VK_SUCCESS;
}

/* The guest's quota is the size of its heaps. */
static void limit_heaps(VkPhysicalDeviceMemoryProperties *memory, uint64_t max_bytes)
{
	for (uint32_t i = 0; i < memory->memoryHeapCount; i++) {
		if ((memory->memoryHeaps[i].flags & VK_MEMORY_HEAP_DEVICE_LOCAL_BIT) != 0 &&
		    memory->memoryHeaps[i].size > max_bytes) {
			memory->memoryHeaps[i].size = max_bytes;
		}
	}
}

/* The devices that can serve a guest, with what the guest will see of their memory. */
static VkResult list_physical_devices(struct sl_replay *replay)
{
	VkPhysicalDevice handles[SL_MAX_PHYSICAL_DEVICES];
	uint32_t count = SL_MAX_PHYSICAL_DEVICES;
	VkResult result =
		replay->vki.EnumeratePhysicalDevices(replay->instance.handle, &count, handles);

	if (result < 0) {
		return result;
	}
	replay->physical_devices = calloc(count + 1, sizeof(*replay->physical_devices));
	if (replay->physical_devices == NULL) {
		return VK_ERROR_OUT_OF_HOST_MEMORY;
	}
	for (uint32_t i = 0; i < count; i++) {
		struct sl_replay_physical_device *device =
			&replay->physical_devices[replay->physical_device_count];

		device->handle = handles[i];
		device->gpu = sl_gpu_find_device(replay->options.gpu, replay->instance.handle,
						 handles[i]);
		if (device->gpu == NULL) {
			continue;
		}
		sl_memory_types_init(&device->memory_types, &device->gpu->memory,
				     replay->options.copy_memory ? 0 : device->gpu->importable);
		limit_heaps(&device->memory_types.guest,
			    atomic_load(&replay->options.quota->limit));
		replay->physical_device_count++;
	}
	return VK_SUCCESS;
}

int sl_replay_vkCreateInstance(struct sl_replay *replay, struct sl_vkCreateInstance *args)
{
	struct sl_object *object = args->created[0];
	VkInstanceCreateInfo info = *args->pCreateInfo;

	if (replay->instance.handle != VK_NULL_HANDLE) {
		return sl_replay_fail(replay, "a context has one instance");
	}
	sl_replay_scratch_reset(replay);
	/* Messengers stay in the guest; portability is for loaders. */
	info.pNext = NULL;
	info.flags = 0;
	args->ret = choose_extensions(replay, &info);
	if (args->ret != VK_SUCCESS) {
		return 0;
	}
	args->ret = sl_gpu_create_instance(replay->options.gpu, &info, replay->options.validate,
					   &replay->instance);
	if (args->ret != VK_SUCCESS) {
		return 0;
	}
	sl_vk_instance_table_load(&replay->vki, replay->instance.handle,
				  sl_gpu_get_loader(replay->options.gpu));
	args->ret = list_physical_devices(replay);
	if (args->ret != VK_SUCCESS) {
		sl_gpu_destroy_instance(replay->options.gpu, &replay->instance);
		return 0;
	}
	object->vki = &replay->vki;
	*args->pInstance = replay->instance.handle;
	return 0;
}

int sl_replay_vkDestroyInstance(struct sl_replay *replay, struct sl_vkDestroyInstance *args)
{
	(void)args;
	/* Not under devices that the guest forgot, on which threads may wait: they end with the
	 * process. */
	if (replay->device_count > 0) {
		return 0;
	}
	sl_gpu_destroy_instance(replay->options.gpu, &replay->instance);
	free(replay->physical_devices);
	replay->physical_devices = NULL;
	replay->physical_device_count = 0;
	return 0;
}

int sl_replay_vkEnumeratePhysicalDevices(struct sl_replay *replay,
					 struct sl_vkEnumeratePhysicalDevices *args)
{
	uint32_t total = replay->physical_device_count;

	args->ret = VK_SUCCESS;
	if (args->pPhysicalDevices != NULL) {
		uint32_t room = *args->pPhysicalDeviceCount;

		if (room < total) {
			args->ret = VK_INCOMPLETE;
			total = room;
		}
		for (uint32_t i = 0; i < total; i++) {
			struct sl_object *object = args->created[i];

			object->data = &replay->physical_devices[i];
			args->pPhysicalDevices[i] = replay->physical_devices[i].handle;
		}
	}
	*args->pPhysicalDeviceCount = total;
	return 0;
}
