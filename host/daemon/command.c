/* SPDX-License-Identifier: MIT */
/* The orders of the control socket. */
#include "host/daemon/command.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "host/base/clock.h"
#include "host/base/log.h"
#include "host/base/quantity.h"
#include "host/base/stats.h"
#include "host/daemon/arbiter.h"
#include "host/daemon/config.h"
#include "host/daemon/context.h"
#include "host/daemon/daemon.h"
#include "host/daemon/guest.h"
#include "host/daemon/holder.h"
#include "host/daemon/ledger.h"
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
	return sl_clock_now_ns() - since_ns;
}

/* What was not cut, by the reason; docs/cutting.md. */
static json_t *pack_left_whole(const struct sl_usage *usage)
{
	json_t *reasons = json_object();

	for (uint32_t i = 0; i < SL_STATS_WHOLE_REASONS; i++) {
		if (usage->left_whole[i] > 0) {
			json_object_set_new(reasons, sl_stats_whole_name((enum sl_stats_whole)i),
					    json_integer(number(usage->left_whole[i])));
		}
	}
	return reasons;
}

static json_t *pack_usage(const struct sl_usage *usage)
{
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:o}", "submissions",
			 number(usage->submissions), "completed", number(usage->completed),
			 "gpu_busy_ns", number(usage->gpu_busy_ns), "messages",
			 number(usage->messages), "message_bytes", number(usage->message_bytes),
			 "device_memory_bytes", number(usage->device_memory_bytes),
			 "shared_memory_bytes", number(usage->shared_memory_bytes), "objects",
			 number(usage->objects), "cut_submissions", number(usage->cut_submissions),
			 "pieces", number(usage->pieces), "left_whole", pack_left_whole(usage));
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
	return json_pack("{s:s, s:o, s:s, s:b, s:I, s:I, s:I, s:I, s:s, s:o, s:o}", "name",
			 guest->config.name, "share", sl_ledger_pack_share(guest), "socket",
			 guest->config.socket, "dynamic", (int)guest->is_dynamic, "program_count",
			 number(guest->context_count), "programs_total",
			 number(guest->program_count), "programs_refused",
			 number(guest->refused_count), "programs_failed",
			 number(guest->failed_count), "last_error", guest->last_error, "usage",
			 pack_usage(&usage), "programs", programs);
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

static json_t *run_list(struct sl_daemon *daemon, json_t *request)
{
	const struct sl_guest *guest;
	char sandbox[SL_SANDBOX_TEXT_SIZE];
	json_t *guests = json_array();

	sl_arbiter_get_account(daemon->arbiter);
	TAILQ_FOREACH(guest, &daemon->guests, link)
	{
		json_array_append_new(guests, pack_guest(guest));
	}
	return json_pack(
		"{s:b, s:o, s:s}", "ok", 1, "guests", guests, "sandbox",
		describe_sandbox(daemon->config, sl_pool_get_device(daemon->pool), sandbox));
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
		"memory", memory_names[config->memory_mode], "validate", (int)config->validate,
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

/* Weight, cap and so on, from all members of the request but the others that it has.
 * Returns 0 or -EINVAL with a line in why. */
static int read_share(json_t *request, const char *const *others, struct sl_config_guest *config,
		      char *why)
{
	const char *key;
	json_t *value;

	json_object_foreach(request, key, value)
	{
		const char *const *other = others;
		const char *text = json_string_value(value);
		char number[64];

		while (*other != NULL && strcmp(*other, key) != 0) {
			other++;
		}
		if (*other != NULL) {
			continue;
		}
		if (json_is_number(value)) {
			snprintf(number, sizeof(number), "%.10g", json_number_value(value));
			text = number;
		}
		if (text == NULL) {
			snprintf(why, SL_CONFIG_WHY_SIZE, "%s: neither a string nor a number", key);
			return -EINVAL;
		}
		int r = sl_config_set_guest(config, key, text, why);
		if (r < 0) {
			return r;
		}
	}
	return 0;
}

/* Returns 0 or -EINVAL with a line in why. */
static int change_guest(struct sl_guest *guest, json_t *request, const char *const *others,
			char *why)
{
	struct sl_config_guest config = guest->config;
	int r = read_share(request, others, &config, why);

	if (r < 0) {
		return r;
	}
	r = sl_guest_configure(guest, &config);
	if (r < 0) {
		snprintf(why, SL_CONFIG_WHY_SIZE, "out of range");
	} else {
		sl_log(SL_LOG_INFO, "guest %s: the operator changed its share", config.name);
	}
	return r;
}

static const char *const add_guest_members[] = { "command", "name",	     "socket",
						 "users",   "keep_existing", NULL };

static json_t *keep_guest(struct sl_guest *guest, json_t *request)
{
	char why[SL_CONFIG_WHY_SIZE] = "";

	if (!json_is_true(json_object_get(request, "keep_existing"))) {
		snprintf(why, sizeof(why), "there is already a guest %s (socket %s)",
			 guest->config.name, guest->config.socket);
		return answer_error(why);
	}
	if (change_guest(guest, request, add_guest_members, why) < 0) {
		return answer_error(why);
	}
	return json_pack("{s:b, s:s}", "ok", 1, "socket", guest->config.socket);
}

static json_t *run_add_guest(struct sl_daemon *daemon, json_t *request)
{
	struct sl_config_guest config;
	const char *name = json_string_value(json_object_get(request, "name"));
	const char *socket = json_string_value(json_object_get(request, "socket"));
	char why[SL_CONFIG_WHY_SIZE] = "";

	if (name == NULL || !sl_config_name_is_valid(name)) {
		return answer_error("a guest's name is 1 to 63 letters, digits, '.', '_' and '-', "
				    "beginning with a letter or digit");
	}
	sl_config_init_guest(daemon->config, &config);
	struct sl_guest *existing = sl_guest_find(daemon, name);
	if (existing != NULL) {
		return keep_guest(existing, request);
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
	if (read_share(request, add_guest_members, &config, why) < 0) {
		return answer_error(why);
	}
	if (sl_guest_add(daemon, &config, true, -1, why) < 0) {
		return answer_error(why);
	}
	return json_pack("{s:b, s:s}", "ok", 1, "socket", config.socket);
}

static struct sl_context *find_context(struct sl_daemon *daemon, uint64_t id)
{
	struct sl_guest *guest;
	struct sl_context *context;

	TAILQ_FOREACH(guest, &daemon->guests, link)
	{
		TAILQ_FOREACH(context, &guest->contexts, link)
		{
			if (context->id == id) {
				return context;
			}
		}
	}
	return NULL;
}

static json_t *run_end_program(struct sl_daemon *daemon, json_t *request)
{
	json_int_t id = json_integer_value(json_object_get(request, "context"));
	struct sl_context *context = id > 0 ? find_context(daemon, (uint64_t)id) : NULL;

	if (context == NULL) {
		return answer_error("there is no such context");
	}
	sl_context_kill(context, "the operator ended it");
	return answer_ok();
}

static json_t *answer_no_guest(const char *name)
{
	char why[SL_CONFIG_WHY_SIZE];

	if (name == NULL) {
		return answer_error("name must be a guest's name");
	}
	snprintf(why, sizeof(why), "there is no guest %s", name);
	return answer_error(why);
}

/* The guest that the request names, or NULL with the answer to give. */
static struct sl_guest *named_guest(struct sl_daemon *daemon, json_t *request, json_t **ret_answer)
{
	const char *name = json_string_value(json_object_get(request, "name"));
	struct sl_guest *guest = name != NULL ? sl_guest_find(daemon, name) : NULL;

	if (guest == NULL) {
		*ret_answer = answer_no_guest(name);
	}
	return guest;
}

static json_t *run_remove_guest(struct sl_daemon *daemon, json_t *request)
{
	json_t *answer = NULL;
	struct sl_guest *guest = named_guest(daemon, request, &answer);

	if (guest == NULL) {
		return answer;
	}
	sl_guest_remove(guest, "the operator removed the guest");
	return answer_ok();
}

/* All programs of a guest, or the one of a context; a guest of that name goes first. */
static json_t *run_kill(struct sl_daemon *daemon, json_t *request)
{
	const char *target = json_string_value(json_object_get(request, "target"));
	struct sl_guest *guest = target != NULL ? sl_guest_find(daemon, target) : NULL;
	struct sl_context *context = NULL;
	uint64_t id;
	int count = 0;

	if (guest != NULL) {
		struct sl_context *next;

		for (context = TAILQ_FIRST(&guest->contexts); context != NULL; context = next) {
			next = TAILQ_NEXT(context, link);
			sl_context_kill(context, "the operator ended all of its guest's");
			count++;
		}
		return json_pack("{s:b, s:i}", "ok", 1, "ended", count);
	}
	if (target != NULL && sl_quantity_parse_number(target, UINT64_MAX, &id) == 0) {
		context = find_context(daemon, id);
	}
	if (context == NULL) {
		return answer_error("there is no guest of that name and no context of that number "
				    "(sluicectl list, sluicectl programs)");
	}
	sl_context_kill(context, "the operator ended it");
	return json_pack("{s:b, s:i}", "ok", 1, "ended", 1);
}

/* All or nothing: a mistake in one key leaves the others as they were, too. */
static json_t *run_set(struct sl_daemon *daemon, json_t *request)
{
	static const char *const others[] = { "command", "name", NULL };
	json_t *answer = NULL;
	struct sl_guest *guest = named_guest(daemon, request, &answer);
	char why[SL_CONFIG_WHY_SIZE] = "";

	if (guest == NULL) {
		return answer;
	}
	return change_guest(guest, request, others, why) < 0
		       ? answer_error(why)
		       : json_pack("{s:b, s:o}", "ok", 1, "share", sl_ledger_pack_share(guest));
}

static json_t *set_paused(struct sl_daemon *daemon, json_t *request, bool paused)
{
	json_t *answer = NULL;
	struct sl_guest *guest = named_guest(daemon, request, &answer);

	if (guest == NULL) {
		return answer;
	}
	if (sl_arbiter_is_paused(guest->arbitrated) != paused) {
		sl_log(SL_LOG_INFO, "guest %s: the operator %s it", guest->config.name,
		       paused ? "paused" : "resumed");
	}
	sl_arbiter_set_paused(daemon->arbiter, guest->arbitrated, paused);
	return answer_ok();
}

static json_t *run_pause(struct sl_daemon *daemon, json_t *request)
{
	return set_paused(daemon, request, true);
}

static json_t *run_resume(struct sl_daemon *daemon, json_t *request)
{
	return set_paused(daemon, request, false);
}

static json_t *run_ledger(struct sl_daemon *daemon, json_t *request)
{
	return sl_ledger_pack(daemon);
}

/* Until the next reload, like every order. */
static json_t *run_policy(struct sl_daemon *daemon, json_t *request)
{
	const char *name = json_string_value(json_object_get(request, "policy"));
	char why[SL_CONFIG_WHY_SIZE];

	if (name != NULL) {
		if (sl_config_set(daemon->config, "policy", name, why) < 0) {
			return answer_error(why);
		}
		struct sl_arbiter_options options = *sl_arbiter_get_options(daemon->arbiter);

		options.policy = daemon->config->policy;
		sl_arbiter_set_options(daemon->arbiter, &options);
		sl_log(SL_LOG_INFO, "the operator set the policy to %s", name);
	}
	return json_pack("{s:b, s:s}", "ok", 1, "policy",
			 sl_config_policy_name(daemon->config->policy));
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
		{ "status", run_status },
		{ "list", run_list },
		{ "add-guest", run_add_guest },
		{ "remove-guest", run_remove_guest },
		{ "end-program", run_end_program },
		{ "hold", run_hold },
		{ "set", run_set },
		{ "pause", run_pause },
		{ "resume", run_resume },
		{ "kill", run_kill },
		{ "ledger", run_ledger },
		{ "policy", run_policy },
	};
	const char *name = json_string_value(json_object_get(request, "command"));

	for (size_t i = 0; name != NULL && i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (strcmp(commands[i].name, name) == 0) {
			return commands[i].run(daemon, request);
		}
	}
	return answer_error("no such command (there are: status, list, add-guest, remove-guest, "
			    "end-program, hold, set, pause, resume, kill, ledger, policy)");
}
