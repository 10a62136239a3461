/* SPDX-License-Identifier: MIT */
/* One guest: its name, its socket, who may connect there, its programs, and its account. */
#ifndef SL_HOST_DAEMON_GUEST_H
#define SL_HOST_DAEMON_GUEST_H

#include "host/base/log.h"
#include "host/base/quota.h"
#include "host/daemon/config.h"
#include "host/daemon/start_rate.h"
#include "host/daemon/usage.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include <systemd/sd-event.h>

/* Added to the path of a guest's socket: there its virtual machine asks for OpenGL. */
#define SL_GUEST_GL_SUFFIX ".gl"

struct sl_context;
struct sl_daemon;
struct sl_listener;
struct sl_arbiter_guest;

struct sl_guest {
	TAILQ_ENTRY(sl_guest) link; /* sl_daemon.guests; not while is_removed */
	struct sl_daemon *daemon;
	struct sl_config_guest config;
	struct sl_arbiter_guest *arbitrated;
	bool is_dynamic;		 /* added over the control socket: reloads keep it */
	bool is_removed;		 /* freed with its last context */
	struct sl_listener *listener;	 /* NULL: nobody can connect any more */
	bool owns_path;			 /* the socket's file is ours, not the service manager's */
	struct sl_listener *gl_listener; /* where its virtual machine asks for OpenGL; or NULL */
	int quota_fd;
	struct sl_quota *quota;
	uint64_t quota_slots[SL_QUOTA_SLOTS / 64]; /* bit: a context has it */
	TAILQ_HEAD(, sl_context) contexts;
	uint32_t context_count;
	uint64_t program_count; /* all that connected, the refused included */
	uint64_t refused_count;
	uint64_t failed_count; /* ended by something else than the program */
	struct sl_start_rate start_rate;
	struct sl_usage ended; /* of the programs that have ended */
	char last_error[SL_RENDERER_TEXT_SIZE];
	struct sl_log_rate refusals; /* in the log, those of strangers too */
	uid_t refused_uid;	     /* the last that was logged */
	uint64_t refused_ns;
};

/* Add a guest and listen. listen_fd: a socket handed over by the service manager, consumed also
 * on failure; -1: make one. Returns 0, or -errno with a line in ret_why (SL_CONFIG_WHY_SIZE). */
int sl_guest_add(struct sl_daemon *daemon, const struct sl_config_guest *config, bool is_dynamic,
		 int listen_fd, char *ret_why);

/* Stop listening, end its programs, forget it. why is told to whom it concerns. */
void sl_guest_remove(struct sl_guest *guest, const char *why);

/* Change what it may have of the GPU, and its limits; its name and socket stay.
 * Returns 0 or -EINVAL. */
int sl_guest_configure(struct sl_guest *guest, const struct sl_config_guest *config);

/* A slot of the quota page for one context. Returns it, or -EBUSY: all are taken. */
int sl_guest_take_quota_slot(struct sl_guest *guest);
/* What it held is free; its renderer has ended. */
void sl_guest_clear_quota_slot(struct sl_guest *guest, int slot);

struct sl_guest *sl_guest_find(struct sl_daemon *daemon, const char *name);

/* Everything its programs have used, and use. */
void sl_guest_sum_usage(const struct sl_guest *guest, struct sl_usage *ret_usage);

/* Free the guest if it was removed and its last context is gone. */
void sl_guest_collect(struct sl_guest *guest);

/* Nobody can connect any more, to any of them. */
void sl_guest_stop_all(struct sl_daemon *daemon);

/* All of them at once, with their contexts: the daemon ends. */
void sl_guest_destroy_all(struct sl_daemon *daemon);

/* Listen on a Unix socket: the directory is made if missing, a dead daemon's socket is replaced.
 * type: SOCK_STREAM or SOCK_SEQPACKET. Returns the fd, or -errno with a line in ret_why. */
int sl_guest_listen(const char *path, int type, mode_t mode, char *ret_why);

#endif
