/* SPDX-License-Identifier: MIT */
/* The descriptors that a shader uses: compilers look them up in the pipeline's layout, and find
 * them there or read beyond it. */
#ifndef SL_HOST_CHECK_SHADER_USE_H
#define SL_HOST_CHECK_SHADER_USE_H

#include <stddef.h>
#include <stdint.h>
#include <vulkan/vulkan_core.h>

enum sl_shader_resource_kind {
	SL_SHADER_OTHER, /* not known: may be any */
	SL_SHADER_SAMPLER,
	SL_SHADER_SAMPLED_IMAGE,
	SL_SHADER_IMAGE_AND_SAMPLER,
	SL_SHADER_STORAGE_IMAGE,
	SL_SHADER_INPUT_ATTACHMENT,
	SL_SHADER_UNIFORM_TEXELS,
	SL_SHADER_STORAGE_TEXELS,
	SL_SHADER_UNIFORM_BUFFER,
	SL_SHADER_STORAGE_BUFFER,
	SL_SHADER_ACCELERATION_STRUCTURE,
};

/* A variable that stands for descriptors. */
struct sl_shader_resource {
	uint32_t set;
	uint32_t binding;
	uint32_t count; /* at least; arrays whose length is not a plain constant count as one */
	enum sl_shader_resource_kind kind;
};

struct sl_shader_entry {
	const char *name;
	VkShaderStageFlagBits stage; /* 0: not known */
	const struct sl_shader_resource *resources;
	uint32_t resource_count;
};

struct sl_shader_use {
	uint32_t entry_count;
	const struct sl_shader_entry *entries;
};

/* Find what each entry point uses statically (SPIR-V 2.2.5, "static use"): what the functions name
 * that it calls, whether these come to it or not. Nothing is taken for used that is not. The code
 * may be any words; what it gives is worth something if SPIRV-Tools takes it too.
 *
 * Returns 0, with *ret_use to be freed with free() (one allocation); -ENOMEM; -EBADMSG if the code
 * cannot be read, decorates a variable twice, or makes looking too long. */
int sl_shader_use_find(const uint32_t *words, size_t word_count, struct sl_shader_use **ret_use);

/* The entry point of a stage, or NULL. */
const struct sl_shader_entry *sl_shader_use_entry(const struct sl_shader_use *use, const char *name,
						  VkShaderStageFlagBits stage);

#endif
