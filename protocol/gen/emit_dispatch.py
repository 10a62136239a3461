# SPDX-License-Identifier: MIT
"""sl_dispatch.[ch]: the host driver's functions, per instance and per device."""

from tables import first_handle, has_platform_type
from writer import guard, write_file

INSTANCE_HANDLES = ("VkInstance", "VkPhysicalDevice")


def short(name):
    return name.removeprefix("vk")


def emit(model, out):
    commands = [c for c in model.commands.values()
                if not c.own and first_handle(model, c) and not has_platform_type(model, c)]
    instance = [c for c in commands if first_handle(model, c) in INSTANCE_HANDLES]
    device = [c for c in commands if first_handle(model, c) not in INSTANCE_HANDLES]
    body = f"""#ifndef {guard("sl_dispatch.h")}
#define {guard("sl_dispatch.h")}

#include <vulkan/vulkan_core.h>

/* A function that the driver lacks is NULL. */
struct sl_vk_instance_table {{
{members(instance)}}};

struct sl_vk_device_table {{
{members(device)}}};

/* Ask for every function by its name, then by the names it had in extensions. */
void sl_vk_instance_table_load(struct sl_vk_instance_table *table, VkInstance instance,
			       PFN_vkGetInstanceProcAddr get);
void sl_vk_device_table_load(struct sl_vk_device_table *table, VkDevice device,
			     PFN_vkGetDeviceProcAddr get);

#endif
"""
    write_file(model, out, "sl_dispatch.h", "The functions of the host's Vulkan driver.", body)
    emit_source(model, out, instance, device)


def members(commands):
    return "".join(f"\tPFN_{c.name} {short(c.name)};\n" for c in commands)


def rows(table, commands):
    return "".join(
        f'\t{{ offsetof(struct {table}, {short(c.name)}), '
        f'{{ {", ".join(chr(34) + n + chr(34) for n in [c.name, *c.aliases])} }} }},\n'
        for c in commands)


def emit_source(model, out, instance, device):
    name_count = max(1 + len(c.aliases) for c in instance + device)
    body = f"""#include "protocol/sl_dispatch.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct entry {{
	uint16_t offset;
	const char *names[{name_count}];
}};

static const struct entry instance_entries[] = {{
{rows("sl_vk_instance_table", instance)}}};

static const struct entry device_entries[] = {{
{rows("sl_vk_device_table", device)}}};

void sl_vk_instance_table_load(struct sl_vk_instance_table *table, VkInstance instance,
			       PFN_vkGetInstanceProcAddr get)
{{
	for (size_t i = 0; i < sizeof(instance_entries) / sizeof(instance_entries[0]); i++) {{
		const struct entry *entry = &instance_entries[i];
		PFN_vkVoidFunction function = NULL;

		for (size_t n = 0; n < {name_count} && function == NULL && entry->names[n] != NULL; n++) {{
			function = get(instance, entry->names[n]);
		}}
		memcpy((char *)table + entry->offset, &function, sizeof(function));
	}}
}}

void sl_vk_device_table_load(struct sl_vk_device_table *table, VkDevice device,
			     PFN_vkGetDeviceProcAddr get)
{{
	for (size_t i = 0; i < sizeof(device_entries) / sizeof(device_entries[0]); i++) {{
		const struct entry *entry = &device_entries[i];
		PFN_vkVoidFunction function = NULL;

		for (size_t n = 0; n < {name_count} && function == NULL && entry->names[n] != NULL; n++) {{
			function = get(device, entry->names[n]);
		}}
		memcpy((char *)table + entry->offset, &function, sizeof(function));
	}}
}}
"""
    write_file(model, out, "sl_dispatch.c", "The functions of the host's Vulkan driver.", body)
