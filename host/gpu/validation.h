/* SPDX-License-Identifier: MIT */
/* What the validation layer says about the replay: to the log, counted, named. */
#ifndef SL_HOST_GPU_VALIDATION_H
#define SL_HOST_GPU_VALIDATION_H

#include <pthread.h>
#include <stdint.h>
#include <vulkan/vulkan_core.h>

#define SL_VALIDATION_LAYER	"VK_LAYER_KHRONOS_validation"
#define SL_VALIDATION_NAMES	32
#define SL_VALIDATION_NAME_SIZE 96

struct sl_validation_name {
	char name[SL_VALIDATION_NAME_SIZE]; /* the VUID */
	uint64_t count;
};

struct sl_validation {
	pthread_mutex_t lock; /* guards all below */
	uint64_t errors;
	uint64_t warnings;
	struct sl_validation_name names[SL_VALIDATION_NAMES]; /* of errors, in order of arrival */
	uint32_t name_count;
};

void sl_validation_init(struct sl_validation *validation);
void sl_validation_finish(struct sl_validation *validation);

/* To be chained to VkInstanceCreateInfo; it reports to validation, which must outlive the
 * instance. */
VkDebugUtilsMessengerCreateInfoEXT sl_validation_messenger(struct sl_validation *validation);

uint64_t sl_validation_get_errors(struct sl_validation *validation);
/* Log one line if anything was reported. */
void sl_validation_log(struct sl_validation *validation);

#endif
