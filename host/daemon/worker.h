/* SPDX-License-Identifier: MIT */
/* One renderer process as the daemon sees it: started, spoken to, waited for. */
#ifndef SL_HOST_DAEMON_WORKER_H
#define SL_HOST_DAEMON_WORKER_H

#include "host/base/log.h"
#include "host/base/renderer_msg.h"
#include "host/sandbox/sandbox.h"

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <systemd/sd-event.h>

struct sl_sandbox_cgroup;
struct sl_sched_msg;
struct sl_worker;

/* Who is told about a worker: first the pool, then the context it serves. exited() is the last
 * call; it must destroy the worker. None is called from within another function of this header. */
struct sl_worker_owner {
	void (*ready)(struct sl_worker *worker, const struct sl_renderer_ready *ready, void *data);
	void (*report)(struct sl_worker *worker, const struct sl_renderer_report *report,
		       void *data);
	void (*sched)(struct sl_worker *worker, const struct sl_sched_msg *msg, void *data);
	void (*exited)(struct sl_worker *worker, const siginfo_t *status, void *data);
};

struct sl_worker_options {
	const char *renderer; /* the program's path */
	const char *driver;   /* VK_DRIVER_FILES; NULL: it loads none */
	enum sl_log_level log_level;
	enum sl_sandbox_mode sandbox;
	uint32_t namespaces;		  /* sl_sandbox_probe() */
	struct sl_sandbox_cgroup *cgroup; /* lent for the worker's life; NULL: none is to be had */
	uint64_t memory_bytes;		  /* what the kernel gives it; UINT64_MAX: any */
	bool is_lowered;		  /* sl_priority_lower() */
};

/* Start a renderer.
 * Returns 0 or -errno. A program that cannot be executed shows as exit status 127. */
int sl_worker_create(sd_event *event, const struct sl_worker_options *options,
		     const struct sl_worker_owner *owner, void *data,
		     struct sl_worker **ret_worker);

/* Kills the process if it still runs. Accepts NULL. */
void sl_worker_destroy(struct sl_worker *worker);

void sl_worker_set_owner(struct sl_worker *worker, const struct sl_worker_owner *owner, void *data);

/* Give it its context; the caller keeps the descriptors. Returns 0 or -errno. */
int sl_worker_assign(struct sl_worker *worker, const struct sl_renderer_assign *assign,
		     const int *fds, unsigned int fd_count);

/* A renderer that does not read its packets is killed. */
/* Order the renderer to tell its guest why it is ended, and to exit. Returns 0 or -errno. */
int sl_worker_send_end(struct sl_worker *worker, const char *why);

void sl_worker_send_sched(struct sl_worker *worker, const struct sl_sched_msg *msg);

/* Somebody waits for it: from now on its priority is the daemon's. */
void sl_worker_hurry(struct sl_worker *worker);

pid_t sl_worker_get_pid(const struct sl_worker *worker);
void sl_worker_kill(struct sl_worker *worker, int signal_number);

/* "was killed by SIGSEGV", "exited with status 3". */
void sl_worker_describe_exit(const struct sl_worker *worker, const siginfo_t *status,
			     char *ret_text, size_t size);

#endif
