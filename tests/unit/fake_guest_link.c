/* SPDX-License-Identifier: MIT */
/* A link without a host. */
#include "tests/unit/fake_guest_link.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/sl_test.h"

struct fake_link fake_link;

void fake_link_reset(void)
{
	free(fake_link.last_payload);
	memset(&fake_link, 0, sizeof(fake_link));
	memset(&fake_link.caps, 0xff, sizeof(fake_link.caps));
}

void fake_link_publish(uint32_t slot, uint64_t number)
{
	atomic_store(&fake_link.sync.queues[slot].completed, number);
}

void fake_link_lose(void)
{
	atomic_store(&fake_link.sync.lost, SL_LOST_DEVICE);
}

int sl_guest_link_open(struct sl_guest_link **ret_link, char *ret_why, size_t why_size)
{
	*ret_link = (struct sl_guest_link *)&fake_link;
	return 0;
}

void sl_guest_link_close(struct sl_guest_link *link)
{
}

const struct sl_caps *sl_guest_link_get_caps(const struct sl_guest_link *link)
{
	return &fake_link.caps;
}

bool sl_guest_link_has_extension(const struct sl_guest_link *link, const char *name)
{
	return true;
}

const struct sl_sync_page *sl_guest_link_get_sync(const struct sl_guest_link *link)
{
	return &fake_link.sync;
}

static void keep_payload(const struct iovec *payload, int payload_count, size_t size)
{
	free(fake_link.last_payload);
	fake_link.last_payload = malloc(size + 1);
	assert_non_null(fake_link.last_payload);
	fake_link.last_payload_size = 0;
	for (int i = 0; i < payload_count; i++) {
		memcpy(fake_link.last_payload + fake_link.last_payload_size, payload[i].iov_base,
		       payload[i].iov_len);
		fake_link.last_payload_size += payload[i].iov_len;
	}
}

int sl_guest_link_send(struct sl_guest_link *link, struct sl_wire_header *header,
		       const struct iovec *payload, int payload_count)
{
	size_t size = sizeof(*header);

	for (int i = 0; i < payload_count; i++) {
		size += payload[i].iov_len;
	}
	assert_int_equal(header->size, (size + 7) / 8 * 8);
	if (sl_guest_link_is_lost(link)) {
		return -EPIPE;
	}
	fake_link.sent++;
	fake_link.last_command_id = header->command_id;
	keep_payload(payload, payload_count, size - sizeof(*header));
	return 0;
}

int sl_guest_link_call_start(struct sl_guest_link *link, struct sl_wire_header *header,
			     const struct iovec *payload, int payload_count, size_t capacity,
			     struct sl_guest_reply *ret_reply)
{
	return -EPIPE;
}

int sl_guest_link_call_wait(struct sl_guest_link *link, struct sl_guest_reply *reply)
{
	return -EPIPE;
}

void sl_guest_link_call_finish(struct sl_guest_link *link, struct sl_guest_reply *reply)
{
}

int sl_guest_link_wait(struct sl_guest_link *link, bool (*ready)(void *data), void *data,
		       uint64_t deadline_ns)
{
	fake_link.last_deadline_ns = deadline_ns;
	for (int i = 0; i < 100; i++) {
		if (ready(data)) {
			return 0;
		}
		if (sl_guest_link_is_lost(link)) {
			return -EPIPE;
		}
		if (fake_link.step == NULL || deadline_ns == 0) {
			break;
		}
		fake_link.step(&fake_link);
	}
	assert_int_not_equal(deadline_ns, UINT64_MAX);
	return -ETIMEDOUT;
}

void sl_guest_link_wake(struct sl_guest_link *link)
{
	fake_link.wakes++;
}

bool sl_guest_link_is_lost(const struct sl_guest_link *link)
{
	return atomic_load(&fake_link.sync.lost) != SL_LOST_NOT;
}

bool sl_guest_link_check_lost(struct sl_guest_link *link)
{
	return sl_guest_link_is_lost(link);
}

int sl_guest_link_create_region(struct sl_guest_link *link, size_t size,
				struct sl_region *ret_region)
{
	return -ENOMEM;
}

int sl_guest_link_create_shared_region(struct sl_guest_link *link, size_t size,
				       struct sl_region *ret_region, int *ret_fd)
{
	return -ENOMEM;
}

void sl_guest_link_destroy_region(struct sl_guest_link *link, struct sl_region *region)
{
}
