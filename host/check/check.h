/* SPDX-License-Identifier: MIT */
/* Between the decoder and the replay: what a driver takes for granted and a guest may lie about.
 * Objects live as long as something of the host's may use them; ranges lie in what they are ranges
 * of. One struct sl_check per VkDevice. Ring thread only.
 *
 * The ops table of sl_checked_ops.h calls what is here; which command is checked how is said in
 * protocol/commands.txt. */
#ifndef SL_HOST_CHECK_CHECK_H
#define SL_HOST_CHECK_CHECK_H

#include "host/objects/object.h"

#include <stdbool.h>
#include <stdint.h>
#include <vulkan/vulkan_core.h>

struct sl_check;

/* What the checks need of the replay. */
struct sl_check_host {
	/* Destroy an object of the device with the host's driver. */
	void (*destroy)(void *data, VkObjectType type, uint64_t handle);
	void *data;
	/* The number of the last submission of a queue that has completed, and of the last one
	 * that was taken from the guest. queue: sl_object.data of a VkQueue. */
	uint64_t (*get_completed)(const void *queue);
	uint64_t (*get_submitted)(const void *queue);
	/* Wait until a submission has completed. Returns false after timeout_ns. */
	bool (*wait)(void *queue, uint64_t number, uint64_t timeout_ns);
};

/* Of extensions, as far as drivers depend on them; 0: the device has no such extension. */
struct sl_check_more_limits {
	uint32_t feedback_buffers; /* transform feedback */
	uint32_t feedback_streams;
	uint32_t discard_rectangles;
	uint32_t descriptor_buffers; /* bound at a time */
	uint32_t inline_block_size;  /* bytes of an inline uniform block */
	uint32_t inline_blocks;	     /* that a stage sees */
	uint32_t group_handle_size;  /* of a ray tracing pipeline's group */
	uint32_t group_capture_size;
	VkSampleCountFlags location_samples; /* that sample locations may be set for */
	VkExtent2D location_grid;
};

struct sl_check_options {
	struct sl_check_host host;
	const VkPhysicalDeviceLimits *limits;
	struct sl_check_more_limits more;
	/* Descriptors point to the driver's objects, not to addresses that only a GPU follows. */
	bool is_software;
	/* lavapipe of Mesa 22, or before: it crashes at what Vulkan allows. */
	bool is_mesa_22;
};

/* Returns NULL if memory is short. options->limits is copied. */
struct sl_check *sl_check_create(const struct sl_check_options *options);
/* Everything submitted must have completed. Destroys what only waited for that. Accepts NULL. */
void sl_check_destroy(struct sl_check *check);

/* The checks of the device that an object belongs to. */
static inline struct sl_check *sl_check_of(const void *object)
{
	return ((const struct sl_object *)object)->device->check;
}

/* Bytes of the result of one query of a pool that a command names, with what the flags add. */
uint32_t sl_check_get_result_size(const struct sl_object_list *named, VkQueryPool pool,
				  VkQueryResultFlags flags);

/* Why the last check failed. */
const char *sl_check_get_why(const struct sl_check *check);

/* Objects that a command has just created, in the driver too: count of them, handles being those
 * of the driver or 0. What the command named is kept alive by them, as far as drivers
 * need it. Returns 0 or -ENOMEM. */
int sl_check_note_created(struct sl_check *check, void **created, uint32_t count,
			  const uint64_t *handles, const struct sl_object_list *named);

/* The guest destroys an object that the command names (handle 0: none). host.destroy is called now
 * or when nothing uses it any more. Returns 0 or -EBADMSG. */
int sl_check_note_destroyed(struct sl_check *check, const struct sl_object_list *named,
			    VkObjectType type, uint64_t handle);

/* Before and after a submission. queue: a VkQueue. Returns 0, -EBADMSG or -ENOMEM. */
int sl_check_submission(struct sl_check *check, const struct sl_object_list *named);
int sl_check_note_submitted(struct sl_check *check, struct sl_object *queue,
			    const struct sl_object_list *named);

#endif
