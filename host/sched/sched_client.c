/* SPDX-License-Identifier: MIT */
/* Asks for the GPU, watches the slice, gives the GPU back. */
#include "host/sched/sched_client.h"

#include <assert.h>

#define FIRST_COST_NS 1000000ull

void sl_sched_client_init(struct sl_sched_client *client,
			  void (*send)(void *data, const struct sl_sched_msg *msg), void *data)
{
	*client = (struct sl_sched_client){ .send = send,
					    .data = data,
					    .cost_ns = FIRST_COST_NS,
					    .slice_ns = UINT64_MAX,
					    .piece_ns = SL_SCHED_PIECE_NS };
}

static void take_grant(struct sl_sched_client *client, const struct sl_sched_msg *msg,
		       uint64_t now_ns)
{
	bool was_ahead = client->state == SL_SCHED_CLIENT_AHEAD;
	bool is_ahead = (msg->flags & SL_SCHED_MSG_AHEAD) != 0;

	client->state = is_ahead ? SL_SCHED_CLIENT_AHEAD : SL_SCHED_CLIENT_HOLDS;
	client->grant = msg->grant;
	client->slice_ns = msg->time_ns == 0 ? UINT64_MAX : msg->time_ns;
	client->piece_ns = msg->time_ns == 0 ? client->piece_ns : msg->piece_ns;
	client->is_revoked = false;
	client->is_ending = false;
	client->granted_ns = now_ns;
	client->idle_ns = now_ns;
	client->used_ns = 0;
	client->begin_ns = was_ahead ? client->begin_ns : 0;
	client->busy_ns = now_ns;
	client->completed_ns = now_ns;
}

bool sl_sched_client_handle(struct sl_sched_client *client, const struct sl_sched_msg *msg,
			    uint64_t now_ns)
{
	switch (msg->type) {
	case SL_SCHED_MSG_GRANT:
		take_grant(client, msg, now_ns);
		return true;
	case SL_SCHED_MSG_REVOKE:
		if (client->state == SL_SCHED_CLIENT_HOLDS && client->grant == msg->grant) {
			client->is_revoked = true;
		}
		return true;
	default:
		return false;
	}
}

/* Will the grant be over at a time, for whoever starts something then? The first piece may take
 * longer than a slice; others end well within it, as far as can be told. */
static bool is_over(const struct sl_sched_client *client, uint64_t time_ns)
{
	uint64_t spare_ns = client->slice_ns / SL_SCHED_SPARE_PART;
	uint64_t need_ns = client->begin_ns != 0 ? client->cost_ns + spare_ns : 1;

	return client->is_revoked || (client->slice_ns != UINT64_MAX &&
				      time_ns - client->granted_ns + need_ns > client->slice_ns);
}

bool sl_sched_client_counts(const struct sl_sched_client *client)
{
	return client->state == SL_SCHED_CLIENT_HOLDS;
}

bool sl_sched_client_may_start(const struct sl_sched_client *client, uint64_t now_ns)
{
	if (client->state == SL_SCHED_CLIENT_AHEAD) {
		return client->begin_ns == 0;
	}
	if (client->state != SL_SCHED_CLIENT_HOLDS || is_over(client, now_ns)) {
		return false;
	}
	uint64_t queued_ns = client->in_flight * client->cost_ns;

	if (client->slice_ns == UINT64_MAX) {
		return client->in_flight == 0 || queued_ns < SL_SCHED_AHEAD_NS ||
		       (client->in_flight == 1 && queued_ns < SL_SCHED_NEXT_NS);
	}
	/* Beside what runs no more than one piece, so that a revocation is obeyed soon. */
	return client->in_flight == 0 ||
	       (!is_over(client, now_ns + queued_ns) && queued_ns < 2 * client->piece_ns);
}

uint64_t sl_sched_client_get_piece_ns(const struct sl_sched_client *client)
{
	bool is_shared = client->slice_ns != UINT64_MAX || client->is_revoked;

	return is_shared ? client->piece_ns : UINT64_MAX;
}

void sl_sched_client_start(struct sl_sched_client *client, uint64_t now_ns)
{
	assert(client->state >= SL_SCHED_CLIENT_AHEAD);
	if (client->in_flight++ == 0) {
		client->busy_ns = now_ns;
		client->completed_ns = now_ns;
	}
	if (client->begin_ns == 0) {
		client->begin_ns = now_ns;
	}
}

void sl_sched_client_complete(struct sl_sched_client *client, uint32_t count, uint64_t now_ns)
{
	assert(count > 0 && count <= client->in_flight);
	uint64_t sample_ns = (now_ns - client->completed_ns) / count;

	client->completed_ns = now_ns;
	client->in_flight -= count;
	if (client->state == SL_SCHED_CLIENT_AHEAD) {
		/* How much of the time it ran, and not another's work, nobody knows. */
		return;
	}
	client->cost_ns -= client->cost_ns / 4;
	client->cost_ns += sample_ns / 4;
	if (client->in_flight == 0) {
		client->used_ns += now_ns - client->busy_ns;
		client->idle_ns = now_ns;
	}
}

void sl_sched_client_abandon(struct sl_sched_client *client, uint64_t now_ns)
{
	if (client->in_flight > 0) {
		sl_sched_client_complete(client, client->in_flight, now_ns);
	}
	client->is_revoked = true;
}

static void give_back(struct sl_sched_client *client, bool has_work)
{
	const struct sl_sched_msg msg = {
		.type = SL_SCHED_MSG_RETURN,
		.flags = has_work ? SL_SCHED_MSG_WANTS_MORE : 0,
		.grant = client->grant,
		.time_ns = client->used_ns,
		.begin_ns = client->begin_ns,
		.end_ns = client->begin_ns != 0 ? client->completed_ns : 0,
	};

	client->state = has_work ? SL_SCHED_CLIENT_ASKED : SL_SCHED_CLIENT_IDLE;
	client->send(client->data, &msg);
}

/* Tell the arbiter in time if what runs is the last of the slice, so that the next context can have
 * work with the driver when it ends. Returns when to look again. */
static uint64_t announce_end(struct sl_sched_client *client, uint64_t now_ns)
{
	uint64_t end_ns = client->completed_ns + client->cost_ns;

	if (client->is_ending || client->in_flight != 1 || client->cost_ns < SL_SCHED_LAST_MIN_NS ||
	    !is_over(client, end_ns)) {
		return UINT64_MAX;
	}
	if (now_ns < end_ns - SL_SCHED_LEAD_NS) {
		return end_ns - SL_SCHED_LEAD_NS;
	}
	const struct sl_sched_msg msg = {
		.type = SL_SCHED_MSG_ENDING,
		.grant = client->grant,
		.time_ns = end_ns > now_ns ? end_ns - now_ns : 0,
	};

	client->is_ending = true;
	client->send(client->data, &msg);
	return UINT64_MAX;
}

uint64_t sl_sched_client_settle(struct sl_sched_client *client, bool has_work, uint64_t now_ns)
{
	if (client->state == SL_SCHED_CLIENT_IDLE && has_work) {
		const struct sl_sched_msg msg = { .type = SL_SCHED_MSG_REQUEST };

		client->state = SL_SCHED_CLIENT_ASKED;
		client->send(client->data, &msg);
	}
	if (client->state != SL_SCHED_CLIENT_HOLDS) {
		return UINT64_MAX;
	}
	if (client->in_flight > 0) {
		return announce_end(client, now_ns);
	}
	if (is_over(client, now_ns)) {
		give_back(client, has_work);
		return UINT64_MAX;
	}
	if (client->slice_ns == UINT64_MAX || has_work) {
		return UINT64_MAX;
	}
	uint64_t end_ns = client->granted_ns + client->slice_ns;
	uint64_t linger_ns = client->idle_ns + SL_SCHED_LINGER_NS;

	end_ns = linger_ns < end_ns ? linger_ns : end_ns;
	if (now_ns >= end_ns) {
		give_back(client, false);
		return UINT64_MAX;
	}
	return end_ns;
}
