/* SPDX-License-Identifier: MIT */
/* Renderers that are started before they are needed, with the host's Vulkan driver loaded. The
 * pool also finds out which driver that is, where the configuration does not say. */
#ifndef SL_HOST_DAEMON_POOL_H
#define SL_HOST_DAEMON_POOL_H

#include "host/daemon/config.h"
#include "host/daemon/worker.h"

struct sl_pool;
struct sl_pool_request;

/* Called once per request that was not cancelled, from the event loop or from within
 * sl_pool_take(). worker: the receiver must set itself as its owner at once. NULL: there is none,
 * and why says so to a person. The request is gone afterwards. */
typedef void sl_pool_deliver(struct sl_worker *worker, const char *why, void *data);

/* config is borrowed, until sl_pool_reconfigure() replaces it.
 * Returns 0, -ENOENT (no driver is installed), -ENOMEM. */
int sl_pool_create(sd_event *event, const struct sl_config *config, struct sl_pool **ret_pool);

/* Ends all renderers that serve nobody; waiting requests are forgotten. Accepts NULL. */
void sl_pool_destroy(struct sl_pool *pool);

/* Ask for a renderer. Requests of lower rank are served first, equal ones in order; 0: what is
 * started for it hurries, the others leave the processor to whoever wants it. On 0 *ret_request is
 * valid until delivery; NULL if that has happened already. Returns 0, -ENOMEM, or -EBUSY (too many
 * are waiting). */
int sl_pool_take(struct sl_pool *pool, uint32_t rank, sl_pool_deliver *deliver, void *data,
		 struct sl_pool_request **ret_request);
void sl_pool_cancel(struct sl_pool_request *request);

/* Replaces idle renderers if what they were started with changed. */
void sl_pool_reconfigure(struct sl_pool *pool, const struct sl_config *config);

/* What the last renderer that started found; NULL before. */
const struct sl_renderer_ready *sl_pool_get_device(const struct sl_pool *pool);
/* Manifest(s) in use; empty while still looking. */
const char *sl_pool_get_driver(const struct sl_pool *pool);
/* That this machine lets renderers have: sl_sandbox_probe(). */
uint32_t sl_pool_get_namespaces(const struct sl_pool *pool);
/* Lent; NULL: there is none. */
struct sl_sandbox_cgroup *sl_pool_get_cgroup(const struct sl_pool *pool);
/* sl_priority_probe() */
bool sl_pool_can_lower(const struct sl_pool *pool);
uint32_t sl_pool_get_idle_count(const struct sl_pool *pool);

#endif
