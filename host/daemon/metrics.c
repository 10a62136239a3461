/* SPDX-License-Identifier: MIT */
/* Metrics for Prometheus: its text format, over libmicrohttpd within the event loop. Names follow
 * its conventions: base units (seconds, bytes), _total for what only grows. */
#include "host/daemon/metrics.h"

#include <arpa/inet.h>
#include <errno.h>
#include <microhttpd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "host/base/fd.h"
#include "host/base/quantity.h"
#include "host/base/quota.h"
#include "host/daemon/arbiter.h"
#include "host/daemon/config.h"
#include "host/daemon/daemon.h"
#include "host/daemon/drop.h"
#include "host/daemon/guest.h"
#include "host/daemon/ledger.h"

#define MAX_CONNECTIONS	  16
#define CONNECTION_SECS	  10
#define BUCKETS_PER_LABEL 8 /* of the histogram of waits: a label for each factor of four */

struct sl_metrics {
	struct sl_daemon *daemon;
	struct MHD_Daemon *http;
	int listen_fd;
	char path[SL_CONFIG_SOCKET_SIZE]; /* of a Unix socket; empty: none */
	sd_event_source *io;
	sd_event_source *timer;
};

static double seconds(uint64_t time_ns)
{
	return (double)time_ns / 1e9;
}

static void write_header(FILE *out, const char *name, const char *type, const char *help)
{
	fprintf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void write_host(FILE *out, const struct sl_daemon *daemon)
{
	const struct sl_arbiter_account *account = sl_arbiter_get_account(daemon->arbiter);

	write_header(out, "sluice_gpu_time_seconds_total", "counter",
		     "Wall time of the GPU by what it did: used, gap (held, nothing ran), idle.");
	fprintf(out, "sluice_gpu_time_seconds_total{state=\"used\"} %.9f\n",
		seconds(account->used_ns));
	fprintf(out, "sluice_gpu_time_seconds_total{state=\"gap\"} %.9f\n",
		seconds(account->gap_ns));
	fprintf(out, "sluice_gpu_time_seconds_total{state=\"idle\"} %.9f\n",
		seconds(account->idle_ns));
	write_header(out, "sluice_gpu_measured_seconds_total", "counter",
		     "GPU time used by what it was measured by.");
	fprintf(out, "sluice_gpu_measured_seconds_total{by=\"timestamps\"} %.9f\n",
		seconds(account->stamped_ns));
	fprintf(out, "sluice_gpu_measured_seconds_total{by=\"completion\"} %.9f\n",
		seconds(account->used_ns - account->stamped_ns));
	write_header(out, "sluice_gpu_handovers_total", "counter",
		     "Times that the GPU went from one grant to the next that waited for it.");
	fprintf(out, "sluice_gpu_handovers_total %llu\n", (unsigned long long)account->handovers);
	write_header(out, "sluice_programs", "gauge", "Programs that are connected.");
	fprintf(out, "sluice_programs %u\n", daemon->context_count);
}

/* One metric with a value for each guest. */
struct guest_metric {
	const char *name;
	const char *type;
	const char *help;
	double (*get)(const struct sl_guest *guest, const struct sl_arbiter_guest_account *account);
};

static double get_used(const struct sl_guest *guest, const struct sl_arbiter_guest_account *account)
{
	return seconds(account->used_ns);
}

static double get_stamped(const struct sl_guest *guest,
			  const struct sl_arbiter_guest_account *account)
{
	return seconds(account->stamped_ns);
}

static double get_gap(const struct sl_guest *guest, const struct sl_arbiter_guest_account *account)
{
	return seconds(account->gap_ns);
}

static double get_overshoot(const struct sl_guest *guest,
			    const struct sl_arbiter_guest_account *account)
{
	return seconds(account->usage->overshoot_ns);
}

static double get_grants(const struct sl_guest *guest,
			 const struct sl_arbiter_guest_account *account)
{
	return (double)account->usage->grants;
}

static double get_weight(const struct sl_guest *guest,
			 const struct sl_arbiter_guest_account *account)
{
	return account->params->weight;
}

static double get_cap(const struct sl_guest *guest, const struct sl_arbiter_guest_account *account)
{
	return account->params->cap_permille / 1000.0;
}

static double get_paused(const struct sl_guest *guest,
			 const struct sl_arbiter_guest_account *account)
{
	return sl_arbiter_is_paused(guest->arbitrated);
}

static double get_memory(const struct sl_guest *guest,
			 const struct sl_arbiter_guest_account *account)
{
	return (double)sl_quota_get_used(guest->quota);
}

static double get_programs(const struct sl_guest *guest,
			   const struct sl_arbiter_guest_account *account)
{
	return guest->context_count;
}

static double get_started(const struct sl_guest *guest,
			  const struct sl_arbiter_guest_account *account)
{
	return (double)guest->program_count;
}

static double get_failed(const struct sl_guest *guest,
			 const struct sl_arbiter_guest_account *account)
{
	return (double)guest->failed_count;
}

static double get_submissions(const struct sl_guest *guest,
			      const struct sl_arbiter_guest_account *account)
{
	struct sl_usage usage;

	sl_guest_sum_usage(guest, &usage);
	return (double)usage.submissions;
}

static double get_cut(const struct sl_guest *guest, const struct sl_arbiter_guest_account *account)
{
	struct sl_usage usage;

	sl_guest_sum_usage(guest, &usage);
	return (double)usage.cut_submissions;
}

static double get_pieces(const struct sl_guest *guest,
			 const struct sl_arbiter_guest_account *account)
{
	struct sl_usage usage;

	sl_guest_sum_usage(guest, &usage);
	return (double)usage.pieces;
}

static const struct guest_metric guest_metrics[] = {
	{ "sluice_guest_gpu_used_seconds_total", "counter", "GPU time used.", get_used },
	{ "sluice_guest_gpu_stamped_seconds_total", "counter",
	  "GPU time used, as far as it is measured by the GPU's timestamps.", get_stamped },
	{ "sluice_guest_gpu_gap_seconds_total", "counter",
	  "Time that the guest held the GPU and nothing ran.", get_gap },
	{ "sluice_guest_gpu_overshoot_seconds_total", "counter", "GPU time used beyond slices.",
	  get_overshoot },
	{ "sluice_guest_gpu_grants_total", "counter", "Times that the guest was given the GPU.",
	  get_grants },
	{ "sluice_guest_submissions_total", "counter", "Submissions given to the GPU's queues.",
	  get_submissions },
	{ "sluice_guest_cut_submissions_total", "counter",
	  "Submissions that went to the GPU in pieces.", get_cut },
	{ "sluice_guest_pieces_total", "counter", "The pieces of those.", get_pieces },
	{ "sluice_guest_programs_started_total", "counter", "Programs that have connected.",
	  get_started },
	{ "sluice_guest_programs_failed_total", "counter",
	  "Programs whose context was ended by something else than themselves.", get_failed },
	{ "sluice_guest_programs", "gauge", "Programs that are connected.", get_programs },
	{ "sluice_guest_device_memory_bytes", "gauge", "Device memory allocated by the host.",
	  get_memory },
	{ "sluice_guest_weight", "gauge", "The guest's weight.", get_weight },
	{ "sluice_guest_cap_ratio", "gauge", "The most that the guest gets of the GPU.", get_cap },
	{ "sluice_guest_paused", "gauge", "1 if the guest is paused.", get_paused },
};

static void write_guest_metric(FILE *out, const struct sl_daemon *daemon,
			       const struct guest_metric *metric)
{
	const struct sl_guest *guest;

	write_header(out, metric->name, metric->type, metric->help);
	TAILQ_FOREACH(guest, &daemon->guests, link)
	{
		const struct sl_arbiter_guest_account account =
			sl_arbiter_get_guest(daemon->arbiter, guest->arbitrated);

		/* Names of guests hold nothing that would have to be escaped. */
		fprintf(out, "%s{guest=\"%s\"} %.15g\n", metric->name, guest->config.name,
			metric->get(guest, &account));
	}
}

/* Every reason is there, also one that has not occurred. */
static void write_left_whole(FILE *out, const struct sl_daemon *daemon)
{
	static const char name[] = "sluice_guest_left_whole_total";
	const struct sl_guest *guest;

	write_header(out, name, "counter",
		     "Long work that was not cut into pieces, by the reason.");
	TAILQ_FOREACH(guest, &daemon->guests, link)
	{
		struct sl_usage usage;

		sl_guest_sum_usage(guest, &usage);
		for (uint32_t i = 0; i < SL_STATS_WHOLE_REASONS; i++) {
			fprintf(out, "%s{guest=\"%s\",reason=\"%s\"} %llu\n", name,
				guest->config.name, sl_stats_whole_name((enum sl_stats_whole)i),
				(unsigned long long)usage.left_whole[i]);
		}
	}
}

static void write_waits(FILE *out, const struct sl_daemon *daemon)
{
	static const char name[] = "sluice_guest_gpu_wait_seconds";
	const struct sl_guest *guest;

	write_header(out, name, "histogram", "From asking for the GPU to getting it.");
	TAILQ_FOREACH(guest, &daemon->guests, link)
	{
		const struct sl_sched_usage *usage =
			sl_arbiter_get_guest(daemon->arbiter, guest->arbitrated).usage;
		const char *label = guest->config.name;
		uint64_t count = 0;

		for (uint32_t i = 0; i < SL_HISTOGRAM_BUCKETS - 1; i++) {
			count += usage->waits.counts[i];
			if (i % BUCKETS_PER_LABEL == 0) {
				fprintf(out, "%s_bucket{guest=\"%s\",le=\"%.9g\"} %llu\n", name,
					label, seconds(sl_histogram_get_end(i)),
					(unsigned long long)count);
			}
		}
		count += usage->waits.counts[SL_HISTOGRAM_BUCKETS - 1];
		fprintf(out, "%s_bucket{guest=\"%s\",le=\"+Inf\"} %llu\n", name, label,
			(unsigned long long)count);
		fprintf(out, "%s_sum{guest=\"%s\"} %.9f\n%s_count{guest=\"%s\"} %llu\n", name,
			label, seconds(usage->wait_ns), name, label, (unsigned long long)count);
	}
}

static struct MHD_Response *respond(const struct sl_daemon *daemon)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	if (out == NULL) {
		return NULL;
	}
	write_host(out, daemon);
	for (size_t i = 0; i < sizeof(guest_metrics) / sizeof(guest_metrics[0]); i++) {
		write_guest_metric(out, daemon, &guest_metrics[i]);
	}
	write_left_whole(out, daemon);
	write_waits(out, daemon);
	if (fclose(out) != 0) {
		free(text);
		return NULL;
	}
	struct MHD_Response *response =
		MHD_create_response_from_buffer(size, text, MHD_RESPMEM_MUST_FREE);
	if (response == NULL) {
		free(text);
	}
	return response;
}

static enum MHD_Result on_request(void *data, struct MHD_Connection *connection, const char *url,
				  const char *method, const char *version, const char *upload,
				  size_t *upload_size, void **state)
{
	static char not_found[] = "Metrics are at /metrics\n";
	const struct sl_metrics *metrics = data;
	bool is_known = strcmp(method, MHD_HTTP_METHOD_GET) == 0 && strcmp(url, "/metrics") == 0;
	struct MHD_Response *response =
		is_known ? respond(metrics->daemon)
			 : MHD_create_response_from_buffer(sizeof(not_found) - 1, not_found,
							   MHD_RESPMEM_PERSISTENT);

	(void)version;
	(void)upload;
	(void)state;
	*upload_size = 0;
	if (response == NULL) {
		return MHD_NO;
	}
	MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE,
				is_known ? "text/plain; version=0.0.4; charset=utf-8"
					 : "text/plain");
	enum MHD_Result result = MHD_queue_response(
		connection, is_known ? MHD_HTTP_OK : MHD_HTTP_NOT_FOUND, response);

	MHD_destroy_response(response);
	return result;
}

/* Do what is due, and come back when it says. */
static void run(struct sl_metrics *metrics)
{
	MHD_UNSIGNED_LONG_LONG timeout_ms;

	/* At a Unix socket descriptors may come with a request. */
	sl_drop_begin();
	MHD_run(metrics->http);
	sl_drop_end();
	if (MHD_get_timeout(metrics->http, &timeout_ms) == MHD_YES) {
		sd_event_source_set_time_relative(metrics->timer, timeout_ms * 1000);
		sd_event_source_set_enabled(metrics->timer, SD_EVENT_ONESHOT);
	} else {
		sd_event_source_set_enabled(metrics->timer, SD_EVENT_OFF);
	}
}

static int on_io(sd_event_source *source, int fd, uint32_t events, void *data)
{
	run(data);
	return 0;
}

static int on_timer(sd_event_source *source, uint64_t usec, void *data)
{
	run(data);
	return 0;
}

/* "127.0.0.1:9464" or "[::1]:9464". Returns the size of the address, or -EINVAL. */
static int parse_address(const char *where, struct sockaddr_storage *ret_address)
{
	struct sockaddr_in *ipv4 = (struct sockaddr_in *)ret_address;
	struct sockaddr_in6 *ipv6 = (struct sockaddr_in6 *)ret_address;
	const char *colon = strrchr(where, ':');
	char host[INET6_ADDRSTRLEN + 2];
	uint64_t port;

	*ret_address = (struct sockaddr_storage){ 0 };
	if (colon == NULL || (size_t)(colon - where) >= sizeof(host) ||
	    sl_quantity_parse_number(colon + 1, UINT16_MAX, &port) < 0) {
		return -EINVAL;
	}
	snprintf(host, sizeof(host), "%.*s", (int)(colon - where), where);
	if (strcmp(host, "[::1]") == 0) {
		*ipv6 = (struct sockaddr_in6){ .sin6_family = AF_INET6,
					       .sin6_port = htons((uint16_t)port),
					       .sin6_addr = in6addr_loopback };
		return sizeof(*ipv6);
	}
	/* Who may read the metrics is not asked: they are for this machine only. */
	if (inet_pton(AF_INET, host, &ipv4->sin_addr) != 1 ||
	    ntohl(ipv4->sin_addr.s_addr) >> 24 != IN_LOOPBACKNET) {
		return -EINVAL;
	}
	ipv4->sin_family = AF_INET;
	ipv4->sin_port = htons((uint16_t)port);
	return sizeof(*ipv4);
}

/* Returns a listening socket, or -errno with a line in ret_why. */
static int listen_at(struct sl_metrics *metrics, const char *where, char *ret_why)
{
	struct sockaddr_storage address;
	const int yes = 1;

	if (where[0] == '/') {
		int fd = sl_guest_listen(where, SOCK_STREAM, 0666, ret_why);

		if (fd >= 0) {
			snprintf(metrics->path, sizeof(metrics->path), "%s", where);
		}
		return fd;
	}
	int size = parse_address(where, &address);
	if (size < 0) {
		snprintf(ret_why, SL_CONFIG_WHY_SIZE,
			 "metrics: '%s' is not a place (allowed: \"127.0.0.1:PORT\", "
			 "\"[::1]:PORT\", or the path of a socket)",
			 where);
		return size;
	}
	SL_AUTO_CLOSE int fd =
		socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)) < 0 ||
	    bind(fd, (struct sockaddr *)&address, (socklen_t)size) < 0 ||
	    listen(fd, MAX_CONNECTIONS) < 0) {
		int r = -errno;

		snprintf(ret_why, SL_CONFIG_WHY_SIZE, "metrics: %s: %s", where, strerror(-r));
		return r;
	}
	return sl_steal_fd(&fd);
}

static int start_http(struct sl_metrics *metrics)
{
	sd_event *event = metrics->daemon->event;

	metrics->http = MHD_start_daemon(
		MHD_USE_EPOLL, 0, NULL, NULL, on_request, metrics, MHD_OPTION_LISTEN_SOCKET,
		metrics->listen_fd, MHD_OPTION_CONNECTION_LIMIT, MAX_CONNECTIONS,
		MHD_OPTION_CONNECTION_TIMEOUT, CONNECTION_SECS, MHD_OPTION_END);
	if (metrics->http == NULL) {
		return -EIO;
	}
	metrics->listen_fd = -1; /* closed by MHD_stop_daemon() */
	const union MHD_DaemonInfo *info =
		MHD_get_daemon_info(metrics->http, MHD_DAEMON_INFO_EPOLL_FD);
	if (info == NULL) {
		return -EIO;
	}
	int r = sd_event_add_io(event, &metrics->io, info->epoll_fd, EPOLLIN, on_io, metrics);
	if (r >= 0) {
		r = sd_event_add_time(event, &metrics->timer, CLOCK_MONOTONIC, UINT64_MAX, 0,
				      on_timer, metrics);
	}
	return r < 0 ? r : 0;
}

int sl_metrics_create(struct sl_daemon *daemon, const char *where, struct sl_metrics **ret_metrics,
		      char *ret_why)
{
	struct sl_metrics *metrics = calloc(1, sizeof(*metrics));

	if (metrics == NULL) {
		snprintf(ret_why, SL_CONFIG_WHY_SIZE, "out of memory");
		return -ENOMEM;
	}
	metrics->daemon = daemon;
	metrics->listen_fd = listen_at(metrics, where, ret_why);
	int r = metrics->listen_fd;
	if (r >= 0) {
		r = start_http(metrics);
		if (r < 0) {
			snprintf(ret_why, SL_CONFIG_WHY_SIZE, "metrics: %s", strerror(-r));
		}
	}
	if (r < 0) {
		sl_metrics_destroy(metrics);
		return r;
	}
	*ret_metrics = metrics;
	return 0;
}

void sl_metrics_destroy(struct sl_metrics *metrics)
{
	if (metrics == NULL) {
		return;
	}
	sd_event_source_disable_unref(metrics->io);
	sd_event_source_disable_unref(metrics->timer);
	if (metrics->http != NULL) {
		sl_drop_begin();
		MHD_stop_daemon(metrics->http);
		sl_drop_end();
	}
	sl_drop_fd(metrics->listen_fd);
	if (metrics->path[0] != '\0') {
		unlink(metrics->path);
	}
	free(metrics);
}
