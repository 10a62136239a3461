/* SPDX-License-Identifier: MIT */
/* Submissions that have not completed, and what they may use. */
#include "host/check/check_priv.h"

#include "host/base/clock.h"

#include <errno.h>
#include <stdlib.h>

/* Nothing of the queue's last submission is left for the driver. */
static void let_go(struct sl_check *check, struct sl_check_queue *queue)
{
	struct sl_check_pending *ended = queue->ended;

	queue->ended = NULL;
	for (uint32_t i = 0; ended != NULL && i < ended->node_count; i++) {
		sl_check_unuse(check, ended->nodes[i]);
	}
	free(ended);
}

static void hold(struct sl_check *check, struct sl_check_node *node)
{
	sl_check_use(node);
	if (node->is_zombie) {
		TAILQ_REMOVE(&check->zombies, node, zombie_link);
		node->is_zombie = false;
	}
}

/* It has completed. Its semaphores stay until the next one of the queue has, too: a driver may
 * look at them once more after it has signalled the last of them. Mesa's queue threads then give
 * back what they waited for (vk_queue_submit_cleanup(); in 22.3 that is memory of the semaphore),
 * and crash if the semaphore is gone. */
static void forget(struct sl_check *check, struct sl_check_queue *queue,
		   struct sl_check_pending *pending)
{
	uint32_t held = 0;

	TAILQ_REMOVE(&queue->pending, pending, link);
	check->changes++;
	for (uint32_t i = 0; i < pending->node_count; i++) {
		struct sl_check_node *node = pending->nodes[i];

		if (node->type == VK_OBJECT_TYPE_COMMAND_BUFFER) {
			((struct sl_check_commands *)node)->pending_count--;
		} else if (node->type == VK_OBJECT_TYPE_SEMAPHORE) {
			hold(check, node);
			pending->nodes[held++] = node;
		}
		sl_check_unref(node);
	}
	pending->node_count = held;
	let_go(check, queue);
	queue->ended = pending;
}

static void retire_queue(struct sl_check *check, struct sl_check_queue *queue)
{
	struct sl_check_pending *first;

	if (TAILQ_EMPTY(&queue->pending)) {
		return;
	}
	uint64_t completed = check->host.get_completed(queue->data);

	while ((first = TAILQ_FIRST(&queue->pending)) != NULL && first->number <= completed) {
		forget(check, queue, first);
	}
}

/* Of the oldest pending submission; UINT64_MAX: there is none. */
static uint64_t first_sequence(const struct sl_check *check)
{
	const struct sl_check_queue *queue;
	uint64_t sequence = UINT64_MAX;

	LIST_FOREACH(queue, &check->queues, link)
	{
		const struct sl_check_pending *first = TAILQ_FIRST(&queue->pending);

		if (first != NULL && first->sequence < sequence) {
			sequence = first->sequence;
		}
	}
	return sequence;
}

void sl_check_retire(struct sl_check *check)
{
	struct sl_check_queue *queue;
	struct sl_check_node *zombie;

	LIST_FOREACH(queue, &check->queues, link)
	{
		retire_queue(check, queue);
	}
	if (TAILQ_EMPTY(&check->zombies)) {
		return;
	}
	uint64_t first = first_sequence(check);

	while ((zombie = TAILQ_FIRST(&check->zombies)) != NULL && zombie->last_sequence < first) {
		TAILQ_REMOVE(&check->zombies, zombie, zombie_link);
		zombie->is_zombie = false;
		sl_check_bury(check, zombie);
	}
}

void sl_check_forget_pending(struct sl_check *check)
{
	while (!LIST_EMPTY(&check->queues)) {
		struct sl_check_queue *queue = LIST_FIRST(&check->queues);

		while (!TAILQ_EMPTY(&queue->pending)) {
			forget(check, queue, TAILQ_FIRST(&queue->pending));
		}
		let_go(check, queue);
		LIST_REMOVE(queue, link);
		free(queue);
	}
}

static void mark_commands(const struct sl_check *check, const struct sl_check_commands *commands)
{
	for (uint32_t i = 0; i < commands->named_count; i++) {
		commands->named[i]->mark = check->mark;
	}
}

/* Mark what pending submissions name. */
static void mark_pending(struct sl_check *check)
{
	struct sl_check_queue *queue;
	struct sl_check_pending *pending;

	check->mark++;
	check->marked = check->changes;
	LIST_FOREACH(queue, &check->queues, link)
	{
		TAILQ_FOREACH(pending, &queue->pending, link)
		{
			for (uint32_t i = 0; i < pending->node_count; i++) {
				struct sl_check_node *node = pending->nodes[i];

				node->mark = check->mark;
				if (node->type == VK_OBJECT_TYPE_COMMAND_BUFFER) {
					mark_commands(check, (struct sl_check_commands *)node);
				}
			}
		}
	}
}

bool sl_check_is_busy(struct sl_check *check, struct sl_check_node *node)
{
	if (first_sequence(check) == UINT64_MAX) {
		return false;
	}
	if (node->was_described) {
		return true;
	}
	if (check->marked != check->changes) {
		mark_pending(check);
	}
	return node->mark == check->mark;
}

/* What is going to be changed. */
struct target {
	struct sl_check_node *node;
	const struct sl_check_query_range *queries; /* of the node, or NULL: all of it */
};

static bool has_queries(const struct sl_check_commands *commands,
			const struct sl_check_query_range *queries)
{
	for (uint32_t i = 0; i < commands->query_range_count; i++) {
		const struct sl_check_query_range *range = &commands->query_ranges[i];

		if (range->pool == queries->pool && range->first < queries->end &&
		    queries->first < range->end) {
			return true;
		}
	}
	return false;
}

static bool has_named(const struct sl_check_commands *commands, const struct target *target)
{
	if (target->queries != NULL) {
		return has_queries(commands, target->queries);
	}
	for (uint32_t i = 0; i < commands->named_count; i++) {
		if (commands->named[i] == target->node) {
			return true;
		}
	}
	return false;
}

static bool names(const struct sl_check_pending *pending, const struct target *target)
{
	for (uint32_t i = 0; i < pending->node_count; i++) {
		const struct sl_check_node *at = pending->nodes[i];

		if (at == target->node ||
		    (at->type == VK_OBJECT_TYPE_COMMAND_BUFFER &&
		     has_named((const struct sl_check_commands *)at, target))) {
			return true;
		}
	}
	return false;
}

/* Returns false after some time. */
static bool wait_for(struct sl_check *check, struct sl_check_queue *queue,
		     const struct target *target, uint64_t deadline_ns)
{
	struct sl_check_pending *last;

	TAILQ_FOREACH_REVERSE(last, &queue->pending, sl_check_pending_list, link)
	{
		if (names(last, target)) {
			break;
		}
	}
	if (last == NULL) {
		return true;
	}
	uint64_t now_ns = sl_clock_now_ns();

	if (now_ns >= deadline_ns ||
	    !check->host.wait(queue->data, last->number, deadline_ns - now_ns)) {
		return false;
	}
	uint64_t number = last->number;

	while (!TAILQ_EMPTY(&queue->pending) && TAILQ_FIRST(&queue->pending)->number <= number) {
		forget(check, queue, TAILQ_FIRST(&queue->pending));
	}
	return true;
}

static int settle(struct sl_check *check, const struct target *target)
{
	struct sl_check_queue *queue;

	sl_check_retire(check);
	if (!sl_check_is_busy(check, target->node)) {
		return 0;
	}
	uint64_t deadline_ns = sl_clock_now_ns() + SL_CHECK_WAIT_NS;

	LIST_FOREACH(queue, &check->queues, link)
	{
		if (!wait_for(check, queue, target, deadline_ns)) {
			return sl_check_fail(check, "changes a %s that a queue works with",
					     sl_check_name(target->node->type));
		}
	}
	return 0;
}

int sl_check_settle(struct sl_check *check, struct sl_check_node *node)
{
	const struct target target = { node, NULL };

	if (node->type == VK_OBJECT_TYPE_COMMAND_BUFFER &&
	    ((struct sl_check_commands *)node)->pending_count == 0) {
		return 0;
	}
	return settle(check, &target);
}

int sl_check_settle_queries(struct sl_check *check, struct sl_check_query_pool *pool,
			    uint32_t first, uint32_t count)
{
	const struct sl_check_query_range range = { pool, first, first + count };
	const struct target target = { &pool->node, &range };

	return check->is_software ? settle(check, &target) : 0;
}

static struct sl_check_queue *get_queue(struct sl_check *check, struct sl_object *object)
{
	struct sl_check_queue *queue = object->check;

	if (queue == NULL) {
		queue = calloc(1, sizeof(*queue));
		if (queue != NULL) {
			queue->data = object->data;
			TAILQ_INIT(&queue->pending);
			LIST_INSERT_HEAD(&check->queues, queue, link);
			object->check = queue;
		}
	}
	return queue;
}

static int check_valid(struct sl_check *check, struct sl_check_commands *commands)
{
	if (!commands->is_executable) {
		return sl_check_fail(check, "a command buffer that is not recorded");
	}
	if (commands->valid_epoch == check->epoch) {
		return 0;
	}
	for (uint32_t i = 0; i < commands->named_count; i++) {
		const struct sl_check_node *node = commands->named[i];

		/* Nothing needs a layout once commands that name it are recorded. */
		if (node->is_dead && node->type != VK_OBJECT_TYPE_PIPELINE_LAYOUT) {
			return sl_check_fail(check,
					     "a command buffer names a %s that was destroyed",
					     sl_check_name(node->type));
		}
	}
	commands->valid_epoch = check->epoch;
	return 0;
}

/* Returns 0, -EBADMSG. */
static int check_commands(struct sl_check *check, struct sl_check_commands *commands)
{
	int r = check_valid(check, commands);

	if (r < 0 || commands->is_simultaneous) {
		return r;
	}
	if (commands->batch == check->sequence + 1) {
		return sl_check_fail(check, "a command buffer twice in one submission");
	}
	commands->batch = check->sequence + 1;
	return sl_check_settle(check, &commands->node);
}

static int check_secondaries(struct sl_check *check, const struct sl_check_commands *commands)
{
	uint32_t left = commands->secondary_count;
	int r = 0;

	for (uint32_t i = 0; r == 0 && left > 0 && i < commands->named_count; i++) {
		if (commands->named[i]->type == VK_OBJECT_TYPE_COMMAND_BUFFER) {
			r = check_commands(check, (struct sl_check_commands *)commands->named[i]);
			left--;
		}
	}
	return r;
}

int sl_check_submission(struct sl_check *check, const struct sl_object_list *named)
{
	int r = 0;

	sl_check_retire(check);
	for (uint32_t i = 0; r == 0 && i < named->count; i++) {
		struct sl_check_commands *commands = named->items[i]->check;

		if (named->items[i]->type != VK_OBJECT_TYPE_COMMAND_BUFFER || commands == NULL) {
			continue;
		}
		if (!commands->is_primary) {
			return sl_check_fail(check, "a secondary command buffer");
		}
		r = check_commands(check, commands);
		r = r == 0 ? check_secondaries(check, commands) : r;
	}
	return r;
}

static uint32_t count_nodes(const struct sl_object_list *named)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < named->count; i++) {
		const struct sl_check_commands *commands = named->items[i]->check;

		count++;
		if (named->items[i]->type == VK_OBJECT_TYPE_COMMAND_BUFFER && commands != NULL) {
			count += commands->secondary_count;
		}
	}
	return count;
}

static void add_node(struct sl_check_pending *pending, struct sl_check_node *node)
{
	pending->nodes[pending->node_count++] = node;
	sl_check_ref(node);
	if (node->type == VK_OBJECT_TYPE_COMMAND_BUFFER) {
		((struct sl_check_commands *)node)->pending_count++;
	}
}

static void add_commands(struct sl_check_pending *pending, struct sl_check_commands *commands)
{
	uint32_t left = commands->secondary_count;

	add_node(pending, &commands->node);
	for (uint32_t i = 0; left > 0 && i < commands->named_count; i++) {
		if (commands->named[i]->type == VK_OBJECT_TYPE_COMMAND_BUFFER) {
			add_node(pending, commands->named[i]);
			left--;
		}
	}
}

int sl_check_note_submitted(struct sl_check *check, struct sl_object *queue_object,
			    const struct sl_object_list *named)
{
	struct sl_check_queue *queue = get_queue(check, queue_object);
	struct sl_check_pending *pending =
		calloc(1, sizeof(*pending) + count_nodes(named) * sizeof(struct sl_check_node *));

	if (queue == NULL || pending == NULL) {
		free(pending);
		return -ENOMEM;
	}
	for (uint32_t i = 0; i < named->count; i++) {
		struct sl_object *object = named->items[i];

		if (object->check == NULL || object->type == VK_OBJECT_TYPE_QUEUE) {
			continue;
		}
		if (object->type == VK_OBJECT_TYPE_COMMAND_BUFFER) {
			add_commands(pending, object->check);
		} else {
			add_node(pending, object->check);
		}
	}
	pending->number = check->host.get_submitted(queue->data);
	pending->sequence = ++check->sequence;
	check->changes++;
	TAILQ_INSERT_TAIL(&queue->pending, pending, link);
	return 0;
}
