/* SPDX-License-Identifier: MIT */
/* The daemon's configuration: defaults, then the file, then the flags of the command line. It is
 * one value without pointers, so that it can be copied, compared and thrown away. */
#ifndef SL_HOST_DAEMON_CONFIG_H
#define SL_HOST_DAEMON_CONFIG_H

#include "host/base/log.h"
#include "host/base/renderer_msg.h"
#include "host/sandbox/sandbox.h"
#include "host/daemon/match.h"
#include "host/sched/sched.h"

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define SL_CONFIG_NAME_SIZE   SL_RENDERER_NAME_SIZE
#define SL_CONFIG_SOCKET_SIZE 108 /* sizeof sockaddr_un.sun_path */
#define SL_CONFIG_MAX_IDS     32
#define SL_CONFIG_MAX_GUESTS  256
#define SL_CONFIG_WHY_SIZE    512

#define SL_CONFIG_DEFAULT_GUEST "default"

/* Who may connect: the user, or one of the user's groups, is listed. Both lists empty: the
 * daemon's own user and root. */
struct sl_config_access {
	uid_t uids[SL_CONFIG_MAX_IDS];
	gid_t gids[SL_CONFIG_MAX_IDS];
	uint32_t uid_count;
	uint32_t gid_count;
};

struct sl_config_limits {
	uint32_t programs;	/* of one guest at a time */
	uint32_t regions;	/* of one program */
	uint32_t objects;	/* of one program */
	uint64_t shared_memory; /* bytes, of one program */
};

struct sl_config_guest {
	char name[SL_CONFIG_NAME_SIZE];
	char socket[SL_CONFIG_SOCKET_SIZE];
	struct sl_config_access access;
	struct sl_match match; /* who is of it at the default guest's socket */
	struct sl_config_limits limits;
	struct sl_sched_guest_params sched;
	uint64_t memory; /* bytes of device memory, of all its programs together */
};

struct sl_config {
	char control[SL_CONFIG_SOCKET_SIZE];
	char driver[PATH_MAX]; /* manifests, ':' between them; empty: choose */
	char renderer[PATH_MAX];
	char virgl[PATH_MAX]; /* OpenGL of virtual machines; empty: there is none */
	uint32_t pool;
	uint32_t max_programs; /* of all guests together */
	uint32_t spin_us;
	char metrics[SL_CONFIG_SOCKET_SIZE]; /* ADDRESS:PORT or a path; empty: none */
	enum sl_renderer_memory memory_mode;
	enum sl_renderer_when cut;
	enum sl_renderer_when timestamps;
	enum sl_log_level log_level;
	enum sl_sandbox_mode sandbox; /* of renderers */
	bool opengl;		      /* wanted for virtual machines */
	uint64_t renderer_memory;     /* bytes that the kernel gives each; UINT64_MAX: any */
	bool validate;
	bool trace;
	char record[PATH_MAX]; /* a directory for recordings of all programs; empty: none */
	struct sl_config_access access;	    /* for guests that say nothing else */
	struct sl_config_limits limits;	    /* for guests that say nothing else */
	struct sl_sched_guest_params sched; /* likewise; slice_ns: of all that have none */
	uint64_t memory;		    /* likewise */
	enum sl_sched_policy policy;
	uint64_t run_limit_ns; /* how long a program may keep the GPU beyond its slice */
	uint32_t guest_count;
	struct sl_config_guest guests[SL_CONFIG_MAX_GUESTS]; /* [0]: the default guest */
};

/* Set the defaults of this machine and user.
 * Returns 0 or -errno with a line in ret_why (SL_CONFIG_WHY_SIZE). */
int sl_config_init(struct sl_config *config, char *ret_why);

/* Read a file over config. Returns 0, or -errno with a line in ret_why that names the file, the
 * line, the key and what is allowed there; config is then to be thrown away. */
int sl_config_load(struct sl_config *config, const char *path, char *ret_why);

/* Set one value by its key ("pool", "limits.regions", "allow_users" adds one), as text: what the
 * flags do. Returns 0 or -EINVAL with a line in ret_why. */
int sl_config_set(struct sl_config *config, const char *key, const char *value, char *ret_why);

/* Set a guest's weight, cap, class, deadline, slice or memory, as text: what sluicectl does. "none"
 * or "default" takes a cap, deadline, slice or quota away.
 * Returns 0 or -EINVAL with a line in ret_why. */
int sl_config_set_guest(struct sl_config_guest *guest, const char *key, const char *value,
			char *ret_why);

const char *sl_config_class_name(enum sl_sched_class class);
const char *sl_config_policy_name(enum sl_sched_policy policy);

/* What a guest was not given of its own is set to the common value; names and sockets must differ.
 * To be called once, last. Returns 0 or -EINVAL with a line in ret_why. */
int sl_config_complete(struct sl_config *config, char *ret_why);

/* A guest with the common values only; it has no name, no socket and nobody may connect. */
void sl_config_init_guest(const struct sl_config *config, struct sl_config_guest *ret_guest);

/* 1 to 63 letters, digits, '.', '_' and '-', beginning with a letter or digit. */
bool sl_config_name_is_valid(const char *name);

/* Where a guest listens that names no socket: NAME.sock beside the default guest's.
 * Returns 0 or -ENAMETOOLONG. */
int sl_config_guest_socket(const struct sl_config *config, const char *name,
			   char ret_socket[SL_CONFIG_SOCKET_SIZE]);

/* Add the user (name or number) to who may connect. Returns 0 or -EINVAL with a line in ret_why. */
int sl_config_allow_user(struct sl_config_access *access, const char *user, char *ret_why);

#endif
