/* SPDX-License-Identifier: MIT */
/* GPU timestamps around what a queue is given: how long it took by the GPU's own clock. They are
 * written by small command buffers of Sluice's own, one in front of the guest's and one behind
 * them, in the same call of the driver.
 *
 * Callers serialize: with sl_gate.lock held. */
#ifndef SL_HOST_REPLAY_STAMP_H
#define SL_HOST_REPLAY_STAMP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <vulkan/vulkan_core.h>

struct sl_replay_device;

/* As many calls of a queue can be measured at a time; the others are not. */
#define SL_STAMP_SLOTS 32u
/* A call that is not measured. */
#define SL_STAMP_NONE UINT32_MAX

/* The clock of one queue. What it shows cannot be compared with that of another one. */
struct sl_stamp_clock {
	uint64_t mask;	  /* of the bits that count; 0: there is no clock */
	double period_ns; /* of a tick */
	uint64_t end;	  /* when the last measured call ended; if has_end */
	bool has_end;	  /* something has been with the queue ever since */
};

void sl_stamp_clock_init(struct sl_stamp_clock *clock, uint32_t valid_bits, double period_ns);

/* Nanoseconds from begin to end, without what lies before the end of the call before: the front
 * of a call may be reached while that still runs. end is that of the next one. */
uint64_t sl_stamp_clock_take(struct sl_stamp_clock *clock, uint64_t begin, uint64_t end);

/* Nothing is with the queue. What comes later may come after any time. */
void sl_stamp_clock_rest(struct sl_stamp_clock *clock);

/* What the driver is to be called with. */
struct sl_stamp_call {
	const void *batches; /* VkSubmitInfo or VkSubmitInfo2 */
	uint32_t count;
	bool is_submit2;
};

/* Of one queue. All zero: it has no clock. */
struct sl_stamps {
	struct sl_replay_device *device;
	uint32_t family;
	bool resets_on_queue; /* its family can reset queries; else the host does */
	bool is_failed;	      /* the driver had no memory for them */
	struct sl_stamp_clock clock;
	VkQueryPool queries; /* two for each slot; made when first needed, like what follows */
	VkCommandPool pool;
	VkCommandBuffer fronts[SL_STAMP_SLOTS];
	VkCommandBuffer backs[SL_STAMP_SLOTS];
	uint32_t first; /* slot of the oldest call that is measured */
	uint32_t count; /* of those */
	void *copy;	/* of the batches, for the time of the call */
	size_t copy_size;
};

/* Find out whether queues of the family have a clock. Any thread: nobody has it yet. */
void sl_stamps_init(struct sl_stamps *stamps, struct sl_replay_device *device, uint32_t family);
/* Nothing may be under way. Accepts what was never initialized. */
void sl_stamps_finish(struct sl_stamps *stamps);

/* Put timestamps around a call, whose batches must be the guest's or Sluice's own with nothing in
 * their chains that counts command buffers (sl_cut_is_plain()). What *call then points to is good
 * until the next time.
 *
 * Returns a slot, or SL_STAMP_NONE with *call as it was: nothing to measure, or nothing to measure
 * it with. */
uint32_t sl_stamps_wrap(struct sl_stamps *stamps, struct sl_stamp_call *call);

/* The call has completed, and those before it have been read. Returns false if the driver does not
 * tell. */
bool sl_stamps_read(struct sl_stamps *stamps, uint32_t slot, uint64_t *ret_time_ns);

#endif
