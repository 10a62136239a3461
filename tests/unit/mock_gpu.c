/* SPDX-License-Identifier: MIT */
/* Runs the jobs of the clients in the order that the policy gives. */
#include "mock_gpu.h"

const struct sl_sched_guest_params NORMAL = { .weight = 1,
					      .cap_permille = 1000,
					      .class = SL_SCHED_NORMAL };

void start(struct world *world, enum sl_sched_policy policy)
{
	world->sched = sl_sched_create(policy, SL_SCHED_SLICE_DEFAULT_NS);
	world->now_ns = 5 * SECOND;
	for (int i = 0; i < world->count; i++) {
		struct client *client = &world->clients[i];

		client->guest = client->guest_of >= 0
					? world->clients[client->guest_of].guest
					: sl_sched_add_guest(world->sched, &client->params);
		assert_non_null(client->guest);
		client->context = sl_sched_add_context(client->guest, client);
		client->ready_ns = world->now_ns + client->arrives_ns;
	}
}

struct client *add(struct world *world, struct sl_sched_guest_params params, uint64_t job_ns,
		   uint64_t gap_ns)
{
	struct client *client = &world->clients[world->count++];

	*client = (struct client){
		.params = params, .job_ns = job_ns, .gap_ns = gap_ns, .guest_of = -1
	};
	return client;
}

static uint64_t ask(struct world *world)
{
	uint64_t next = UINT64_MAX;

	for (int i = 0; i < world->count; i++) {
		struct client *client = &world->clients[i];

		if (client->ready_ns <= world->now_ns) {
			sl_sched_request(world->sched, client->context, world->now_ns);
		} else if (client->ready_ns < next) {
			next = client->ready_ns;
		}
	}
	return next;
}

static void run_job(struct world *world, struct client *client)
{
	world->now_ns += client->job_ns;
	client->used_ns += client->job_ns;
	uint64_t latency = world->now_ns - client->ready_ns;

	client->latency_max_ns =
		latency > client->latency_max_ns ? latency : client->latency_max_ns;
	client->ready_ns = world->now_ns + client->gap_ns;
}

/* Whoever is granted the GPU runs whole jobs until its slice is used up, it has none, or, with a
 * standing grant, somebody else wants the GPU. */
static void run_grant(struct world *world, struct sl_sched_grant grant, uint64_t end_ns)
{
	struct client *client = sl_sched_get_data(grant.context);
	uint64_t used_ns = 0;

	do {
		uint64_t left_ns = used_ns + client->job_ns;

		if (world->is_ahead && left_ns >= grant.slice_ns &&
		    sl_sched_get_next(world->sched) == NULL) {
			sl_sched_pick_next(world->sched, left_ns, world->now_ns);
		}
		run_job(world, client);
		used_ns += client->job_ns;
		ask(world);
	} while (world->now_ns < end_ns && client->ready_ns <= world->now_ns &&
		 used_ns < grant.slice_ns &&
		 !(grant.slice_ns == UINT64_MAX && sl_sched_is_contended(world->sched)) &&
		 !sl_sched_is_overtaken(world->sched, world->now_ns));
	sl_sched_release(world->sched, used_ns, client->ready_ns <= world->now_ns, world->now_ns);
}

void run_for(struct world *world, uint64_t duration_ns)
{
	uint64_t end_ns = world->now_ns + duration_ns;

	while (world->now_ns < end_ns) {
		uint64_t next = ask(world);
		struct sl_sched_grant grant = sl_sched_pick(world->sched, world->now_ns);

		if (grant.context != NULL) {
			run_grant(world, grant, end_ns);
			if (world->check != NULL) {
				world->check(world, world->check_data);
			}
			continue;
		}
		next = grant.retry_ns < next ? grant.retry_ns : next;
		next = end_ns < next ? end_ns : next;
		world->idle_ns += next - world->now_ns;
		world->now_ns = next;
	}
}

void forget_usage(struct world *world)
{
	world->idle_ns = 0;
	for (int i = 0; i < world->count; i++) {
		world->clients[i].used_ns = 0;
		world->clients[i].latency_max_ns = 0;
	}
}

void assert_share(const struct world *world, int client, double share, double error)
{
	uint64_t total = world->idle_ns;

	for (int i = 0; i < world->count; i++) {
		total += world->clients[i].used_ns;
	}
	double got = (double)world->clients[client].used_ns / (double)total;

	if (got < share * (1 - error) || got > share * (1 + error)) {
		fail_msg("client %d: share %.4f, expected %.4f", client, got, share);
	}
}
