/* SPDX-License-Identifier: MIT */
/* The renderer's end of a context: messages in, replies and completions out. */
#include "host/link/host_link.h"

#include "host/link/host_link_priv.h"
#include "protocol/clock.h"
#include "protocol/limits.h"

#include <assert.h>
#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

/* Messages larger than this get memory of their own. */
#define LARGE_SIZE (SL_HOST_BUFFER_SIZE / 2)
/* See nap_while_busy(). */
#define BUSY_NS	   (10 * SL_NS_PER_MS)
#define NAP_PART   8
#define NAP_MIN_NS 20000

/* After so many replies in a row on the guest's CPU the renderer leaves it, and not again for so
 * long. */
#define SHARING_MAX 16
#define LEAVING_NS  10000000u

const struct sl_caps *sl_host_link_get_caps(const struct sl_host_link *link)
{
	return &link->caps;
}

const char *sl_host_link_get_program(const struct sl_host_link *link)
{
	return link->program;
}

uint32_t sl_host_link_get_guest_pid(const struct sl_host_link *link)
{
	return link->guest_pid;
}

static void ring_wake(const struct sl_host_link *link)
{
	const uint64_t one = 1;

	/* It fails only if the counter is full, and then it has been rung. */
	if (link->wake >= 0) {
		(void)!write(link->wake, &one, sizeof(one));
	}
}

/* Threads of a virtual machine do not sleep in this kernel. */
static void wake_guest(const struct sl_host_link *link)
{
	if (link->wake < 0) {
		sl_sync_wake(link->sync);
	} else if (sl_sync_count_change(link->sync)) {
		ring_wake(link);
	}
}

/* Returns 0, -EPIPE, -EBADMSG. */
static int take_events(struct sl_host_link *link, const struct epoll_event *events, int count)
{
	for (int i = 0; i < count; i++) {
		if (events[i].data.fd != link->socket) {
			continue;
		}
		int r = sl_host_link_read_packets(link);
		/* What the guest wrote before it went is still read. */
		if (r < 0 && (r != -EPIPE || sl_ring_is_empty(&link->ring))) {
			return r;
		}
	}
	return 0;
}

/* Returns how many events there are, as epoll_wait() does. */
static int wait_for_events(struct sl_host_link *link, struct epoll_event *events, int capacity)
{
	/* A timeout makes each sleep longer by 4 us. */
	if (link->idle != NULL && link->busy_bytes >= SL_HOST_BUSY_BYTES) {
		int count = epoll_wait(link->epoll, events, capacity, SL_HOST_IDLE_MS);

		if (count != 0) {
			return count;
		}
		link->idle();
		link->busy_bytes = 0;
	}
	return epoll_wait(link->epoll, events, capacity, -1);
}

/* Sleep until the guest rings or sends a packet. Returns 0 (look again), -EPIPE, -EBADMSG. */
static int sleep_until_doorbell(struct sl_host_link *link)
{
	struct epoll_event events[2];
	int count = 0;

	if (sl_ring_prepare_sleep(&link->ring)) {
		count = wait_for_events(link, events, 2);
	}
	sl_ring_end_sleep(&link->ring);
	return take_events(link, events, count);
}

/* The doorbell of a virtual machine stops a CPU of it. So while the last message is not long ago,
 * its renderer looks by itself, at intervals that grow with the time gone by: what waits for it
 * waits an eighth longer. Returns 0 (there are bytes, or it is long ago), -EPIPE, -EBADMSG. */
static int nap_while_busy(struct sl_host_link *link, uint64_t start_ns)
{
	struct epoll_event events[2];
	uint64_t gone_ns = sl_clock_now_ns() - start_ns;

	while (gone_ns < BUSY_NS && sl_ring_is_empty(&link->ring)) {
		uint64_t nap_ns = gone_ns / NAP_PART;
		const struct timespec timeout = {
			.tv_nsec = (long)(nap_ns > NAP_MIN_NS ? nap_ns : NAP_MIN_NS),
		};
		int count = epoll_pwait2(link->epoll, events, 2, &timeout, NULL);
		int r = take_events(link, events, count);

		if (r < 0) {
			return r;
		}
		gone_ns = sl_clock_now_ns() - start_ns;
	}
	return 0;
}

/* Move this thread off its CPU, unless it may run nowhere else. */
static void leave_cpu(void)
{
	cpu_set_t all;
	cpu_set_t others;

	if (sched_getaffinity(0, sizeof(all), &all) < 0) {
		return;
	}
	others = all;
	CPU_CLR(sched_getcpu(), &others);
	if (CPU_COUNT(&others) > 0 && sched_setaffinity(0, sizeof(others), &others) == 0) {
		sched_setaffinity(0, sizeof(all), &all);
	}
}

/* After a reply, where the guest shares this thread's CPU: one that calls after a pause goes first.
 * One that calls again and again gets the CPU for itself, since schedulers that pack threads onto
 * few CPUs would let the two take turns forever, 5 us a call instead of 0.3. It has been woken up:
 * asleep it would follow. */
static void part(struct sl_host_link *link)
{
	if (!sl_ring_other_is_here(&link->ring)) {
		link->sharing_count = 0;
	} else if (link->was_quiet) {
		link->sharing_count = 0;
		sched_yield();
	} else if (++link->sharing_count >= SHARING_MAX) {
		uint64_t now = sl_clock_now_ns();

		link->sharing_count = 0;
		if (now - link->left_cpu >= LEAVING_NS) {
			link->left_cpu = now;
			leave_cpu();
		}
	}
}

/* Returns 0 once there may be bytes to read, -EPIPE, -EBADMSG. */
static int wait_for_bytes(struct sl_host_link *link)
{
	uint64_t start_ns = sl_clock_now_ns();
	uint64_t now = start_ns;

	if (link->packet_why != NULL) {
		return -EBADMSG;
	}
	/* Spinning on the guest's CPU would only keep it from writing. */
	while (now - start_ns < link->spin_ns && !sl_ring_other_is_here(&link->ring)) {
		for (int i = 0; i < SL_CLOCK_RELAX_COUNT; i++) {
			if (!sl_ring_is_empty(&link->ring)) {
				return 0;
			}
			sl_clock_relax();
		}
		now = sl_clock_now_ns();
		if (now - start_ns >= SL_CLOCK_YIELD_NS) {
			sched_yield();
		}
	}
	int r = 0;

	if (sl_host_link_has_pages(link)) {
		r = nap_while_busy(link, start_ns);
	}
	if (r == 0 && sl_ring_is_empty(&link->ring)) {
		r = sleep_until_doorbell(link);
	}
	link->was_quiet = sl_clock_now_ns() - start_ns >= SL_CLOCK_QUIET_NS;
	return r;
}

/* Copy what is there, at most capacity bytes, and give its space back to the guest; waits until
 * there is something. Returns 0, -EPIPE, -EBADMSG with *ret_why. */
static int read_bytes(struct sl_host_link *link, uint8_t *data, size_t capacity, size_t *ret_read,
		      const char **ret_why)
{
	for (;;) {
		if (sl_ring_read(&link->ring, data, capacity, ret_read) < 0) {
			*ret_why = "ring head is impossible";
			return -EBADMSG;
		}
		if (*ret_read > 0) {
			link->busy_bytes += *ret_read;
			if (sl_ring_release(&link->ring)) {
				wake_guest(link);
			}
			return 0;
		}
		int r = wait_for_bytes(link);
		if (r < 0) {
			*ret_why = r == -EPIPE ? "guest closed its end" : link->packet_why;
			return r;
		}
	}
}

/* Returns 0, -EBADMSG with *ret_why. */
static int check_header(struct sl_host_link *link, const struct sl_wire_header *header,
			const char **ret_why)
{
	if (header->size < sizeof(*header) || header->size % 8 != 0) {
		*ret_why = "message has a bad size";
		return -EBADMSG;
	}
	if (header->size > SL_MAX_MESSAGE_SIZE) {
		*ret_why = "message is too large";
		return -EBADMSG;
	}
	if (header->seqno != link->seqno) {
		*ret_why = "message is out of sequence";
		return -EBADMSG;
	}
	return 0;
}

/* A message larger than the buffer, of which the buffer has the first part. */
static int receive_large(struct sl_host_link *link, size_t size, const char **ret_why)
{
	size_t has = link->end - link->start;

	if (has > size) {
		has = size;
	}
	link->large = malloc(size);
	if (link->large == NULL) {
		return -ENOMEM;
	}
	memcpy(link->large, link->buffer + link->start, has);
	link->start += has;
	while (has < size) {
		size_t count;
		int r = read_bytes(link, link->large + has, size - has, &count, ret_why);

		if (r < 0) {
			return r;
		}
		has += count;
	}
	link->message = (struct sl_message){ .data = link->large, .size = size };
	return 0;
}

/* Have at least size bytes in the buffer. */
static int fill_buffer(struct sl_host_link *link, size_t size, const char **ret_why)
{
	if (link->start + size > SL_HOST_BUFFER_SIZE || link->start == link->end) {
		memmove(link->buffer, link->buffer + link->start, link->end - link->start);
		link->end -= link->start;
		link->start = 0;
	}
	while (link->end - link->start < size) {
		size_t count;
		int r = read_bytes(link, link->buffer + link->end, SL_HOST_BUFFER_SIZE - link->end,
				   &count, ret_why);

		if (r < 0) {
			return r;
		}
		link->end += count;
	}
	return 0;
}

int sl_host_link_receive(struct sl_host_link *link, struct sl_message *ret_message,
			 const char **ret_why)
{
	struct sl_wire_header header;

	free(link->large);
	link->large = NULL;
	link->message = (struct sl_message){ 0 };
	int r = fill_buffer(link, sizeof(header), ret_why);
	if (r < 0) {
		return r;
	}
	memcpy(&header, link->buffer + link->start, sizeof(header));
	r = check_header(link, &header, ret_why);
	if (r < 0) {
		return r;
	}
	if (header.size > LARGE_SIZE) {
		r = receive_large(link, header.size, ret_why);
	} else {
		r = fill_buffer(link, header.size, ret_why);
		if (r == 0) {
			link->message = (struct sl_message){
				.data = link->buffer + link->start,
				.size = header.size,
			};
			link->start += header.size;
		}
	}
	if (r == -ENOMEM) {
		*ret_why = "out of memory for a message";
	}
	if (r == 0) {
		link->seqno++;
		*ret_message = link->message;
	}
	return r;
}

uint8_t *sl_host_link_steal_message(struct sl_host_link *link)
{
	uint8_t *data = link->large;

	if (data != NULL) {
		link->large = NULL;
		return data;
	}
	data = malloc(link->message.size);
	if (data != NULL) {
		memcpy(data, link->message.data, link->message.size);
	}
	return data;
}

static void drop_reply(struct sl_host_link *link)
{
	if (link->reply != NULL && link->reply_region_id != 0) {
		sl_host_link_release_region(link, link->reply_region_id);
	}
	link->reply = NULL;
	link->reply_region_id = 0;
}

int sl_host_link_begin_reply(struct sl_host_link *link, const struct sl_wire_reply_slot *slot,
			     size_t size, uint8_t **ret_payload)
{
	void *data = link->reply_area.data;
	size_t region_size = link->reply_area.size;

	drop_reply(link);
	if (size > slot->capacity || slot->offset % 64 != 0 || slot->reserved != 0) {
		return -EBADMSG;
	}
	if (slot->region_id != SL_REGION_REPLY) {
		if (sl_host_link_hold_region(link, slot->region_id, &data, &region_size) < 0) {
			return -EBADMSG;
		}
	}
	if (slot->offset > region_size ||
	    sizeof(struct sl_reply_header) + (size_t)slot->capacity > region_size - slot->offset) {
		if (slot->region_id != SL_REGION_REPLY) {
			sl_host_link_release_region(link, slot->region_id);
		}
		return -EBADMSG;
	}
	link->reply = (struct sl_reply_header *)((uint8_t *)data + slot->offset);
	link->reply_size = size;
	link->reply_region_id = slot->region_id != SL_REGION_REPLY ? slot->region_id : 0;
	*ret_payload = (uint8_t *)(link->reply + 1);
	return 0;
}

void sl_host_link_commit_reply(struct sl_host_link *link)
{
	assert(link->reply != NULL);
	link->reply->size = (uint32_t)link->reply_size;
	/* Release: payload and size come before; pairs with the acquire in the guest's
	 * has_reply(). */
	atomic_store_explicit(&link->reply->state, SL_REPLY_DONE, memory_order_release);
	drop_reply(link);
	wake_guest(link);
	part(link);
	link->was_quiet = false;
}

void sl_host_link_publish(struct sl_host_link *link, uint32_t queue_slot, uint64_t completed)
{
	assert(queue_slot < SL_MAX_QUEUES);
	/* Release: what the GPU wrote into shared memory comes before; pairs with the acquire of
	 * the guest thread that loads it. */
	atomic_store_explicit(&link->sync->queues[queue_slot].completed, completed,
			      memory_order_release);
	wake_guest(link);
}

void sl_host_link_set_lost(struct sl_host_link *link, enum sl_lost_reason reason, const char *text)
{
	/* Relaxed: only decides who; what is told is ordered by the sync page. */
	if (!atomic_exchange_explicit(&link->is_lost, true, memory_order_relaxed)) {
		sl_sync_set_lost(link->sync, reason, text);
		ring_wake(link);
	}
}
