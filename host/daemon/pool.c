/* SPDX-License-Identifier: MIT */
/* Renderers started ahead of need.
 *
 * While no driver is chosen the pool probes: one renderer at a time, each with another installed
 * driver, and the best device wins. After a failure nothing is started for a while, but for
 * a guest that asks: one attempt, whose failure is the answer to all who wait. */
#include "host/daemon/pool.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/sysinfo.h>
#include <time.h>

#include "host/base/fd.h"
#include "host/base/log.h"
#include "host/daemon/driver.h"
#include "host/daemon/priority.h"
#include "host/sandbox/cgroup.h"

#define MAX_WAITING 256
/* At the same time, and no more than half of the processors. */
#define MAX_STARTING	 4
#define START_TIMEOUT_US (UINT64_C(30) * 1000000)
/* A program that has just got its renderer is about to start up: leave it the processor. */
#define REFILL_DELAY_US UINT64_C(200000)
#define RETRY_MIN_US	UINT64_C(1000000)
#define RETRY_MAX_US	UINT64_C(60000000)

struct pool_entry {
	LIST_ENTRY(pool_entry) link;
	struct sl_pool *pool;
	struct sl_worker *worker;
	sd_event_source *timeout; /* until it is ready */
	bool is_ready;
	bool is_doomed; /* killed; its exit is no news */
};

struct sl_pool_request {
	TAILQ_ENTRY(sl_pool_request) link;
	struct sl_pool *pool;
	uint32_t rank;
	sl_pool_deliver *deliver;
	void *data;
};

struct sl_pool {
	sd_event *event;
	const struct sl_config *config;
	uint32_t namespaces;		  /* that this machine lets renderers have */
	struct sl_sandbox_cgroup *cgroup; /* NULL: the daemon may make none for them */
	bool can_lower;			  /* sl_priority_probe() */
	uint32_t max_starting;
	LIST_HEAD(, pool_entry) entries;
	TAILQ_HEAD(sl_pool_request_list, sl_pool_request) requests; /* by rank, then by age */
	uint32_t waiting_count;
	sd_event_source *timer; /* refill or retry */
	uint64_t retry_us;	/* 0: the last renderer started well */

	char driver[PATH_MAX]; /* empty: probing */
	char renderer[PATH_MAX];
	struct sl_driver *candidates; /* of the probe */
	size_t candidate_count;
	size_t candidate; /* the one being tried */
	size_t best;
	int best_rank; /* -1: none works so far */
	char last_error[SL_CONFIG_WHY_SIZE];
	struct sl_renderer_ready device;
	bool has_device;
};

static void update(struct sl_pool *pool);
static void handle_failure(struct sl_pool *pool, const char *why);

static uint32_t count_entries(const struct sl_pool *pool, bool is_ready)
{
	struct pool_entry *entry;
	uint32_t count = 0;

	LIST_FOREACH(entry, &pool->entries, link)
	{
		count += entry->is_ready == is_ready && !entry->is_doomed;
	}
	return count;
}

/* Renderers that nobody waits for. An answer is the current candidate's: probes go one by one. */
static uint32_t get_wanted(const struct sl_pool *pool)
{
	bool is_probe = pool->driver[0] == '\0';

	return is_probe && pool->config->pool > 1 ? 1 : pool->config->pool;
}

static void destroy_entry(struct pool_entry *entry)
{
	LIST_REMOVE(entry, link);
	sd_event_source_disable_unref(entry->timeout);
	sl_worker_destroy(entry->worker);
	free(entry);
}

static void doom(struct pool_entry *entry)
{
	entry->is_doomed = true;
	entry->timeout = sd_event_source_disable_unref(entry->timeout);
	sl_worker_kill(entry->worker, SIGKILL);
}

/* The driver of an entry is settled: say it, once. */
static void choose(struct sl_pool *pool, const char *driver)
{
	snprintf(pool->driver, sizeof(pool->driver), "%s", driver);
	free(pool->candidates);
	pool->candidates = NULL;
}

static void set_device(struct sl_pool *pool, const struct sl_renderer_ready *ready)
{
	char missing[SL_SANDBOX_TEXT_SIZE];

	if (!pool->has_device || memcmp(&pool->device, ready, sizeof(*ready)) != 0) {
		pool->device = *ready;
		pool->has_device = true;
		sl_log(SL_LOG_INFO, "rendering on %s, driver %s (%s), host-visible memory is %s",
		       ready->device_name, ready->driver_name, pool->driver,
		       ready->can_import != 0 &&
				       pool->config->memory_mode != SL_RENDERER_MEMORY_COPY
			       ? "shared"
			       : "copied");
		sl_sandbox_describe(ready->sandbox_missing, missing, sizeof(missing));
		if (pool->config->sandbox == SL_SANDBOX_OFF) {
			sl_log(SL_LOG_WARNING, "renderers run without a sandbox");
		} else if (ready->sandbox_missing != 0) {
			sl_log((ready->sandbox_missing & SL_SANDBOX_NEEDED) != 0 ? SL_LOG_WARNING
										 : SL_LOG_INFO,
			       "the renderers' sandbox is not complete: %s", missing);
		} else {
			sl_log(SL_LOG_INFO, "the renderers' sandbox is complete");
		}
	}
}

/* Discrete before integrated before virtual before other before CPU. */
static int rank_device(uint32_t device_type)
{
	static const int ranks[] = { 1, 3, 4, 2, 0 };

	return device_type < sizeof(ranks) / sizeof(ranks[0]) ? ranks[device_type] : 1;
}

/* The candidate is done with: go to the next, or settle on the best. */
static void probe_next(struct sl_pool *pool)
{
	pool->candidate++;
	if (pool->candidate < pool->candidate_count) {
		update(pool);
		return;
	}
	if (pool->best_rank >= 0) {
		choose(pool, pool->candidates[pool->best].path);
		update(pool);
		return;
	}
	pool->candidate = 0;
	handle_failure(pool, pool->last_error);
}

static void probe_ready(struct sl_pool *pool, struct pool_entry *entry,
			const struct sl_renderer_ready *ready)
{
	const struct sl_driver *candidate = &pool->candidates[pool->candidate];
	int rank = rank_device(ready->device_type);
	bool is_last = pool->candidate + 1 == pool->candidate_count;
	/* A discrete GPU is not beaten; and where no device node exists, hardware is not found. */
	bool is_enough = rank == 4 || (rank == 0 && candidate->is_software && pool->candidate == 0);

	sl_log(SL_LOG_DEBUG, "%s drives %s", candidate->path, ready->device_name);
	if (rank > pool->best_rank) {
		pool->best_rank = rank;
		pool->best = pool->candidate;
	}
	if (pool->best == pool->candidate && (is_last || is_enough)) {
		choose(pool, candidate->path);
		entry->is_ready = true;
		set_device(pool, ready);
		update(pool);
		return;
	}
	doom(entry);
	probe_next(pool);
}

static void on_ready(struct sl_worker *worker, const struct sl_renderer_ready *ready, void *data)
{
	struct pool_entry *entry = data;
	struct sl_pool *pool = entry->pool;
	bool is_probe = pool->driver[0] == '\0';
	char why[SL_CONFIG_WHY_SIZE];

	if (entry->is_doomed || entry->is_ready) {
		return;
	}
	entry->timeout = sd_event_source_disable_unref(entry->timeout);
	if (ready->error[0] != '\0' || ready->device_count == 0) {
		snprintf(why, sizeof(why), "driver %s cannot be used: %s",
			 is_probe ? pool->candidates[pool->candidate].path : pool->driver,
			 ready->error[0] != '\0' ? ready->error : "it finds no device");
		doom(entry);
		if (is_probe) {
			sl_log(SL_LOG_DEBUG, "%s", why);
			snprintf(pool->last_error, sizeof(pool->last_error), "%s", why);
			probe_next(pool);
		} else {
			handle_failure(pool, why);
		}
		return;
	}
	pool->retry_us = 0;
	pool->last_error[0] = '\0';
	if (is_probe) {
		probe_ready(pool, entry, ready);
		return;
	}
	entry->is_ready = true;
	set_device(pool, ready);
	update(pool);
}

static void on_report(struct sl_worker *worker, const struct sl_renderer_report *report, void *data)
{
	/* Only a renderer with a context has something to report. */
}

static void on_sched(struct sl_worker *worker, const struct sl_sched_msg *msg, void *data)
{
	/* Nor does it want the GPU. */
}

static void on_exited(struct sl_worker *worker, const siginfo_t *status, void *data)
{
	struct pool_entry *entry = data;
	struct sl_pool *pool = entry->pool;
	bool is_doomed = entry->is_doomed;
	bool is_ready = entry->is_ready;
	char how[128];
	char why[SL_CONFIG_WHY_SIZE];

	sl_worker_describe_exit(worker, status, how, sizeof(how));
	destroy_entry(entry);
	if (is_doomed) {
		update(pool);
		return;
	}
	if (is_ready) {
		sl_log(SL_LOG_WARNING, "an idle renderer %s", how);
		update(pool);
		return;
	}
	bool is_probe = pool->driver[0] == '\0';
	snprintf(why, sizeof(why), "renderer %s %s while it loaded driver %s", pool->renderer, how,
		 is_probe ? pool->candidates[pool->candidate].path : pool->driver);
	if (is_probe) {
		sl_log(SL_LOG_WARNING, "%s", why);
		snprintf(pool->last_error, sizeof(pool->last_error), "%s", why);
		probe_next(pool);
	} else {
		handle_failure(pool, why);
	}
}

static const struct sl_worker_owner pool_owner = {
	.ready = on_ready,
	.report = on_report,
	.sched = on_sched,
	.exited = on_exited,
};

static int on_start_timeout(sd_event_source *source, uint64_t usec, void *data)
{
	struct pool_entry *entry = data;

	sl_log(SL_LOG_ERROR, "renderer %d has not loaded its driver after %d seconds",
	       (int)sl_worker_get_pid(entry->worker), (int)(START_TIMEOUT_US / 1000000));
	/* on_exited() does the rest. */
	sl_worker_kill(entry->worker, SIGKILL);
	return 0;
}

static int start_worker(struct sl_pool *pool)
{
	const struct sl_worker_options options = {
		.renderer = pool->renderer,
		.driver = pool->driver[0] != '\0' ? pool->driver
						  : pool->candidates[pool->candidate].path,
		.log_level = pool->config->log_level,
		.sandbox = pool->config->sandbox,
		.namespaces = pool->config->sandbox == SL_SANDBOX_OFF ? 0 : pool->namespaces,
		.cgroup = pool->config->sandbox == SL_SANDBOX_OFF ? NULL : pool->cgroup,
		.memory_bytes = pool->config->renderer_memory,
		.is_lowered = pool->can_lower,
	};
	struct pool_entry *entry = calloc(1, sizeof(*entry));
	int r;

	if (entry == NULL) {
		return -ENOMEM;
	}
	entry->pool = pool;
	r = sl_worker_create(pool->event, &options, &pool_owner, entry, &entry->worker);
	if (r < 0) {
		free(entry);
		return r;
	}
	LIST_INSERT_HEAD(&pool->entries, entry, link);
	/* Without the timer it would only be less guarded. */
	sd_event_add_time_relative(pool->event, &entry->timeout, CLOCK_MONOTONIC, START_TIMEOUT_US,
				   0, on_start_timeout, entry);
	return 0;
}

/* Ends the request. */
static void deliver(struct sl_pool_request *request, struct sl_worker *worker, const char *why)
{
	struct sl_pool *pool = request->pool;
	sl_pool_deliver *function = request->deliver;
	void *data = request->data;

	TAILQ_REMOVE(&pool->requests, request, link);
	pool->waiting_count--;
	free(request);
	function(worker, why, data);
}

static void serve_requests(struct sl_pool *pool)
{
	struct pool_entry *entry = LIST_FIRST(&pool->entries);

	while (entry != NULL && !TAILQ_EMPTY(&pool->requests)) {
		struct pool_entry *next = LIST_NEXT(entry, link);

		if (entry->is_ready && !entry->is_doomed) {
			struct sl_worker *worker = entry->worker;

			entry->worker = NULL;
			destroy_entry(entry);
			sl_worker_hurry(worker);
			deliver(TAILQ_FIRST(&pool->requests), worker, NULL);
		}
		entry = next;
	}
}

static int on_timer(sd_event_source *source, uint64_t usec, void *data)
{
	struct sl_pool *pool = data;

	pool->timer = sd_event_source_disable_unref(pool->timer);
	uint32_t present = count_entries(pool, true) + count_entries(pool, false);
	if (present < get_wanted(pool)) {
		int r = start_worker(pool);

		if (r < 0) {
			handle_failure(pool, strerror(-r));
			return 0;
		}
	}
	update(pool);
	return 0;
}

static void arm_timer(struct sl_pool *pool, uint64_t delay_us)
{
	if (pool->timer == NULL) {
		sd_event_add_time_relative(pool->event, &pool->timer, CLOCK_MONOTONIC, delay_us, 0,
					   on_timer, pool);
	}
}

/* Nothing can be started: everybody who waits is told, and the next attempt is put off. */
static void handle_failure(struct sl_pool *pool, const char *why)
{
	if (strcmp(why, pool->last_error) != 0 || pool->retry_us == 0) {
		sl_log(SL_LOG_ERROR, "%s", why);
	}
	if (why != pool->last_error) {
		snprintf(pool->last_error, sizeof(pool->last_error), "%s", why);
	}
	pool->retry_us = pool->retry_us == 0 ? RETRY_MIN_US : pool->retry_us * 2;
	if (pool->retry_us > RETRY_MAX_US) {
		pool->retry_us = RETRY_MAX_US;
	}
	while (!TAILQ_EMPTY(&pool->requests)) {
		deliver(TAILQ_FIRST(&pool->requests), NULL, pool->last_error);
	}
	pool->timer = sd_event_source_disable_unref(pool->timer);
	arm_timer(pool, pool->retry_us);
}

/* Somebody of rank 0 waits: whichever is ready first is his. */
static void hurry(struct sl_pool *pool)
{
	const struct sl_pool_request *request = TAILQ_FIRST(&pool->requests);
	struct pool_entry *entry;

	if (request == NULL || request->rank != 0) {
		return;
	}
	LIST_FOREACH(entry, &pool->entries, link)
	{
		if (!entry->is_doomed) {
			sl_worker_hurry(entry->worker);
		}
	}
}

/* Serve who waits and start what is missing. */
static void update(struct sl_pool *pool)
{
	bool is_probe = pool->driver[0] == '\0';
	uint32_t max_starting = is_probe || pool->retry_us != 0 ? 1 : pool->max_starting;

	serve_requests(pool);
	uint32_t idle = count_entries(pool, true);
	uint32_t starting = count_entries(pool, false);
	bool is_first = is_probe && pool->retry_us == 0;
	while (starting < max_starting &&
	       (starting < pool->waiting_count || (is_first && starting == 0))) {
		int r = start_worker(pool);

		if (r < 0) {
			handle_failure(pool, strerror(-r));
			return;
		}
		starting++;
	}
	hurry(pool);
	if (pool->retry_us != 0) {
		arm_timer(pool, pool->retry_us);
	} else if (idle + starting < get_wanted(pool)) {
		arm_timer(pool, idle + starting == 0 ? 0 : REFILL_DELAY_US);
	}
}

/* Begin with the configured driver, or with looking for one. */
static int begin(struct sl_pool *pool)
{
	snprintf(pool->renderer, sizeof(pool->renderer), "%s", pool->config->renderer);
	snprintf(pool->driver, sizeof(pool->driver), "%s", pool->config->driver);
	free(pool->candidates);
	pool->candidates = NULL;
	pool->candidate_count = 0;
	pool->candidate = 0;
	pool->best_rank = -1;
	pool->retry_us = 0;
	pool->has_device = false;
	if (pool->driver[0] == '\0') {
		pool->candidate_count = sl_driver_find(&pool->candidates);
		if (pool->candidate_count == 0) {
			return -ENOENT;
		}
	}
	update(pool);
	return 0;
}

static uint32_t get_max_starting(void)
{
	int half = get_nprocs() / 2;

	return half < 1 ? 1 : half > MAX_STARTING ? MAX_STARTING : (uint32_t)half;
}

int sl_pool_create(sd_event *event, const struct sl_config *config, struct sl_pool **ret_pool)
{
	struct sl_pool *pool = calloc(1, sizeof(*pool));

	if (pool == NULL) {
		return -ENOMEM;
	}
	pool->event = event;
	pool->config = config;
	pool->namespaces = sl_sandbox_probe();
	pool->can_lower = sl_priority_probe();
	pool->max_starting = get_max_starting();
	/* Without a sandbox, too: a reload may turn it on, and then the renderers that are there
	 * keep the daemon from dividing its group. */
	if (sl_sandbox_cgroup_create(&pool->cgroup) < 0) {
		pool->cgroup = NULL; /* said with what else is missing */
	}
	LIST_INIT(&pool->entries);
	TAILQ_INIT(&pool->requests);
	int r = begin(pool);
	if (r < 0) {
		sl_pool_destroy(pool);
		return r;
	}
	*ret_pool = pool;
	return 0;
}

void sl_pool_destroy(struct sl_pool *pool)
{
	if (pool == NULL) {
		return;
	}
	while (!LIST_EMPTY(&pool->entries)) {
		destroy_entry(LIST_FIRST(&pool->entries));
	}
	while (!TAILQ_EMPTY(&pool->requests)) {
		sl_pool_cancel(TAILQ_FIRST(&pool->requests));
	}
	sd_event_source_disable_unref(pool->timer);
	sl_sandbox_cgroup_destroy(pool->cgroup);
	free(pool->candidates);
	free(pool);
}

/* Behind all of the same rank. */
static void queue_request(struct sl_pool *pool, struct sl_pool_request *request)
{
	struct sl_pool_request *before;

	TAILQ_FOREACH_REVERSE(before, &pool->requests, sl_pool_request_list, link)
	{
		if (before->rank <= request->rank) {
			TAILQ_INSERT_AFTER(&pool->requests, before, request, link);
			return;
		}
	}
	TAILQ_INSERT_HEAD(&pool->requests, request, link);
}

int sl_pool_take(struct sl_pool *pool, uint32_t rank, sl_pool_deliver *deliver_function, void *data,
		 struct sl_pool_request **ret_request)
{
	struct sl_pool_request *request;

	if (pool->waiting_count == MAX_WAITING) {
		return -EBUSY;
	}
	request = calloc(1, sizeof(*request));
	if (request == NULL) {
		return -ENOMEM;
	}
	request->pool = pool;
	request->rank = rank;
	request->deliver = deliver_function;
	request->data = data;
	*ret_request = request;
	queue_request(pool, request);
	pool->waiting_count++;
	update(pool);
	return 0;
}

void sl_pool_cancel(struct sl_pool_request *request)
{
	TAILQ_REMOVE(&request->pool->requests, request, link);
	request->pool->waiting_count--;
	free(request);
}

void sl_pool_reconfigure(struct sl_pool *pool, const struct sl_config *config)
{
	struct pool_entry *entry;
	bool is_same = pool->config->sandbox == config->sandbox &&
		       pool->config->renderer_memory == config->renderer_memory &&
		       strcmp(pool->config->driver, config->driver) == 0 &&
		       strcmp(pool->renderer, config->renderer) == 0 &&
		       pool->config->log_level == config->log_level;

	pool->config = config;
	if (is_same) {
		update(pool);
		return;
	}
	LIST_FOREACH(entry, &pool->entries, link)
	{
		if (!entry->is_doomed) {
			doom(entry);
		}
	}
	if (begin(pool) < 0) {
		handle_failure(pool, "no Vulkan driver is installed on the host");
	}
}

const struct sl_renderer_ready *sl_pool_get_device(const struct sl_pool *pool)
{
	return pool->has_device ? &pool->device : NULL;
}

const char *sl_pool_get_driver(const struct sl_pool *pool)
{
	return pool->driver;
}

bool sl_pool_can_lower(const struct sl_pool *pool)
{
	return pool->can_lower;
}

uint32_t sl_pool_get_idle_count(const struct sl_pool *pool)
{
	return count_entries(pool, true);
}

uint32_t sl_pool_get_namespaces(const struct sl_pool *pool)
{
	return pool->namespaces;
}

struct sl_sandbox_cgroup *sl_pool_get_cgroup(const struct sl_pool *pool)
{
	return pool->cgroup;
}
