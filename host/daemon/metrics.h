/* SPDX-License-Identifier: MIT */
/* Metrics for Prometheus, over HTTP: GET /metrics. */
#ifndef SL_HOST_DAEMON_METRICS_H
#define SL_HOST_DAEMON_METRICS_H

struct sl_daemon;
struct sl_metrics;

/* where: "127.0.0.1:9464", "[::1]:9464" (loopback addresses only) or the path of a Unix socket.
 * Returns 0, or -errno with a line in ret_why (SL_CONFIG_WHY_SIZE). */
int sl_metrics_create(struct sl_daemon *daemon, const char *where, struct sl_metrics **ret_metrics,
		      char *ret_why);
/* Accepts NULL. */
void sl_metrics_destroy(struct sl_metrics *metrics);

#endif
