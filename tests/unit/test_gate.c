/* SPDX-License-Identifier: MIT */
/* The gate with a driver and an arbiter that are the test: what goes to which queue when, and what
 * is asked for meanwhile. */
#include "host/replay/gate.h"

#include "sl_test.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "host/base/clock.h"
#include "host/replay/queue.h"
#include "host/replay/replay_priv.h"

#define MS	   1000000u
#define SLICE_NS   (2 * MS)
#define MAX_EVENTS 16

enum {
	FIRST = 1,
	SECOND = 2
};

struct world {
	struct sl_stats stats;
	struct sl_replay replay;
	struct sl_arena message_arena;
	struct sl_replay_device device;
	struct sl_replay_queue queues[2];
	struct sl_sched_msg sent[MAX_EVENTS];
	int sent_count;
};

static uint64_t fake_now_ns;

/* In which order the driver got what: the handle of the queue for each call. */
static uint64_t driver_calls[MAX_EVENTS];
static int driver_call_count;
static struct sl_gate *gate;
static uint32_t driver_commands; /* command buffers of the last call */
static uint64_t driver_ticks[2 * SL_STAMP_SLOTS];

uint64_t sl_clock_now_ns(void)
{
	return fake_now_ns;
}

static VKAPI_ATTR VkResult VKAPI_CALL queue_submit(VkQueue queue, uint32_t count,
						   const VkSubmitInfo *infos, VkFence fence)
{
	assert_true(count > 0 && infos != NULL && fence == VK_NULL_HANDLE);
	/* A queue is for one thread at a time. */
	assert_int_equal(pthread_mutex_trylock(&gate->lock), EBUSY);
	driver_calls[driver_call_count++] = (uint64_t)(uintptr_t)queue;
	driver_commands = infos->commandBufferCount;
	return VK_SUCCESS;
}

static VKAPI_ATTR VkResult VKAPI_CALL get_ticks(VkDevice device, VkQueryPool pool, uint32_t first,
						uint32_t count, size_t size, void *data,
						VkDeviceSize stride, VkQueryResultFlags flags)
{
	(void)device;
	(void)pool;
	(void)stride;
	(void)flags;
	assert_int_equal(count, 2);
	memcpy(data, &driver_ticks[first], size);
	return VK_SUCCESS;
}

/* The queue has a clock, whose command buffers are there. */
static void add_clock(struct sl_replay_queue *queue)
{
	struct sl_stamps *stamps = &queue->stamps;

	queue->device->vkd.GetQueryPoolResults = get_ticks;
	stamps->device = queue->device;
	stamps->resets_on_queue = true;
	stamps->queries = (VkQueryPool)1;
	sl_stamp_clock_init(&stamps->clock, 64, 1);
	for (uint32_t i = 0; i < SL_STAMP_SLOTS; i++) {
		stamps->fronts[i] = (VkCommandBuffer)1;
		stamps->backs[i] = (VkCommandBuffer)2;
	}
}

static VKAPI_ATTR VkResult VKAPI_CALL signal_semaphore(VkDevice device,
						       const VkSemaphoreSignalInfo *info)
{
	(void)device;
	assert_int_equal(info->value, 1);
	return VK_SUCCESS;
}

static void send(void *data, const struct sl_sched_msg *msg)
{
	struct world *world = data;

	world->sent[world->sent_count++] = *msg;
}

static void set_timer(void *data, uint64_t time_ns)
{
	(void)data;
	(void)time_ns;
}

static VkSemaphore semaphore(uintptr_t number)
{
	return (VkSemaphore)number;
}

static void start(struct world *world)
{
	*world = (struct world){ 0 };
	driver_call_count = 0;
	gate = &world->replay.gate;
	memset(driver_ticks, 0, sizeof(driver_ticks));
	fake_now_ns = 1000 * MS;
	world->replay.options.stats = &world->stats;
	world->replay.options.sched = (struct sl_replay_sched){ send, set_timer, world };
	world->replay.options.cut = SL_REPLAY_NEVER;
	world->replay.message_arena = &world->message_arena;
	sl_arena_init(&world->message_arena, 1 << 20);
	sl_arena_init(&world->replay.scratch, 1 << 20);
	sl_gate_init(&world->replay);
	world->device.replay = &world->replay;
	world->device.vkd.QueueSubmit = queue_submit;
	world->device.vkd.SignalSemaphore = signal_semaphore;
	for (uintptr_t i = 0; i < 2; i++) {
		world->queues[i].device = &world->device;
		world->queues[i].handle = (VkQueue)(i + 1);
		TAILQ_INIT(&world->queues[i].parked);
	}
	for (uintptr_t i = 1; i <= 2; i++) {
		assert_int_equal(sl_gate_add_semaphore(&world->device, semaphore(i), true, 0), 0);
	}
}

static void stop(struct world *world)
{
	sl_gate_forget_semaphores(&world->device);
	for (int i = 0; i < 2; i++) {
		assert_true(TAILQ_EMPTY(&world->queues[i].parked));
		free(world->queues[i].flights);
		free(world->queues[i].stamps.copy);
	}
	sl_arena_finish(&world->message_arena);
	sl_arena_finish(&world->replay.scratch);
	sl_gate_finish(&world->replay);
}

/* A submission waits until a timeline has come to 1, and brings another one there; 0: it does not.
 */
static void submit(struct world *world, int queue, uintptr_t wait, uintptr_t signal)
{
	static const uint64_t one = 1;
	static VkSemaphore semaphores[MAX_EVENTS];
	static VkTimelineSemaphoreSubmitInfo values[MAX_EVENTS];
	static VkSubmitInfo infos[MAX_EVENTS];
	static VkCommandBuffer commands;
	static int used;
	int at = used++ % (MAX_EVENTS / 2) * 2;

	semaphores[at] = semaphore(wait);
	semaphores[at + 1] = semaphore(signal);
	values[at] = (VkTimelineSemaphoreSubmitInfo){
		.sType = VK_STRUCTURE_TYPE_TIMELINE_SEMAPHORE_SUBMIT_INFO,
		.waitSemaphoreValueCount = 1,
		.pWaitSemaphoreValues = &one,
		.signalSemaphoreValueCount = 1,
		.pSignalSemaphoreValues = &one,
	};
	infos[at] = (VkSubmitInfo){
		.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
		.pNext = &values[at],
		.waitSemaphoreCount = wait != 0,
		.pWaitSemaphores = &semaphores[at],
		.commandBufferCount = 1,
		.pCommandBuffers = &commands,
		.signalSemaphoreCount = signal != 0,
		.pSignalSemaphores = &semaphores[at + 1],
	};
	const struct sl_submission submission = {
		.queue = &world->queues[queue - 1],
		.kind = SL_SUBMISSION_SUBMIT,
		.number = ++world->queues[queue - 1].submitted,
		.batch_count = 1,
		.batches = &infos[at],
	};

	assert_int_equal(sl_gate_submit(&world->replay, &submission), 0);
}

static void tell(struct world *world, uint32_t type, uint64_t grant)
{
	const struct sl_sched_msg msg = {
		.type = type, .grant = grant, .time_ns = 1000 * SLICE_NS, .piece_ns = 500 * SLICE_NS
	};

	sl_replay_handle_sched(&world->replay, &msg);
}

static void complete(struct world *world, int queue, uint64_t number)
{
	sl_gate_complete(&world->queues[queue - 1], sl_cut_value(number, 0));
}

static void assert_sent(struct world *world, uint32_t type, uint32_t flags)
{
	assert_int_equal(world->sent_count, 1);
	assert_int_equal(world->sent[0].type, type);
	assert_int_equal(world->sent[0].flags, flags);
	world->sent_count = 0;
}

static void assert_driver_got(const uint64_t *queues, int count)
{
	assert_int_equal(driver_call_count, count);
	assert_memory_equal(driver_calls, queues, (size_t)count * sizeof(*queues));
}

/* Nobody is asked for the GPU for work that cannot run. */
static void test_a_wait_before_its_signal_holds_nothing(void **state)
{
	struct world world;

	start(&world);
	submit(&world, FIRST, 1, 0);
	assert_int_equal(world.sent_count, 0);
	submit(&world, SECOND, 0, 1);
	assert_sent(&world, SL_SCHED_MSG_REQUEST, 0);
	tell(&world, SL_SCHED_MSG_GRANT, 1);
	assert_driver_got((const uint64_t[]){ SECOND, FIRST }, 2);
	complete(&world, SECOND, 1);
	complete(&world, FIRST, 1);
	stop(&world);
	(void)state;
}

/* Two queues that wait for each other in turn come through, also when the GPU is taken away in the
 * middle: what the driver holds never waits for what it does not. */
static void test_queues_wait_for_each_other_across_grants(void **state)
{
	struct world world;

	start(&world);
	submit(&world, FIRST, 1, 2);
	submit(&world, SECOND, 0, 1);
	submit(&world, SECOND, 2, 0);
	assert_sent(&world, SL_SCHED_MSG_REQUEST, 0);
	/* By the first guess a job takes 1 ms: one goes. */
	const struct sl_sched_msg grant = {
		.type = SL_SCHED_MSG_GRANT, .grant = 1, .time_ns = 1000 * SLICE_NS, .piece_ns = 1
	};
	sl_replay_handle_sched(&world.replay, &grant);
	assert_driver_got((const uint64_t[]){ SECOND }, 1);
	tell(&world, SL_SCHED_MSG_REVOKE, 1);
	assert_int_equal(world.sent_count, 0);
	complete(&world, SECOND, 1);
	assert_sent(&world, SL_SCHED_MSG_RETURN, SL_SCHED_MSG_WANTS_MORE);
	assert_driver_got((const uint64_t[]){ SECOND }, 1);
	tell(&world, SL_SCHED_MSG_GRANT, 2);
	assert_driver_got((const uint64_t[]){ SECOND, FIRST, SECOND }, 3);
	tell(&world, SL_SCHED_MSG_REVOKE, 2);
	complete(&world, FIRST, 1);
	assert_int_equal(world.sent_count, 0);
	complete(&world, SECOND, 2);
	assert_sent(&world, SL_SCHED_MSG_RETURN, 0);
	stop(&world);
	(void)state;
}

static void test_the_guests_own_signal_lets_it_go(void **state)
{
	struct world world;
	const VkSemaphoreSignalInfo signal = { .sType = VK_STRUCTURE_TYPE_SEMAPHORE_SIGNAL_INFO,
					       .semaphore = semaphore(1),
					       .value = 1 };

	start(&world);
	submit(&world, FIRST, 1, 0);
	submit(&world, FIRST, 0, 0);
	/* A queue stays in order. */
	assert_int_equal(world.sent_count, 0);
	assert_int_equal(sl_gate_signal_semaphore(&world.device, &signal), VK_SUCCESS);
	assert_sent(&world, SL_SCHED_MSG_REQUEST, 0);
	tell(&world, SL_SCHED_MSG_GRANT, 1);
	assert_driver_got((const uint64_t[]){ FIRST, FIRST }, 2);
	complete(&world, FIRST, 2);
	stop(&world);
	(void)state;
}

/* What is lost gives the GPU back, and takes no more. */
static void test_a_lost_device_gives_the_gpu_back(void **state)
{
	struct world world;

	start(&world);
	submit(&world, FIRST, 0, 0);
	assert_sent(&world, SL_SCHED_MSG_REQUEST, 0);
	tell(&world, SL_SCHED_MSG_GRANT, 1);
	sl_gate_abandon(&world.replay);
	assert_sent(&world, SL_SCHED_MSG_RETURN, 0);
	stop(&world);
	(void)state;
}

static void tell_standing(struct world *world)
{
	const struct sl_sched_msg msg = { .type = SL_SCHED_MSG_GRANT, .grant = 1 };

	sl_replay_handle_sched(&world->replay, &msg);
}

static uint64_t get_busy(const struct world *world)
{
	return sl_stats_get_gpu_busy(&world->stats, fake_now_ns);
}

/* Work that was submitted 3 ms ago ran for one of them by the GPU's clock. */
static void test_shared_work_is_measured_by_timestamps(void **state)
{
	struct world world;

	start(&world);
	add_clock(&world.queues[0]);
	submit(&world, FIRST, 0, 0);
	tell(&world, SL_SCHED_MSG_GRANT, 1);
	assert_int_equal(driver_commands, 3);
	fake_now_ns += 3 * MS;
	/* That is all that is known so far. */
	assert_int_equal(get_busy(&world), 3 * MS);
	driver_ticks[0] = 500;
	driver_ticks[1] = 500 + MS;
	complete(&world, FIRST, 1);
	assert_int_equal(get_busy(&world), MS);
	assert_int_equal(sl_stats_get(&world.stats.gpu_stamped_ns), MS);
	/* Two that the driver has at the same time; the second has its turn early. */
	submit(&world, FIRST, 0, 0);
	submit(&world, FIRST, 0, 0);
	assert_int_equal(driver_call_count, 3);
	driver_ticks[2] = 5 * MS;
	driver_ticks[3] = 7 * MS;
	driver_ticks[4] = 5 * MS + 10;
	driver_ticks[5] = 8 * MS;
	fake_now_ns += 4 * MS;
	complete(&world, FIRST, 3);
	assert_int_equal(get_busy(&world), 4 * MS);
	assert_int_equal(sl_stats_get(&world.stats.gpu_stamped_ns), 4 * MS);
	/* What each took is known, though both were seen to end at once. */
	assert_int_equal(world.queues[0].cost_ns, ((MS + 2 * MS) / 2 + MS) / 2);
	stop(&world);
	(void)state;
}

static void test_no_timestamp_says_more_than_the_clock(void **state)
{
	struct world world;

	start(&world);
	add_clock(&world.queues[0]);
	submit(&world, FIRST, 0, 0);
	submit(&world, FIRST, 0, 0);
	tell(&world, SL_SCHED_MSG_GRANT, 1);
	fake_now_ns += 2 * MS;
	driver_ticks[1] = MS;
	complete(&world, FIRST, 1);
	/* The second one had run for a while before the end of the first was noticed. */
	fake_now_ns += MS;
	driver_ticks[2] = MS;
	driver_ticks[3] = MS + 3 * MS / 2;
	complete(&world, FIRST, 2);
	assert_int_equal(get_busy(&world), 5 * MS / 2);
	submit(&world, FIRST, 0, 0);
	fake_now_ns += MS;
	driver_ticks[4] = 0;
	driver_ticks[5] = UINT64_MAX / 4;
	complete(&world, FIRST, 3);
	assert_int_equal(get_busy(&world), 7 * MS / 2);
	stop(&world);
	(void)state;
}

/* Alone the driver gets what the guest sent, and nothing more. */
static void test_alone_completions_count(void **state)
{
	struct world world;

	start(&world);
	add_clock(&world.queues[0]);
	submit(&world, FIRST, 0, 0);
	tell_standing(&world);
	assert_int_equal(driver_commands, 1);
	fake_now_ns += 3 * MS;
	complete(&world, FIRST, 1);
	assert_int_equal(get_busy(&world), 3 * MS);
	assert_int_equal(sl_stats_get(&world.stats.gpu_stamped_ns), 0);
	stop(&world);
	(void)state;
}

/* Clocks of two queues cannot be compared: while both work, completions count. */
static void test_two_queues_are_measured_by_completions(void **state)
{
	struct world world;

	start(&world);
	add_clock(&world.queues[0]);
	add_clock(&world.queues[1]);
	submit(&world, FIRST, 0, 0);
	submit(&world, SECOND, 0, 0);
	tell(&world, SL_SCHED_MSG_GRANT, 1);
	assert_driver_got((const uint64_t[]){ FIRST, SECOND }, 2);
	fake_now_ns += 2 * MS;
	driver_ticks[0] = 0;
	driver_ticks[1] = MS;
	complete(&world, SECOND, 1);
	fake_now_ns += MS;
	complete(&world, FIRST, 1);
	assert_int_equal(get_busy(&world), 3 * MS);
	assert_int_equal(sl_stats_get(&world.stats.gpu_stamped_ns), 0);
	/* One by one they are measured again. */
	submit(&world, SECOND, 0, 0);
	fake_now_ns += 3 * MS;
	driver_ticks[2] = 0;
	driver_ticks[3] = 2 * MS;
	complete(&world, SECOND, 2);
	assert_int_equal(get_busy(&world), 5 * MS);
	assert_int_equal(sl_stats_get(&world.stats.gpu_stamped_ns), 2 * MS);
	stop(&world);
	(void)state;
}

/* The replay's own empty submission goes past the gate, but not while another thread is at the
 * queue. */
static void test_nothing_asks_nobody(void **state)
{
	struct world world;

	start(&world);
	assert_int_equal(sl_gate_submit_nothing(&world.device, world.queues[0].handle), VK_SUCCESS);
	assert_driver_got((const uint64_t[]){ FIRST }, 1);
	assert_int_equal(world.sent_count, 0);
	stop(&world);
	(void)state;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_wait_before_its_signal_holds_nothing),
		cmocka_unit_test(test_queues_wait_for_each_other_across_grants),
		cmocka_unit_test(test_the_guests_own_signal_lets_it_go),
		cmocka_unit_test(test_a_lost_device_gives_the_gpu_back),
		cmocka_unit_test(test_shared_work_is_measured_by_timestamps),
		cmocka_unit_test(test_no_timestamp_says_more_than_the_clock),
		cmocka_unit_test(test_alone_completions_count),
		cmocka_unit_test(test_two_queues_are_measured_by_completions),
		cmocka_unit_test(test_nothing_asks_nobody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
