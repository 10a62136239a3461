/* SPDX-License-Identifier: MIT */
/* sluiced: configuration, admission and accounting for all guests of a host. It never reads what a
 * guest sends: each program's connection goes, unread, to a renderer process of its own. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "host/base/clock.h"
#include "host/base/event_loop.h"
#include "host/base/fd.h"
#include "host/base/log.h"
#include "host/base/paths.h"
#include "host/daemon/arbiter.h"
#include "host/daemon/config.h"
#include "host/daemon/context.h"
#include "host/daemon/control.h"
#include "host/daemon/daemon.h"
#include "host/daemon/drop.h"
#include "host/daemon/guest.h"
#include "host/daemon/holder.h"
#include "host/daemon/metrics.h"
#include "host/daemon/options.h"
#include "host/daemon/pool.h"
#include "host/daemon/refusal.h"

struct main_state {
	struct sl_options options;
	struct sl_daemon daemon;
	struct sl_control *control;
	struct sl_metrics *metrics; /* NULL: none are served */
	bool owns_control_path;
	bool owns_control_dir;
	int passed_count; /* sockets of the service manager, from SD_LISTEN_FDS_START */
	bool passed_taken[64];
};

/* A socket of the service manager that listens at path; -1 if there is none. */
static int take_passed(struct main_state *state, const char *path, int type)
{
	for (int i = 0; i < state->passed_count; i++) {
		int fd = SD_LISTEN_FDS_START + i;

		if (!state->passed_taken[i] && sd_is_socket_unix(fd, type, 1, path, 0) > 0) {
			state->passed_taken[i] = true;
			return fd;
		}
	}
	return -1;
}

static void close_unused_passed(struct main_state *state)
{
	for (int i = 0; i < state->passed_count; i++) {
		if (!state->passed_taken[i]) {
			sl_log(SL_LOG_WARNING,
			       "socket %d of the service manager is no guest's and not the control "
			       "socket: closed",
			       SD_LISTEN_FDS_START + i);
			sl_fd_close(SD_LISTEN_FDS_START + i);
		}
	}
}

static int open_control(struct main_state *state, char *ret_why)
{
	const char *path = state->daemon.config->control;
	int fd = take_passed(state, path, SOCK_STREAM);

	if (fd < 0) {
		state->owns_control_dir = sl_paths_create_parent(path) > 0;
		fd = sl_guest_listen(path, SOCK_STREAM, 0600, ret_why);
		if (fd < 0) {
			return fd;
		}
		state->owns_control_path = true;
	}
	int r = sl_control_create(&state->daemon, fd, &state->control);
	if (r < 0) {
		snprintf(ret_why, SL_CONFIG_WHY_SIZE, "control socket %s: %s", path, strerror(-r));
	}
	return r;
}

static int add_configured_guests(struct main_state *state, char *ret_why)
{
	const struct sl_config *config = state->daemon.config;

	for (uint32_t i = 0; i < config->guest_count; i++) {
		int fd = take_passed(state, config->guests[i].socket, SOCK_SEQPACKET);
		int r = sl_guest_add(&state->daemon, &config->guests[i], false, fd, ret_why);

		if (r < 0) {
			return r;
		}
	}
	return 0;
}

static const struct sl_config_guest *find_configured(const struct sl_config *config,
						     const char *name)
{
	for (uint32_t i = 0; i < config->guest_count; i++) {
		if (strcmp(config->guests[i].name, name) == 0) {
			return &config->guests[i];
		}
	}
	return NULL;
}

static struct sl_arbiter_options arbiter_options(const struct sl_config *config)
{
	return (struct sl_arbiter_options){
		.policy = config->policy,
		.slice_ns = config->sched.slice_ns,
		.run_limit_ns = config->run_limit_ns,
	};
}

/* Guests that left the file go, changed ones change (a new socket: go and come back), new ones
 * come. Those of the control socket stay. */
static void reload_guests(struct sl_daemon *daemon)
{
	const struct sl_config *config = daemon->config;
	struct sl_guest *guest = TAILQ_FIRST(&daemon->guests);
	char why[SL_CONFIG_WHY_SIZE];

	while (guest != NULL) {
		struct sl_guest *next = TAILQ_NEXT(guest, link);
		const struct sl_config_guest *configured =
			find_configured(config, guest->config.name);

		if (configured == NULL && !guest->is_dynamic) {
			sl_guest_remove(guest, "it is not in the configuration any more");
		} else if (configured != NULL &&
			   strcmp(configured->socket, guest->config.socket) != 0) {
			sl_guest_remove(guest, "its socket has changed");
		} else if (configured != NULL) {
			/* Checked when it was read: it cannot fail. */
			(void)sl_guest_configure(guest, configured);
			guest->is_dynamic = false;
		}
		guest = next;
	}
	for (uint32_t i = 0; i < config->guest_count; i++) {
		if (sl_guest_find(daemon, config->guests[i].name) == NULL &&
		    sl_guest_add(daemon, &config->guests[i], false, -1, why) < 0) {
			sl_log(SL_LOG_ERROR, "%s", why);
		}
	}
}

/* Where nobody can listen, metrics end; the rest of the configuration does not depend on them. */
static void reload_metrics(struct main_state *state, const char *old, const char *now)
{
	char why[SL_CONFIG_WHY_SIZE];

	if (strcmp(old, now) == 0) {
		return;
	}
	sl_metrics_destroy(state->metrics);
	state->metrics = NULL;
	if (now[0] != '\0' && sl_metrics_create(&state->daemon, now, &state->metrics, why) < 0) {
		sl_log(SL_LOG_ERROR, "%s", why);
	}
}

static void reload(struct main_state *state)
{
	struct sl_daemon *daemon = &state->daemon;
	struct sl_config *old = daemon->config;
	struct sl_config *config;
	char why[SL_CONFIG_WHY_SIZE];

	sd_notify(0, "RELOADING=1");
	if (sl_options_configure(&state->options, &config, why) < 0) {
		sl_log(SL_LOG_ERROR, "the old configuration stays: %s", why);
	} else {
		if (strcmp(old->control, config->control) != 0) {
			sl_log(SL_LOG_WARNING, "control: a new path needs a restart");
			memcpy(config->control, old->control, sizeof(config->control));
		}
		reload_metrics(state, old->metrics, config->metrics);
		daemon->config = config;
		sl_log_set_level(config->log_level);
		sl_pool_reconfigure(daemon->pool, config);
		const struct sl_arbiter_options options = arbiter_options(config);
		sl_arbiter_set_options(daemon->arbiter, &options);
		reload_guests(daemon);
		free(old);
		sl_log(SL_LOG_INFO, "the configuration has been read again");
	}
	sd_notify(0, "READY=1");
}

static int on_signal(sd_event_source *source, int fd, uint32_t events, void *data)
{
	struct main_state *state = data;
	int number = sl_event_loop_read_signal(fd);

	if (number == 0) {
		return 0;
	}
	if (number == SIGHUP) {
		reload(state);
		return 0;
	}
	sl_log(SL_LOG_INFO, "ending (SIG%s)", sigabbrev_np(number));
	return sd_event_exit(state->daemon.event, 0);
}

/* The signals must be blocked before any thread could take them. */
static int open_event_loop(struct main_state *state)
{
	sigset_t handled, blocked;

	sigemptyset(&handled);
	sigaddset(&handled, SIGTERM);
	sigaddset(&handled, SIGINT);
	sigaddset(&handled, SIGHUP);
	blocked = handled;
	sigaddset(&blocked, SIGCHLD);
	sigprocmask(SIG_BLOCK, &blocked, NULL);
	signal(SIGPIPE, SIG_IGN);
	int r = sl_drop_init();

	if (r >= 0) {
		r = sd_event_new(&state->daemon.event);
	}

	return r < 0 ? r
		     : sl_event_loop_add_signals(state->daemon.event, &handled, on_signal, state);
}

static void raise_fd_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}

static int tell_ready(struct main_state *state, char *ret_why)
{
	const char *socket = state->daemon.config->guests[0].socket;
	int r = sd_notifyf(0, "READY=1\nSTATUS=Guests connect at %s", socket);

	if (r < 0) {
		snprintf(ret_why, SL_CONFIG_WHY_SIZE,
			 "cannot tell the service manager that guests can connect: %s",
			 strerror(-r));
		return r;
	}
	if (state->options.ready_fd >= 0) {
		dprintf(state->options.ready_fd, "%s\n", socket);
		sl_fd_close(sl_steal_fd(&state->options.ready_fd));
	}
	return 0;
}

static int add_holders(struct main_state *state, char *ret_why)
{
	for (int i = 0; i < state->options.held_count; i++) {
		int r = sl_holder_add(&state->daemon, state->options.held[i]);

		if (r < 0) {
			snprintf(ret_why, SL_CONFIG_WHY_SIZE, "--hold %d: %s",
				 (int)state->options.held[i], strerror(-r));
			return r;
		}
	}
	return 0;
}

static int start(struct main_state *state, char *ret_why)
{
	struct sl_daemon *daemon = &state->daemon;
	int r = open_event_loop(state);

	if (r < 0) {
		snprintf(ret_why, SL_CONFIG_WHY_SIZE, "cannot make an event loop: %s",
			 strerror(-r));
		return r;
	}
	state->passed_count = sd_listen_fds(1);
	if (state->passed_count > (int)(sizeof(state->passed_taken) / sizeof(bool))) {
		state->passed_count = sizeof(state->passed_taken) / sizeof(bool);
	}
	r = open_control(state, ret_why);
	if (r < 0) {
		return r;
	}
	const struct sl_arbiter_options options = arbiter_options(daemon->config);
	r = sl_arbiter_create(daemon->event, &options, sl_context_overran, &daemon->arbiter);
	if (r < 0) {
		snprintf(ret_why, SL_CONFIG_WHY_SIZE, "%s", strerror(-r));
		return r;
	}
	r = sl_pool_create(daemon->event, daemon->config, &daemon->pool);
	if (r < 0) {
		snprintf(ret_why, SL_CONFIG_WHY_SIZE, "%s",
			 r == -ENOENT
				 ? "no Vulkan driver is installed on this host (Debian: "
				   "apt install mesa-vulkan-drivers), and none is named by --driver"
				 : strerror(-r));
		return r;
	}
	r = add_configured_guests(state, ret_why);
	if (r >= 0 && daemon->config->metrics[0] != '\0') {
		r = sl_metrics_create(daemon, daemon->config->metrics, &state->metrics, ret_why);
	}
	if (r < 0) {
		return r;
	}
	close_unused_passed(state);
	r = add_holders(state, ret_why);
	return r < 0 ? r : tell_ready(state, ret_why);
}

static void stop(struct main_state *state)
{
	struct sl_daemon *daemon = &state->daemon;

	sd_notify(0, "STOPPING=1");
	/* A next daemon may be about to listen at the same paths. It starts when it finds nobody at
	 * the control socket: by then all paths must be free, and none is touched any more. */
	sl_guest_stop_all(daemon);
	if (state->owns_control_path) {
		unlink(daemon->config->control);
	}
	if (state->owns_control_dir) {
		char *slash = strrchr(daemon->config->control, '/');

		*slash = '\0';
		rmdir(daemon->config->control); /* unless others put something there */
	}
	sl_control_destroy(state->control);
	sl_metrics_destroy(state->metrics);
	sl_guest_destroy_all(daemon);
	sl_holder_finish(daemon);
	sl_refusal_finish(daemon);
	sl_pool_destroy(daemon->pool);
	sl_arbiter_destroy(daemon->arbiter);
	sd_event_unref(daemon->event);
	free(daemon->config);
}

int main(int argc, char **argv)
{
	struct main_state state = { 0 };
	char why[SL_CONFIG_WHY_SIZE] = "";

	sl_log_init("sluiced", SL_LOG_INFO);
	sl_options_parse(&state.options, argc, argv);
	int r = sl_options_configure(&state.options, &state.daemon.config, why);
	if (r < 0) {
		sl_log(SL_LOG_ERROR, "%s", why);
		return EXIT_FAILURE;
	}
	sl_log_set_level(state.daemon.config->log_level);
	umask(022);
	raise_fd_limit();
	state.daemon.start_ns = sl_clock_now_ns();
	TAILQ_INIT(&state.daemon.guests);
	LIST_INIT(&state.daemon.refusals);
	LIST_INIT(&state.daemon.holders);
	r = start(&state, why);
	if (r < 0) {
		sl_log(SL_LOG_ERROR, "%s", why);
	} else {
		r = sl_event_loop_run(state.daemon.event);
	}
	stop(&state);
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
