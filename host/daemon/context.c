/* SPDX-License-Identifier: MIT */
/* One program of a guest. The daemon passes the connection on and never reads from it. */
#include "host/daemon/context.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "host/base/clock.h"
#include "host/base/fd.h"
#include "host/base/log.h"
#include "host/base/quantity.h"
#include "host/base/stats.h"
#include "host/daemon/arbiter.h"
#include "host/daemon/daemon.h"
#include "host/daemon/drop.h"
#include "host/daemon/guest.h"
#include "host/daemon/pool.h"
#include "host/daemon/refusal.h"
#include "host/daemon/worker.h"
#include "protocol/sl_ids.h"

#define KILL_DELAY_US UINT64_C(2000000)
/* A renderer that is told to end only has to write a line to a page. */
#define END_DELAY_US UINT64_C(250000)
/* What a renderer may take to notice that its program is gone, with what it has to do until then;
 * and how often it is looked at meanwhile. It ends at the second look that finds others waiting
 * for the GPU that it keeps. */
#define LINGER_US	    UINT64_C(10000000)
#define LOOK_US		    UINT64_C(50000)
#define GL_START_TIMEOUT_US UINT64_C(30000000)
#define WHO_SIZE	    192

/* "guest web, vkcube[1234]" */
static const char *who(const struct sl_context *context, char text[WHO_SIZE])
{
	snprintf(text, WHO_SIZE, "guest %s, %s[%d]", context->guest->config.name, context->program,
		 (int)context->peer.pid);
	return text;
}

/* The name is the program's own choice: good for people to recognise it, no more. */
static void read_program_name(pid_t pid, char name[SL_RENDERER_NAME_SIZE])
{
	char path[64];

	snprintf(name, SL_RENDERER_NAME_SIZE, "?");
	/* 0: the peer lives in a pid namespace that the daemon cannot see. */
	if (pid <= 0) {
		return;
	}
	snprintf(path, sizeof(path), "/proc/%d/comm", (int)pid);
	FILE *file = fopen(path, "re");
	if (file == NULL) {
		return;
	}
	if (fgets(name, SL_RENDERER_NAME_SIZE, file) != NULL) {
		name[strcspn(name, "\n")] = '\0';
		for (char *at = name; *at != '\0'; at++) {
			*at = *at < 0x20 || *at > 0x7e ? '?' : *at;
		}
	}
	fclose(file);
}

/* What the renderer was doing when it was last heard of. */
static const char *last_command(const struct sl_context *context)
{
	uint64_t id = sl_stats_get(&context->stats->last_command_id);

	return id == 0 ? "no command" : sl_command_name(id <= UINT16_MAX ? (uint16_t)id : 0);
}

/* The program must not connect for a reason of the host's. */
static void refuse(struct sl_context *context, enum sl_log_level level, const char *why)
{
	char text[WHO_SIZE];

	sl_log_rated(&context->guest->refusals, who(context, text), level, "refused: %s", why);
	context->guest->refused_count++;
	sl_refusal_send(context->guest->daemon, sl_steal_fd(&context->fd), why);
	sl_context_destroy(context);
}

static void on_ready(struct sl_worker *worker, const struct sl_renderer_ready *ready, void *data)
{
	/* It was ready when the pool gave it away. */
}

static void on_report(struct sl_worker *worker, const struct sl_renderer_report *report, void *data)
{
	struct sl_context *context = data;

	context->has_report = true;
	context->end = report->end;
	snprintf(context->guest->last_error, sizeof(context->guest->last_error), "%s",
		 report->text);
}

static void on_sched(struct sl_worker *worker, const struct sl_sched_msg *msg, void *data)
{
	const struct sl_context *context = data;

	if (context->arbitrated != NULL) {
		sl_arbiter_handle(context->arbitrated, msg);
	}
}

static void on_exited(struct sl_worker *worker, const siginfo_t *status, void *data)
{
	struct sl_context *context = data;
	struct sl_guest *guest = context->guest;
	char text[WHO_SIZE];
	char used[SL_QUANTITY_SIZE];
	char how[128];

	sl_usage_add_stats(&guest->ended, context->stats, true);
	if (!context->has_report && !context->is_killed) {
		sl_worker_describe_exit(worker, status, how, sizeof(how));
		snprintf(guest->last_error, sizeof(guest->last_error), "its renderer %s at %s", how,
			 last_command(context));
		sl_log_for(who(context, text), SL_LOG_ERROR, "%s; %s", guest->last_error,
			   context->is_gl ? "its OpenGL programs have lost their contexts"
					  : "the program sees VK_ERROR_DEVICE_LOST");
	}
	if (context->is_killed || !context->has_report || context->end != SL_RENDERER_END_CLOSED) {
		guest->failed_count++;
	}
	sl_log_for(who(context, text), SL_LOG_INFO,
		   "has ended (context %llu): %llu submissions, GPU time %s",
		   (unsigned long long)context->id,
		   (unsigned long long)sl_stats_get(&context->stats->submissions),
		   sl_quantity_format_time(sl_stats_get(&context->stats->gpu_busy_ns), used));
	sl_context_destroy(context);
}

static const struct sl_worker_owner context_owner = {
	.ready = on_ready,
	.report = on_report,
	.sched = on_sched,
	.exited = on_exited,
};

/* Returns a new file for the program's commands; -1: they are not recorded. */
static int open_recording(const struct sl_context *context)
{
	const struct sl_config *config = context->guest->daemon->config;
	char path[PATH_MAX + SL_CONFIG_NAME_SIZE + 32];
	char text[WHO_SIZE];

	if (config->record[0] == '\0' || context->is_gl) {
		return -1;
	}
	snprintf(path, sizeof(path), "%s/%s-%llu.sluice", config->record,
		 context->guest->config.name, (unsigned long long)context->id);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0) {
		sl_log_for(who(context, text), SL_LOG_WARNING, "cannot be recorded: %s: %s", path,
			   strerror(errno));
	}
	return fd;
}

static void fill_assign(const struct sl_context *context, int record_fd,
			struct sl_renderer_assign *assign)
{
	const struct sl_config *config = context->guest->daemon->config;
	const struct sl_config_limits *limits = &context->guest->config.limits;

	*assign = (struct sl_renderer_assign){
		.type = SL_RENDERER_ASSIGN,
		.flags = (config->validate ? SL_RENDERER_VALIDATE : 0) |
			 (config->trace ? SL_RENDERER_TRACE : 0) |
			 (record_fd >= 0 ? SL_RENDERER_RECORD : 0),
		.memory = config->memory_mode,
		.cut = config->cut,
		.timestamps = config->timestamps,
		.max_objects = limits->objects,
		.quota_slot = (uint32_t)context->quota_slot,
		.max_regions = limits->regions,
		.context_id = context->id,
		.spin_ns = (uint64_t)config->spin_us * 1000,
		.max_region_bytes = limits->shared_memory,
		.guest_pid = (uint32_t)context->peer.pid,
		.guest_uid = context->peer.uid,
	};
	snprintf(assign->guest_name, sizeof(assign->guest_name), "%s", context->guest->config.name);
}

static int on_kill_timeout(sd_event_source *source, uint64_t usec, void *data)
{
	struct sl_context *context = data;

	sl_worker_kill(context->worker, SIGKILL);
	return 0;
}

/* From the hangup on. */
static int on_linger(sd_event_source *source, uint64_t usec, void *data)
{
	struct sl_context *context = data;
	bool was_in_the_way = context->is_in_the_way;
	char text[WHO_SIZE];

	context->lingered_us += LOOK_US;
	context->is_in_the_way = sl_arbiter_is_in_the_way(context->arbitrated);
	if (context->lingered_us < LINGER_US && !(context->is_in_the_way && was_in_the_way) &&
	    sd_event_source_set_time_relative(source, LOOK_US) >= 0 &&
	    sd_event_source_set_enabled(source, SD_EVENT_ONESHOT) >= 0) {
		return 0;
	}
	sl_log_for(who(context, text), SL_LOG_WARNING,
		   "its renderer did not end within %u ms of the program%s, and is killed, at %s",
		   (unsigned int)(context->lingered_us / 1000),
		   context->is_in_the_way ? ", keeps the GPU from others" : "",
		   last_command(context));
	context->is_killed = true;
	sl_worker_kill(context->worker, SIGKILL);
	return 0;
}

/* The program has closed its end. Its renderer sees that too, unless its driver hangs: then nobody
 * else would ever end it. */
static int on_hangup(sd_event_source *source, int fd, uint32_t events, void *data)
{
	struct sl_context *context = data;

	context->hangup = sd_event_source_disable_unref(context->hangup);
	if (context->kill_timer == NULL &&
	    sd_event_add_time_relative(context->guest->daemon->event, &context->kill_timer,
				       CLOCK_MONOTONIC, LOOK_US, 0, on_linger, context) < 0) {
		sl_worker_kill(context->worker, SIGKILL);
	}
	return 0;
}

/* Hand the connection to the worker. Returns NULL, else why the program cannot be served. */
static const char *assign_worker(struct sl_context *context)
{
	struct sl_worker *worker = context->worker;
	struct sl_renderer_assign assign;
	char text[WHO_SIZE];
	SL_AUTO_CLOSE int stats_fd = sl_fd_create_memory("sluice-stats", SL_STATS_SIZE);

	if (stats_fd < 0) {
		return "the host is out of memory or descriptors";
	}
	void *stats = mmap(NULL, SL_STATS_SIZE, PROT_READ, MAP_SHARED, stats_fd, 0);
	if (stats == MAP_FAILED) {
		return "the host is out of memory";
	}
	context->stats = stats;
	context->arbitrated =
		sl_arbiter_add_context(context->guest->daemon->arbiter, context->guest->arbitrated,
				       worker, stats, context);
	if (context->arbitrated == NULL) {
		return "the host is out of memory";
	}
	context->quota_slot = sl_guest_take_quota_slot(context->guest);
	if (context->quota_slot < 0) {
		return "its guest has no room for another program";
	}
	SL_AUTO_CLOSE int record_fd = open_recording(context);
	const int fds[] = { context->fd, stats_fd, context->guest->quota_fd, record_fd };

	fill_assign(context, record_fd, &assign);
	int r = sl_worker_assign(worker, &assign, fds, record_fd >= 0 ? 4 : 3);
	if (r < 0) {
		return "its renderer has died; try again";
	}
	sl_worker_set_owner(worker, &context_owner, context);
	/* It is never read. */
	r = sd_event_add_io(context->guest->daemon->event, &context->hangup, context->fd,
			    EPOLLRDHUP, on_hangup, context);
	if (r < 0) {
		return "the host is out of memory";
	}
	sl_log_for(who(context, text), SL_LOG_INFO, "connected (context %llu, renderer %d)",
		   (unsigned long long)context->id, (int)sl_worker_get_pid(worker));
	return NULL;
}

static void on_delivery(struct sl_worker *worker, const char *why, void *data)
{
	struct sl_context *context = data;

	context->request = NULL;
	if (worker == NULL) {
		/* The pool has said so aloud, once. */
		refuse(context, SL_LOG_INFO, why);
		return;
	}
	context->worker = worker;
	sl_worker_set_owner(worker, &context_owner, context);
	why = assign_worker(context);
	if (why != NULL) {
		refuse(context, SL_LOG_WARNING, why);
	}
}

/* Returns the new context, or NULL if it could not be or may not be: fd is closed. */
static struct sl_context *add_context(struct sl_guest *guest, int fd, const struct ucred *peer)
{
	struct sl_daemon *daemon = guest->daemon;
	struct sl_context *context = calloc(1, sizeof(*context));
	char why[128];

	if (context == NULL) {
		sl_drop_fd(fd);
		return NULL;
	}
	context->guest = guest;
	context->id = ++daemon->last_context_id;
	context->peer = *peer;
	context->start_ns = sl_clock_now_ns();
	context->fd = fd;
	context->quota_slot = -1;
	read_program_name(peer->pid, context->program);
	TAILQ_INSERT_TAIL(&guest->contexts, context, link);
	guest->context_count++;
	guest->program_count++;
	daemon->context_count++;
	if (guest->context_count > guest->config.limits.programs) {
		snprintf(why, sizeof(why), "guest %s already runs %u programs, its limit",
			 guest->config.name, guest->config.limits.programs);
		refuse(context, SL_LOG_WARNING, why);
		return NULL;
	}
	if (daemon->context_count > daemon->config->max_programs) {
		snprintf(why, sizeof(why), "the host already runs %u programs, its limit",
			 daemon->config->max_programs);
		refuse(context, SL_LOG_WARNING, why);
		return NULL;
	}
	return context;
}

void sl_context_start(struct sl_guest *guest, int fd, const struct ucred *peer)
{
	struct sl_context *context = add_context(guest, fd, peer);

	if (context == NULL) {
		return;
	}
	int r = sl_pool_take(guest->daemon->pool,
			     sl_start_rate_note(&guest->start_rate, context->start_ns), on_delivery,
			     context, &context->request);
	if (r < 0) {
		refuse(context, SL_LOG_WARNING,
		       r == -EBUSY ? "too many programs are starting on the host"
				   : "the host is out of memory");
	}
}

/* A sluice-virgl that cannot serve is ended: on_gl_start_failed() does the rest. */
static void on_gl_ready(struct sl_worker *worker, const struct sl_renderer_ready *ready, void *data)
{
	struct sl_context *context = data;
	const char *why = ready->error[0] != '\0' ? ready->error : NULL;

	context->kill_timer = sd_event_source_disable_unref(context->kill_timer);
	if (why == NULL) {
		sl_log(SL_LOG_DEBUG, "OpenGL is rendered by %s", ready->device_name);
		sl_worker_hurry(worker);
		why = assign_worker(context);
	}
	if (why != NULL) {
		snprintf(context->guest->last_error, sizeof(context->guest->last_error), "%s", why);
		sl_worker_kill(worker, SIGKILL);
	}
}

static void on_gl_start_failed(struct sl_worker *worker, const siginfo_t *status, void *data)
{
	struct sl_context *context = data;
	char *why = context->guest->last_error;

	if (why[0] == '\0') {
		sl_worker_describe_exit(worker, status, why, sizeof(context->guest->last_error));
	}
	refuse(context, SL_LOG_WARNING, why);
}

static const struct sl_worker_owner gl_starting = {
	.ready = on_gl_ready,
	.report = on_report,
	.sched = on_sched,
	.exited = on_gl_start_failed,
};

void sl_context_start_gl(struct sl_guest *guest, int fd, const struct ucred *peer)
{
	struct sl_daemon *daemon = guest->daemon;
	struct sl_context *context = add_context(guest, fd, peer);
	uint32_t rank = sl_start_rate_note(&guest->start_rate, sl_clock_now_ns());
	const struct sl_worker_options options = {
		.renderer = daemon->config->virgl,
		.log_level = daemon->config->log_level,
		.sandbox = daemon->config->sandbox,
		.namespaces = daemon->config->sandbox == SL_SANDBOX_OFF
				      ? 0
				      : sl_pool_get_namespaces(daemon->pool),
		.cgroup = daemon->config->sandbox == SL_SANDBOX_OFF
				  ? NULL
				  : sl_pool_get_cgroup(daemon->pool),
		.memory_bytes = daemon->config->renderer_memory,
		.is_lowered = rank > 0 && sl_pool_can_lower(daemon->pool),
	};

	if (context == NULL) {
		return;
	}
	context->is_gl = true;
	snprintf(context->program, sizeof(context->program), "OpenGL");
	guest->last_error[0] = '\0';
	int r = sl_worker_create(daemon->event, &options, &gl_starting, context, &context->worker);
	if (r < 0) {
		refuse(context, SL_LOG_WARNING, "the host cannot start another process");
		return;
	}
	/* Without the timer it would only be less guarded. */
	sd_event_add_time_relative(daemon->event, &context->kill_timer, CLOCK_MONOTONIC,
				   GL_START_TIMEOUT_US, 0, on_kill_timeout, context);
}

void sl_context_kill(struct sl_context *context, const char *why)
{
	char text[WHO_SIZE];

	if (context->worker == NULL) {
		refuse(context, SL_LOG_WARNING, why);
		return;
	}
	if (context->is_killed) {
		return;
	}
	context->is_killed = true;
	sl_log_for(who(context, text), SL_LOG_WARNING, "its context is ended: %s", why);
	int r = sl_worker_send_end(context->worker, why);

	context->kill_timer = sd_event_source_disable_unref(context->kill_timer);
	if (r < 0 || sd_event_add_time_relative(context->guest->daemon->event, &context->kill_timer,
						CLOCK_MONOTONIC, END_DELAY_US, 0, on_kill_timeout,
						context) < 0) {
		sl_worker_kill(context->worker, SIGKILL);
	}
}

void sl_context_overran(void *data)
{
	sl_context_kill(data, "its work kept the GPU longer than run_limit allows");
}

void sl_context_destroy(struct sl_context *context)
{
	struct sl_guest *guest = context->guest;

	TAILQ_REMOVE(&guest->contexts, context, link);
	guest->context_count--;
	guest->daemon->context_count--;
	if (context->request != NULL) {
		sl_pool_cancel(context->request);
	}
	sl_arbiter_remove_context(context->arbitrated);
	sd_event_source_disable_unref(context->hangup);
	sd_event_source_disable_unref(context->kill_timer);
	sl_worker_destroy(context->worker);
	if (context->quota_slot >= 0) {
		sl_guest_clear_quota_slot(guest, context->quota_slot);
	}
	sl_drop_fd(context->fd);
	if (context->stats != NULL) {
		munmap(context->stats, SL_STATS_SIZE);
	}
	free(context);
	sl_guest_collect(guest);
}
