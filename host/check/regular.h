/* SPDX-License-Identifier: MIT */
/* Checks of what is the same for many commands: protocol/commands.txt names them (check=) without
 * their prefix, and gives the arguments from the fourth on. They return 0, -EBADMSG or -ENOMEM. */
#ifndef SL_HOST_CHECK_REGULAR_H
#define SL_HOST_CHECK_REGULAR_H

#include "host/check/check.h"

/* Limits of the device that fixed arrays of drivers depend on. */
enum sl_check_limit {
	SL_CHECK_VIEWPORTS,
	SL_CHECK_VERTEX_BINDINGS,
	SL_CHECK_FEEDBACK_BUFFERS,
	SL_CHECK_DISCARD_RECTANGLES,
	SL_CHECK_DESCRIPTOR_SETS,
	SL_CHECK_DESCRIPTOR_BUFFERS,
	SL_CHECK_COLOR_ATTACHMENTS,
	SL_CHECK_PATCH_POINTS,
	SL_CHECK_PUSH_CONSTANT_BYTES,
};

/* size bytes of the buffer from offset; VK_WHOLE_SIZE: what is left of it. */
int sl_check_bytes_of(struct sl_check *check, const void *self, const struct sl_object_list *named,
		      VkBuffer buffer, VkDeviceSize offset, VkDeviceSize size);
/* count structs of struct_size bytes, one every stride bytes. */
int sl_check_structs(struct sl_check *check, const void *self, const struct sl_object_list *named,
		     VkBuffer buffer, VkDeviceSize offset, uint32_t count, uint32_t stride,
		     uint32_t struct_size);
int sl_check_queries(struct sl_check *check, const void *self, const struct sl_object_list *named,
		     VkQueryPool pool, uint32_t first, uint32_t count);
/* The same for one query, of a pool of timestamps. */
int sl_check_timestamp(struct sl_check *check, const void *self, const struct sl_object_list *named,
		       VkQueryPool pool, uint32_t query);
/* Both in words of 4 bytes; size may be VK_WHOLE_SIZE. */
int sl_check_words(struct sl_check *check, const void *self, const struct sl_object_list *named,
		   VkDeviceSize offset, VkDeviceSize size);
/* More than none. */
int sl_check_positive(struct sl_check *check, const void *self, const struct sl_object_list *named,
		      uint32_t count);
/* An array that is there unless it has no elements. */
int sl_check_given(struct sl_check *check, const void *self, const struct sl_object_list *named,
		   const void *array, uint32_t count);
/* count places from first of those that a limit gives the number of. */
int sl_check_places(struct sl_check *check, const void *self, const struct sl_object_list *named,
		    uint32_t first, uint32_t count, enum sl_check_limit limit);

/* What draws and dispatches need to be bound. */
int sl_check_draw(struct sl_check *check, const void *self, const struct sl_object_list *named);
int sl_check_draw_indexed(struct sl_check *check, const void *self,
			  const struct sl_object_list *named);
int sl_check_dispatch(struct sl_check *check, const void *self, const struct sl_object_list *named);

/* The scopes of render passes. */
int sl_check_next_subpass(struct sl_check *check, const void *self,
			  const struct sl_object_list *named);
int sl_check_end_pass(struct sl_check *check, const void *self, const struct sl_object_list *named);
int sl_check_end_rendering(struct sl_check *check, const void *self,
			   const struct sl_object_list *named);

#endif
