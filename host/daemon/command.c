/* SPDX-License-Identifier: MIT */
/* The orders of the control socket. */
#include "host/daemon/command.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "host/base/log.h"
#include "host/base/stats.h"
#include "host/daemon/config.h"
#include "host/daemon/context.h"
#include "host/daemon/daemon.h"
#include "host/daemon/guest.h"
#include "host/daemon/holder.h"
#include "host/daemon/pool.h"
#include "host/daemon/worker.h"

static json_t *answer_error(const char *text)
{
	return json_pack("{s:b, s:s}", "ok", 0, "error", text);
}

static json_t *answer_ok(void)
{
	return json_pack("{s:b}", "ok", 1);
}

/* JSON integers have 63 bits here. */
static json_int_t number(uint64_t value)
{
	return value > INT64_MAX ? INT64_MAX : (json_int_t)value;
}

static uint64_t elapsed_ns(uint64_t since_ns)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec - since_ns;
}

static json_t *pack_usage(const struct sl_usage *usage)
{
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "submissions",
			 number(usage->submissions), "completed", number(usage->completed),
			 "gpu_busy_ns", number(usage->gpu_busy_ns), "messages",
			 number(usage->messages), "message_bytes", number(usage->message_bytes),
			 "device_memory_bytes", number(usage->device_memory_bytes),
			 "shared_memory_bytes", number(usage->shared_memory_bytes), "objects",
			 number(usage->objects));
}

static json_t *pack_context(const struct sl_context *context)
{
	struct sl_usage usage = { 0 };

	if (context->stats != NULL) {
		sl_usage_add_stats(&usage, context->stats, false);
	}
	return json_pack("{s:I, s:s, s:i, s:i, s:i, s:I, s:o}", "context", number(context->id),
			 "program", context->program, "pid", (int)context->peer.pid, "uid",
			 (int)context->peer.uid, "renderer_pid",
			 context->worker != NULL ? (int)sl_worker_get_pid(context->worker) : 0,
			 "age_ns", number(elapsed_ns(context->start_ns)), "usage",
			 pack_usage(&usage));
}

static json_t *pack_guest(const struct sl_guest *guest)
{
	const struct sl_context *context;
	struct sl_usage usage;
	json_t *programs = json_array();

	TAILQ_FOREACH(context, &guest->contexts, link)
	{
		json_array_append_new(programs, pack_context(context));
	}
	sl_guest_sum_usage(guest, &usage);
	return json_pack("{s:s, s:s, s:b, s:I, s:I, s:I, s:I, s:s, s:o, s:o}", "name",
			 guest->config.name, "socket", guest->config.socket, "dynamic",
			 (int)guest->is_dynamic, "program_count", number(guest->context_count),
			 "programs_total", number(guest->program_count), "programs_refused",
			 number(guest->refused_count), "programs_failed",
			 number(guest->failed_count), "last_error", guest->last_error, "usage",
			 pack_usage(&usage), "programs", programs);
}

static json_t *run_list(struct sl_daemon *daemon, json_t *request)
{
	const struct sl_guest *guest;
	json_t *guests = json_array();

	TAILQ_FOREACH(guest, &daemon->guests, link)
	{
		json_array_append_new(guests, pack_guest(guest));
	}
	return json_pack("{s:b, s:o}", "ok", 1, "guests", guests);
}

/* "complete", or what the kernel does not give. */
static const char *describe_sandbox(const struct sl_config *config,
				    const struct sl_renderer_ready *device,
				    char text[SL_SANDBOX_TEXT_SIZE])
{
	if (config->sandbox == SL_SANDBOX_OFF) {
		return "off";
	}
	if (device == NULL) {
		return "unknown";
	}
	sl_sandbox_describe(device->sandbox_missing, text, SL_SANDBOX_TEXT_SIZE);
	return text;
}

static json_t *run_status(struct sl_daemon *daemon, json_t *request)
{
	static const char *const memory_names[] = { "auto", "import", "copy" };
	static const char *const type_names[] = { "other", "integrated GPU", "discrete GPU",
						  "virtual GPU", "CPU" };
	const struct sl_renderer_ready *device = sl_pool_get_device(daemon->pool);
	const struct sl_config *config = daemon->config;
	char sandbox[SL_SANDBOX_TEXT_SIZE];
	json_t *host = json_null();

	if (device != NULL) {
		host = json_pack("{s:s, s:s, s:s, s:I, s:b}", "name", device->device_name, "driver",
				 device->driver_name, "type",
				 type_names[device->device_type < 5 ? device->device_type : 0],
				 "memory_bytes", number(device->device_memory_bytes), "can_import",
				 device->can_import != 0);
	}
	return json_pack(
		"{s:b, s:s, s:i, s:I, s:s, s:s, s:o, s:s, s:b, s:i, s:i, s:s, s:s, s:s, s:s}", "ok",
		1, "version", SL_VERSION, "pid", (int)getpid(), "age_ns",
		number(elapsed_ns(daemon->start_ns)), "driver_files",
		sl_pool_get_driver(daemon->pool), "renderer", config->renderer, "device", host,
		"memory", memory_names[config->memory], "validate", (int)config->validate,
		"idle_renderers", (int)sl_pool_get_idle_count(daemon->pool), "programs",
		(int)daemon->context_count, "log_level", sl_log_level_name(config->log_level),
		"socket", config->guests[0].socket, "sandbox_mode",
		sl_sandbox_mode_name(config->sandbox), "sandbox",
		describe_sandbox(config, device, sandbox));
}

/* Users as names or numbers. Returns NULL, or what is wrong (in why). */
static const char *read_users(const json_t *users, struct sl_config_access *access, char *why)
{
	size_t i;
	json_t *user;

	if (users == NULL) {
		return NULL;
	}
	if (!json_is_array(users)) {
		return "users is not an array";
	}
	json_array_foreach(users, i, user)
	{
		char uid[32];
		const char *name = json_string_value(user);

		if (json_is_integer(user)) {
			snprintf(uid, sizeof(uid), "%lld", (long long)json_integer_value(user));
			name = uid;
		}
		if (name == NULL) {
			return "users holds something that is no name or number";
		}
		if (sl_config_allow_user(access, name, why) < 0) {
			return why;
		}
	}
	return NULL;
}

static json_t *run_add_guest(struct sl_daemon *daemon, json_t *request)
{
	struct sl_config_guest config = { .limits = daemon->config->limits,
					  .sched = daemon->config->sched };
	const char *name = json_string_value(json_object_get(request, "name"));
	const char *socket = json_string_value(json_object_get(request, "socket"));
	char why[SL_CONFIG_WHY_SIZE] = "";

	if (name == NULL || !sl_config_name_is_valid(name)) {
		return answer_error("a guest's name is 1 to 63 letters, digits, '.', '_' and '-', "
				    "beginning with a letter or digit");
	}
	struct sl_guest *existing = sl_guest_find(daemon, name);
	if (existing != NULL) {
		if (!json_is_true(json_object_get(request, "keep_existing"))) {
			snprintf(why, sizeof(why), "there is already a guest %s (socket %s)", name,
				 existing->config.socket);
			return answer_error(why);
		}
		return json_pack("{s:b, s:s}", "ok", 1, "socket", existing->config.socket);
	}
	strcpy(config.name, name);
	if (socket != NULL && (socket[0] != '/' || strlen(socket) >= sizeof(config.socket))) {
		return answer_error("a socket's path begins with / and has at most 107 bytes");
	}
	if (socket != NULL) {
		strcpy(config.socket, socket);
	} else if (sl_config_guest_socket(daemon->config, name, config.socket) < 0) {
		return answer_error("the path of the guest's socket would be too long");
	}
	const char *wrong = read_users(json_object_get(request, "users"), &config.access, why);
	if (wrong != NULL) {
		return answer_error(wrong);
	}
	if (config.access.uid_count == 0) {
		config.access = daemon->config->access;
	}
	if (sl_guest_add(daemon, &config, true, -1, why) < 0) {
		return answer_error(why);
	}
	return json_pack("{s:b, s:s}", "ok", 1, "socket", config.socket);
}

static json_t *run_remove_guest(struct sl_daemon *daemon, json_t *request)
{
	const char *name = json_string_value(json_object_get(request, "name"));
	struct sl_guest *guest = name != NULL ? sl_guest_find(daemon, name) : NULL;

	if (guest == NULL) {
		return answer_error("there is no such guest");
	}
	sl_guest_remove(guest, "the operator removed the guest");
	return answer_ok();
}

static json_t *run_end_program(struct sl_daemon *daemon, json_t *request)
{
	json_int_t id = json_integer_value(json_object_get(request, "context"));
	struct sl_guest *guest;
	struct sl_context *context;

	TAILQ_FOREACH(guest, &daemon->guests, link)
	{
		TAILQ_FOREACH(context, &guest->contexts, link)
		{
			if (id > 0 && context->id == (uint64_t)id) {
				sl_context_kill(context, "the operator ended it");
				return answer_ok();
			}
		}
	}
	return answer_error("there is no such context");
}

static json_t *run_hold(struct sl_daemon *daemon, json_t *request)
{
	json_int_t pid = json_integer_value(json_object_get(request, "pid"));
	int r = pid > 0 && pid <= INT_MAX ? sl_holder_add(daemon, (pid_t)pid) : -EINVAL;

	return r < 0 ? answer_error(strerror(-r)) : answer_ok();
}

json_t *sl_command_run(struct sl_daemon *daemon, json_t *request)
{
	static const struct {
		const char *name;
		json_t *(*run)(struct sl_daemon *daemon, json_t *request);
	} commands[] = {
		{ "status", run_status },	    { "list", run_list },
		{ "add-guest", run_add_guest },	    { "remove-guest", run_remove_guest },
		{ "end-program", run_end_program }, { "hold", run_hold },
	};
	const char *name = json_string_value(json_object_get(request, "command"));

	for (size_t i = 0; name != NULL && i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (strcmp(commands[i].name, name) == 0) {
			return commands[i].run(daemon, request);
		}
	}
	return answer_error("no such command (there are: status, list, add-guest, remove-guest, "
			    "end-program, hold)");
}
