/* SPDX-License-Identifier: MIT */
/* How long objects live: who uses them, and what happens when the guest destroys them. */
#include "host/check/check_priv.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

struct sl_check *sl_check_create(const struct sl_check_options *options)
{
	struct sl_check *check = calloc(1, sizeof(*check));

	if (check == NULL) {
		return NULL;
	}
	check->host = options->host;
	check->limits = *options->limits;
	check->more = options->more;
	check->is_software = options->is_software;
	check->is_mesa_22 = options->is_mesa_22;
	LIST_INIT(&check->nodes);
	LIST_INIT(&check->queues);
	TAILQ_INIT(&check->zombies);
	return check;
}

const char *sl_check_get_why(const struct sl_check *check)
{
	return check->why;
}

int sl_check_fail(struct sl_check *check, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(check->why, sizeof(check->why), format, args);
	va_end(args);
	return -EBADMSG;
}

const char *sl_check_name(VkObjectType type)
{
	static const char *const names[] = {
		[VK_OBJECT_TYPE_SEMAPHORE] = "semaphore",
		[VK_OBJECT_TYPE_COMMAND_BUFFER] = "command buffer",
		[VK_OBJECT_TYPE_DEVICE_MEMORY] = "memory",
		[VK_OBJECT_TYPE_BUFFER] = "buffer",
		[VK_OBJECT_TYPE_IMAGE] = "image",
		[VK_OBJECT_TYPE_EVENT] = "event",
		[VK_OBJECT_TYPE_QUERY_POOL] = "query pool",
		[VK_OBJECT_TYPE_BUFFER_VIEW] = "buffer view",
		[VK_OBJECT_TYPE_IMAGE_VIEW] = "image view",
		[VK_OBJECT_TYPE_RENDER_PASS] = "render pass",
		[VK_OBJECT_TYPE_PIPELINE] = "pipeline",
		[VK_OBJECT_TYPE_SAMPLER] = "sampler",
		[VK_OBJECT_TYPE_DESCRIPTOR_POOL] = "descriptor pool",
		[VK_OBJECT_TYPE_DESCRIPTOR_SET] = "descriptor set",
		[VK_OBJECT_TYPE_FRAMEBUFFER] = "framebuffer",
		[VK_OBJECT_TYPE_COMMAND_POOL] = "command pool",
	};
	bool is_known = (size_t)type < sizeof(names) / sizeof(names[0]) && names[type] != NULL;

	return is_known ? names[type] : "object";
}

const void *sl_check_chain_find(const void *chain, VkStructureType type)
{
	const VkBaseInStructure *at = chain;

	while (at != NULL && at->sType != type) {
		at = at->pNext;
	}
	return at;
}

struct sl_object *sl_check_find_object(const struct sl_object_list *named, uint32_t *cursor,
				       VkObjectType type, uint64_t handle)
{
	uint32_t at = *cursor;

	for (uint32_t i = 0; i < named->count; i++, at++) {
		at = at < named->count ? at : 0;
		struct sl_object *object = named->items[at];

		if (object->handle == handle && object->type == type) {
			*cursor = at;
			return object;
		}
	}
	return NULL;
}

void *sl_check_find(const struct sl_object_list *named, uint32_t *cursor, VkObjectType type,
		    uint64_t handle)
{
	const struct sl_object *object = sl_check_find_object(named, cursor, type, handle);

	return object != NULL ? object->check : NULL;
}

void sl_check_ref(struct sl_check_node *node)
{
	node->refs++;
}

void sl_check_unref(struct sl_check_node *node)
{
	if (--node->refs == 0) {
		free(node->needs);
		free(node->extra);
		free(node);
	}
}

void sl_check_use(struct sl_check_node *node)
{
	node->uses++;
	node->refs++;
}

int sl_check_add_need(struct sl_check_node *node, struct sl_check_node *need)
{
	struct sl_check_node **needs =
		reallocarray(node->needs, node->need_count + 1, sizeof(struct sl_check_node *));

	if (needs == NULL) {
		return -ENOMEM;
	}
	node->needs = needs;
	node->needs[node->need_count++] = need;
	sl_check_use(need);
	return 0;
}

/* What the object itself uses. Objects need what was there before them, so that this goes down a
 * few steps at most: set, view, image, memory. */
static void release(struct sl_check *check, struct sl_check_node *node)
{
	if (node->type == VK_OBJECT_TYPE_COMMAND_BUFFER) {
		sl_check_commands_reset(check, (struct sl_check_commands *)node);
	} else if (node->type == VK_OBJECT_TYPE_DESCRIPTOR_SET) {
		sl_check_set_reset(check, (struct sl_check_set *)node);
	}
	while (node->need_count > 0) {
		sl_check_unuse(check, node->needs[--node->need_count]);
	}
	sl_check_unref(node);
}

void sl_check_bury(struct sl_check *check, struct sl_check_node *node)
{
	node->is_gone = true;
	LIST_REMOVE(node, link);
	check->host.destroy(check->host.data, node->type, node->handle);
	release(check, node);
}

/* A dead object that nothing uses is destroyed, or waits for submissions. */
static void finish(struct sl_check *check, struct sl_check_node *node)
{
	if (!sl_check_is_busy(check, node)) {
		sl_check_bury(check, node);
		return;
	}
	node->last_sequence = check->sequence;
	node->is_zombie = true;
	TAILQ_INSERT_TAIL(&check->zombies, node, zombie_link);
}

void sl_check_unuse(struct sl_check *check, struct sl_check_node *node)
{
	if (node == NULL) {
		return;
	}
	node->uses--;
	if (node->uses == 0 && node->is_dead && !node->is_gone && !node->is_zombie) {
		finish(check, node);
	}
	sl_check_unref(node);
}

static void leave_pool(struct sl_check_node *node)
{
	if (node->is_in_pool) {
		LIST_REMOVE(node, pool_link);
		node->is_in_pool = false;
	}
}

void sl_check_end(struct sl_check *check, struct sl_check_node *node)
{
	node->is_dead = true;
	check->epoch++;
	if (node->uses == 0) {
		finish(check, node);
	}
}

static int drop(struct sl_check *check, struct sl_check_node *node)
{
	int r = sl_check_settle(check, node);

	if (r == 0) {
		node->is_dead = true;
		node->is_gone = true;
		check->epoch++;
		leave_pool(node);
		LIST_REMOVE(node, link);
		release(check, node);
	}
	return r;
}

int sl_check_drop(struct sl_check *check, struct sl_object *object)
{
	if (object == NULL || object->check == NULL) {
		return sl_check_fail(check, "frees something twice");
	}
	int r = drop(check, object->check);

	if (r == 0) {
		object->check = NULL;
	}
	return r;
}

int sl_check_empty_pool(struct sl_check *check, struct sl_check_node *pool)
{
	int r = 0;

	while (r == 0 && !LIST_EMPTY(&pool->children)) {
		r = drop(check, LIST_FIRST(&pool->children));
	}
	return r;
}

int sl_check_note_destroyed(struct sl_check *check, const struct sl_object_list *named,
			    VkObjectType type, uint64_t handle)
{
	uint32_t cursor = 0;
	struct sl_check_node *node =
		handle != 0 ? sl_check_find(named, &cursor, type, handle) : NULL;

	if (node == NULL) {
		return 0;
	}
	int r = sl_check_empty_pool(check, node);

	if (r == 0) {
		sl_check_retire(check);
		sl_check_end(check, node);
	}
	return r;
}

/* What drivers do not need any more once a command has been run: the specification calls it
 * consumed, and pools own what is made from them. */
static bool is_needed(VkObjectType type)
{
	switch (type) {
	case VK_OBJECT_TYPE_INSTANCE:
	case VK_OBJECT_TYPE_PHYSICAL_DEVICE:
	case VK_OBJECT_TYPE_DEVICE:
	case VK_OBJECT_TYPE_QUEUE:
	case VK_OBJECT_TYPE_SHADER_MODULE:
	case VK_OBJECT_TYPE_PIPELINE_CACHE:
	case VK_OBJECT_TYPE_PIPELINE:
	case VK_OBJECT_TYPE_COMMAND_POOL:
	case VK_OBJECT_TYPE_DESCRIPTOR_POOL:
	case VK_OBJECT_TYPE_DEFERRED_OPERATION_KHR:
	case VK_OBJECT_TYPE_VALIDATION_CACHE_EXT:
		return false;
	default:
		return true;
	}
}

static size_t size_of(VkObjectType type)
{
	switch (type) {
	case VK_OBJECT_TYPE_DEVICE_MEMORY:
		return sizeof(struct sl_check_memory);
	case VK_OBJECT_TYPE_BUFFER:
		return sizeof(struct sl_check_buffer);
	case VK_OBJECT_TYPE_IMAGE:
		return sizeof(struct sl_check_image);
	case VK_OBJECT_TYPE_IMAGE_VIEW:
		return sizeof(struct sl_check_view);
	case VK_OBJECT_TYPE_PIPELINE:
		return sizeof(struct sl_check_pipeline);
	case VK_OBJECT_TYPE_FRAMEBUFFER:
		return sizeof(struct sl_check_framebuffer);
	case VK_OBJECT_TYPE_QUERY_POOL:
		return sizeof(struct sl_check_query_pool);
	case VK_OBJECT_TYPE_COMMAND_BUFFER:
		return sizeof(struct sl_check_commands);
	case VK_OBJECT_TYPE_DESCRIPTOR_SET:
		return sizeof(struct sl_check_set);
	default:
		return sizeof(struct sl_check_node);
	}
}

static void join_pool(struct sl_check_node *node, const struct sl_object *object)
{
	struct sl_check_node *pool = object->owner->check;

	if (object->owner->type == VK_OBJECT_TYPE_COMMAND_POOL ||
	    object->owner->type == VK_OBJECT_TYPE_DESCRIPTOR_POOL) {
		LIST_INSERT_HEAD(&pool->children, node, pool_link);
		node->is_in_pool = true;
	}
}

/* Where one message makes several objects each needs what is its own: their notes say what. */
static int add_needs(struct sl_check_node *node, const struct sl_object_list *named)
{
	for (uint32_t i = 0; i < named->count; i++) {
		struct sl_check_node *need = sl_check_node_of(named->items[i]);
		int r = need != NULL && is_needed(named->items[i]->type)
				? sl_check_add_need(node, need)
				: 0;

		if (r < 0) {
			return r;
		}
	}
	return 0;
}

int sl_check_note_created(struct sl_check *check, void **created, uint32_t count,
			  const uint64_t *handles, const struct sl_object_list *named)
{
	for (uint32_t i = 0; i < count; i++) {
		struct sl_object *object = created[i];

		if (handles[i] == 0) {
			continue;
		}
		struct sl_check_node *node = calloc(1, size_of(object->type));

		if (node == NULL) {
			return -ENOMEM;
		}
		node->type = object->type;
		node->handle = handles[i];
		node->refs = 1;
		LIST_INSERT_HEAD(&check->nodes, node, link);
		LIST_INIT(&node->children);
		object->check = node;
		join_pool(node, object);
		int r = count == 1 && object->type != VK_OBJECT_TYPE_DEVICE_MEMORY
				? add_needs(node, named)
				: 0;

		if (r < 0) {
			return r;
		}
	}
	return 0;
}

void sl_check_destroy(struct sl_check *check)
{
	struct sl_check_node *node;

	if (check == NULL) {
		return;
	}
	sl_check_forget_pending(check);
	LIST_FOREACH(node, &check->nodes, link)
	{
		if (node->type == VK_OBJECT_TYPE_COMMAND_BUFFER) {
			sl_check_commands_reset(check, (struct sl_check_commands *)node);
		}
	}
	/* The newest first: nothing is destroyed before what was made of it. Live objects the
	 * driver may forget with its device. */
	while (!LIST_EMPTY(&check->nodes)) {
		node = LIST_FIRST(&check->nodes);
		LIST_REMOVE(node, link);
		if (node->is_dead) {
			check->host.destroy(check->host.data, node->type, node->handle);
		}
		free(node->needs);
		free(node->extra);
		free(node);
	}
	free(check);
}
