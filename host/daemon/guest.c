/* SPDX-License-Identifier: MIT */
/* One guest: its socket, who may connect there, its programs, and its account. */
#include "host/daemon/guest.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "host/base/clock.h"
#include "host/base/fd.h"
#include "host/base/log.h"
#include "host/base/paths.h"
#include "host/daemon/arbiter.h"
#include "host/daemon/context.h"
#include "host/daemon/daemon.h"
#include "host/daemon/listener.h"
#include "host/daemon/refusal.h"

#define BACKLOG		   128
#define MAX_PEER_GROUPS	   256
#define GL_PATH_SIZE	   (SL_CONFIG_SOCKET_SIZE + sizeof(SL_GUEST_GL_SUFFIX))
#define REFUSAL_LOG_GAP_NS UINT64_C(60000000000)

static bool group_is_listed(const struct sl_config_access *access, gid_t gid)
{
	for (uint32_t i = 0; i < access->gid_count; i++) {
		if (access->gids[i] == gid) {
			return true;
		}
	}
	return false;
}

/* The peer's supplementary groups, as they were when it connected. */
static bool any_group_is_listed(const struct sl_config_access *access, int fd)
{
	gid_t groups[MAX_PEER_GROUPS];
	socklen_t size = sizeof(groups);

	if (access->gid_count == 0 ||
	    getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &size) < 0) {
		return false;
	}
	for (size_t i = 0; i < size / sizeof(groups[0]); i++) {
		if (group_is_listed(access, groups[i])) {
			return true;
		}
	}
	return false;
}

static bool may_connect(const struct sl_config_access *access, int fd, const struct ucred *peer)
{
	if (access->uid_count == 0 && access->gid_count == 0) {
		return peer->uid == geteuid() || peer->uid == 0;
	}
	for (uint32_t i = 0; i < access->uid_count; i++) {
		if (access->uids[i] == peer->uid) {
			return true;
		}
	}
	return group_is_listed(access, peer->gid) || any_group_is_listed(access, fd);
}

/* A stranger that keeps trying fills no log: one line per user and minute. */
static void log_stranger(struct sl_guest *guest, const struct ucred *peer)
{
	uint64_t now_ns = sl_clock_now_ns();

	if (guest->refused_ns != 0 && guest->refused_uid == peer->uid &&
	    now_ns - guest->refused_ns < REFUSAL_LOG_GAP_NS) {
		return;
	}
	guest->refused_uid = peer->uid;
	guest->refused_ns = now_ns;
	sl_log_rated(
		&guest->refusals, NULL, SL_LOG_WARNING,
		"guest %s: process %d of user %u may not connect: not in allow_users or allow_groups",
		guest->config.name, (int)peer->pid, (unsigned int)peer->uid);
}

/* sl_context_start(), or its like for OpenGL. */
typedef void start_context(struct sl_guest *guest, int fd, const struct ucred *peer);

/* At the default guest's socket: the guest that the peer is of. *ret_is_matched: by its match,
 * which is a permission too. */
static struct sl_guest *find_guest_of(struct sl_guest *listener, int fd, const struct ucred *peer,
				      bool *ret_is_matched)
{
	char cgroup[SL_MATCH_GROUP_SIZE] = "";
	struct sl_guest *guest;
	bool is_read = false;

	*ret_is_matched = false;
	if (strcmp(listener->config.name, SL_CONFIG_DEFAULT_GUEST) != 0) {
		return listener;
	}
	TAILQ_FOREACH(guest, &listener->daemon->guests, link)
	{
		const struct sl_match *match = &guest->config.match;

		if (!is_read && match->kind >= SL_MATCH_CGROUP) {
			(void)sl_match_get_cgroup(fd, peer, cgroup);
			is_read = true;
		}
		if (sl_match_fits(match, peer->uid, cgroup)) {
			*ret_is_matched = true;
			return guest;
		}
	}
	return listener;
}

/* Consumes fd. */
static void admit(struct sl_guest *guest, int connected_fd, start_context *start)
{
	SL_AUTO_CLOSE int fd = connected_fd;
	struct ucred peer;
	socklen_t size = sizeof(peer);
	bool is_matched;
	char why[160];

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0) {
		return;
	}
	guest = find_guest_of(guest, fd, &peer, &is_matched);
	if (!is_matched && !may_connect(&guest->config.access, fd, &peer)) {
		log_stranger(guest, &peer);
		guest->refused_count++;
		snprintf(why, sizeof(why),
			 "user %u may not use guest %s of this host (sluiced.conf: allow_users, "
			 "allow_groups)",
			 (unsigned int)peer.uid, guest->config.name);
		sl_refusal_send(guest->daemon, sl_steal_fd(&fd), why);
		return;
	}
	start(guest, sl_steal_fd(&fd), &peer);
}

static void on_connection(int fd, void *data)
{
	admit(data, fd, sl_context_start);
}

static void on_gl_connection(int fd, void *data)
{
	admit(data, fd, sl_context_start_gl);
}

/* True if nobody listens behind the socket's file. */
static bool socket_is_dead(const struct sockaddr_un *address, int type)
{
	SL_AUTO_CLOSE int fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	return fd >= 0 && connect(fd, (const struct sockaddr *)address, sizeof(*address)) < 0 &&
	       errno == ECONNREFUSED;
}

int sl_guest_listen(const char *path, int type, mode_t mode, char *ret_why)
{
	SL_AUTO_CLOSE int fd = -1;
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int r;

	if (strlen(path) >= sizeof(address.sun_path)) {
		snprintf(ret_why, SL_CONFIG_WHY_SIZE,
			 "socket %s: the path is longer than %zu bytes", path,
			 sizeof(address.sun_path) - 1);
		return -ENAMETOOLONG;
	}
	strcpy(address.sun_path, path);
	r = sl_paths_create_parent(path);
	if (r < 0) {
		snprintf(ret_why, SL_CONFIG_WHY_SIZE, "socket %s: cannot make its directory: %s",
			 path, strerror(-r));
		return r;
	}
	fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0) {
		r = -errno;
		snprintf(ret_why, SL_CONFIG_WHY_SIZE, "socket %s: %s", path, strerror(-r));
		return r;
	}
	r = bind(fd, (struct sockaddr *)&address, sizeof(address));
	if (r < 0 && errno == EADDRINUSE && socket_is_dead(&address, type)) {
		unlink(path);
		r = bind(fd, (struct sockaddr *)&address, sizeof(address));
	}
	if (r < 0 || chmod(path, mode) < 0 || listen(fd, BACKLOG) < 0) {
		r = -errno;
		snprintf(ret_why, SL_CONFIG_WHY_SIZE, "socket %s: %s", path,
			 r == -EADDRINUSE ? "in use: another daemon listens there" : strerror(-r));
		return r;
	}
	return sl_steal_fd(&fd);
}

static void gl_path(const struct sl_guest *guest, char path[GL_PATH_SIZE])
{
	snprintf(path, GL_PATH_SIZE, "%s" SL_GUEST_GL_SUFFIX, guest->config.socket);
}

/* Beside the guest's socket. A guest does without where that cannot be had. */
static void listen_for_gl(struct sl_guest *guest)
{
	char path[GL_PATH_SIZE];
	char why[SL_CONFIG_WHY_SIZE];

	if (guest->daemon->config->virgl[0] == '\0') {
		return;
	}
	gl_path(guest, path);
	int fd = sl_guest_listen(path, SOCK_SEQPACKET, 0666, why);
	if (fd < 0) {
		sl_log(SL_LOG_WARNING, "guest %s: no OpenGL for virtual machines: %s",
		       guest->config.name, why);
		return;
	}
	if (sl_listener_create(guest->daemon->event, fd, guest->config.name, on_gl_connection,
			       guest, &guest->gl_listener) < 0) {
		unlink(path);
	}
}

static void stop_listening_for_gl(struct sl_guest *guest)
{
	char path[GL_PATH_SIZE];

	if (guest->gl_listener != NULL) {
		gl_path(guest, path);
		unlink(path);
	}
	sl_listener_destroy(guest->gl_listener);
	guest->gl_listener = NULL;
}

static void stop_listening(struct sl_guest *guest)
{
	stop_listening_for_gl(guest);
	if (guest->listener != NULL && guest->owns_path) {
		unlink(guest->config.socket);
	}
	sl_listener_destroy(guest->listener);
	guest->listener = NULL;
}

static void free_guest(struct sl_guest *guest)
{
	sl_arbiter_remove_guest(guest->daemon->arbiter, guest->arbitrated);
	if (guest->quota != NULL) {
		munmap(guest->quota, sizeof(*guest->quota));
	}
	sl_fd_close(guest->quota_fd);
	free(guest);
}

/* What it needs besides its socket. Returns 0 or -errno; free_guest() undoes it. */
static int prepare_guest(struct sl_guest *guest)
{
	guest->quota_fd = sl_fd_create_memory("sluice-quota", sizeof(*guest->quota));
	if (guest->quota_fd < 0) {
		return guest->quota_fd;
	}
	void *quota = mmap(NULL, sizeof(*guest->quota), PROT_READ | PROT_WRITE, MAP_SHARED,
			   guest->quota_fd, 0);
	if (quota == MAP_FAILED) {
		return -errno;
	}
	guest->quota = quota;
	atomic_store(&guest->quota->limit, guest->config.memory);
	guest->arbitrated = sl_arbiter_add_guest(guest->daemon->arbiter, &guest->config.sched);
	return guest->arbitrated != NULL ? 0 : -ENOMEM;
}

int sl_guest_configure(struct sl_guest *guest, const struct sl_config_guest *config)
{
	int r = sl_arbiter_set_guest(guest->daemon->arbiter, guest->arbitrated, &config->sched);

	if (r == 0) {
		guest->config = *config;
		atomic_store(&guest->quota->limit, config->memory);
	}
	return r;
}

int sl_guest_take_quota_slot(struct sl_guest *guest)
{
	for (uint32_t i = 0; i < SL_QUOTA_SLOTS; i++) {
		uint64_t bit = 1ull << i % 64;

		if ((guest->quota_slots[i / 64] & bit) == 0) {
			guest->quota_slots[i / 64] |= bit;
			if (i >= atomic_load(&guest->quota->slot_end)) {
				atomic_store(&guest->quota->slot_end, i + 1);
			}
			return (int)i;
		}
	}
	return -EBUSY;
}

void sl_guest_clear_quota_slot(struct sl_guest *guest, int slot)
{
	guest->quota_slots[slot / 64] &= ~(1ull << slot % 64);
	atomic_store(&guest->quota->slots[slot], 0);
}

int sl_guest_add(struct sl_daemon *daemon, const struct sl_config_guest *config, bool is_dynamic,
		 int listen_fd, char *ret_why)
{
	SL_AUTO_CLOSE int owned_fd = listen_fd;
	bool owns_path = listen_fd < 0;
	int r;

	if (owned_fd < 0) {
		/* Whoever may not connect is told so in words: hence open to all. */
		owned_fd = sl_guest_listen(config->socket, SOCK_SEQPACKET, 0666, ret_why);
		if (owned_fd < 0) {
			return owned_fd;
		}
	}
	struct sl_guest *guest = calloc(1, sizeof(*guest));
	if (guest == NULL) {
		snprintf(ret_why, SL_CONFIG_WHY_SIZE, "out of memory");
		return -ENOMEM;
	}
	guest->daemon = daemon;
	guest->config = *config;
	guest->quota_fd = -1;
	TAILQ_INIT(&guest->contexts);
	r = prepare_guest(guest);
	if (r < 0) {
		snprintf(ret_why, SL_CONFIG_WHY_SIZE, "guest %s: %s", config->name, strerror(-r));
		free_guest(guest);
		return r;
	}
	guest->is_dynamic = is_dynamic;
	guest->owns_path = owns_path;
	r = sl_listener_create(daemon->event, sl_steal_fd(&owned_fd), guest->config.socket,
			       on_connection, guest, &guest->listener);
	if (r < 0) {
		snprintf(ret_why, SL_CONFIG_WHY_SIZE, "guest %s: %s", config->name, strerror(-r));
		free_guest(guest);
		return r;
	}
	listen_for_gl(guest);
	TAILQ_INSERT_TAIL(&daemon->guests, guest, link);
	sl_log(SL_LOG_INFO, "guest %s: listening on %s", config->name, config->socket);
	return 0;
}

void sl_guest_remove(struct sl_guest *guest, const char *why)
{
	struct sl_context *context;
	struct sl_context *next;

	sl_log(SL_LOG_INFO, "guest %s: removed: %s", guest->config.name, why);
	stop_listening(guest);
	TAILQ_REMOVE(&guest->daemon->guests, guest, link);
	/* Not is_removed yet: the last context must not free it in the loop. */
	for (context = TAILQ_FIRST(&guest->contexts); context != NULL; context = next) {
		next = TAILQ_NEXT(context, link);
		sl_context_kill(context, why);
	}
	guest->is_removed = true;
	sl_guest_collect(guest);
}

void sl_guest_collect(struct sl_guest *guest)
{
	if (guest->is_removed && TAILQ_EMPTY(&guest->contexts)) {
		free_guest(guest);
	}
}

struct sl_guest *sl_guest_find(struct sl_daemon *daemon, const char *name)
{
	struct sl_guest *guest;

	TAILQ_FOREACH(guest, &daemon->guests, link)
	{
		if (strcmp(guest->config.name, name) == 0) {
			return guest;
		}
	}
	return NULL;
}

void sl_guest_sum_usage(const struct sl_guest *guest, struct sl_usage *ret_usage)
{
	const struct sl_context *context;

	*ret_usage = guest->ended;
	TAILQ_FOREACH(context, &guest->contexts, link)
	{
		if (context->stats != NULL) {
			sl_usage_add_stats(ret_usage, context->stats, false);
		}
	}
}

void sl_guest_stop_all(struct sl_daemon *daemon)
{
	struct sl_guest *guest;

	TAILQ_FOREACH(guest, &daemon->guests, link)
	{
		stop_listening(guest);
	}
}

void sl_guest_destroy_all(struct sl_daemon *daemon)
{
	while (!TAILQ_EMPTY(&daemon->guests)) {
		struct sl_guest *guest = TAILQ_FIRST(&daemon->guests);

		stop_listening(guest);
		while (!TAILQ_EMPTY(&guest->contexts)) {
			sl_context_destroy(TAILQ_FIRST(&guest->contexts));
		}
		TAILQ_REMOVE(&daemon->guests, guest, link);
		free_guest(guest);
	}
}
