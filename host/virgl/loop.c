/* SPDX-License-Identifier: MIT */
/* One thread: it waits for the vgpu, the daemon, the GPU and the clock. */
#include "host/virgl/loop.h"

#include <errno.h>
#include <poll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "host/base/clock.h"
#include "host/base/fd.h"
#include "host/base/log.h"
#include "host/base/stats.h"
#include "host/sched/sched_client.h"

/* Where nothing tells of completions they are looked for so often. */
#define LOOK_MS 1
/* How many draws a piece has while others want the GPU, before it is known how long they take. */
#define FIRST_DRAWS 16u
#define MAX_DRAWS   65536u
/* With nothing else to do the end of a piece is waited for so long, before another thread does. */
#define WAIT_NS UINT64_C(25000000)
/* What comes meanwhile is noticed so late. */
#define SLICE_NS UINT64_C(1000000)

enum source {
	VGPU,
	DAEMON,
	TIMER,
	GPU,
	SOURCE_COUNT
};

struct loop {
	const struct sl_virgl_loop_options *options;
	struct sl_sched_client client;
	int timer_fd;
	uint64_t timer_ns;
	uint64_t completed;	 /* pieces that the client knows of */
	uint32_t max_draws;	 /* of a piece, while others want the GPU */
	uint32_t draws;		 /* of the pieces under way */
	struct sl_backoff waits; /* for pieces */
	uint64_t wait_began_ns;	 /* for the last one; 0: it was not waited for */
	bool must_mark;		 /* the last piece's end is not watched yet */
};

static void send_sched(void *data, const struct sl_sched_msg *msg)
{
	const struct loop *loop = data;

	/* A daemon that has gone takes this process with it. */
	sl_fd_send(loop->options->control_fd, msg, sizeof(*msg), NULL, 0);
}

static void set_timer(struct loop *loop, uint64_t time_ns)
{
	struct itimerspec when = { 0 };

	if (time_ns == loop->timer_ns) {
		return;
	}
	loop->timer_ns = time_ns;
	if (time_ns != UINT64_MAX) {
		when.it_value.tv_sec = (time_t)(time_ns / 1000000000);
		when.it_value.tv_nsec = (long)(time_ns % 1000000000);
	}
	timerfd_settime(loop->timer_fd, TFD_TIMER_ABSTIME, &when, NULL);
}

/* Pieces as long as they should be: by what the last ones took. */
static void adapt(struct loop *loop, uint64_t took_ns)
{
	uint64_t wanted_ns = sl_sched_client_get_piece_ns(&loop->client);

	if (loop->draws == 0 || took_ns == 0 || wanted_ns == UINT64_MAX) {
		return;
	}
	uint64_t draws = (uint64_t)loop->draws * wanted_ns / took_ns;

	draws = draws < 1 ? 1 : draws;
	loop->max_draws = draws < MAX_DRAWS ? (uint32_t)draws : MAX_DRAWS;
}

/* The next piece is complete. Returns how long it took. */
static uint64_t complete_piece(struct loop *loop, uint64_t now_ns)
{
	struct sl_virgl_renderer *renderer = loop->options->renderer;
	uint64_t last_ns = loop->client.completed_ns;
	uint64_t stamp_ns = sl_virgl_timer_take(&renderer->timer, ++loop->completed, now_ns);
	uint64_t end_ns = stamp_ns != 0 ? stamp_ns : now_ns;

	/* Clocks that do not agree must not make it less than none. */
	end_ns = end_ns > last_ns ? end_ns : last_ns;
	if (!sl_sched_client_counts(&loop->client)) {
		sl_sched_client_complete(&loop->client, 1, end_ns);
		return 0;
	}
	if (stamp_ns != 0) {
		sl_stats_add(&loop->options->stats->gpu_stamped_ns, end_ns - last_ns);
	}
	sl_sched_client_complete(&loop->client, 1, end_ns);
	return end_ns - last_ns;
}

/* What the GPU has completed goes on the account, and to the guest. */
static int take_completions(struct loop *loop)
{
	const struct sl_virgl_loop_options *options = loop->options;
	uint64_t count = options->renderer->completed - loop->completed;
	uint64_t busy_ns = 0;

	if (count == 0) {
		return 0;
	}
	uint64_t now_ns = sl_clock_now_ns();

	while (loop->completed != options->renderer->completed) {
		busy_ns += complete_piece(loop, now_ns);
	}
	if (sl_sched_client_counts(&loop->client)) {
		sl_stats_set_gpu_busy(options->stats, busy_ns,
				      loop->client.in_flight > 0 ? loop->client.completed_ns : 0);
	}
	sl_stats_add(&options->stats->completed, count);
	adapt(loop, busy_ns);
	if (loop->client.in_flight == 0) {
		loop->draws = 0;
	}
	return sl_virgl_server_complete(options->server, loop->completed);
}

/* Has the vgpu or the daemon sent something? */
static bool has_come(const struct loop *loop)
{
	struct pollfd fds[] = {
		{ .fd = loop->options->socket, .events = POLLIN },
		{ .fd = loop->options->control_fd, .events = POLLIN },
	};

	return poll(fds, 2, 0) != 0;
}

static bool may_wait(void *data)
{
	struct loop *loop = data;
	uint64_t now_ns = sl_clock_now_ns();

	if (loop->wait_began_ns == 0) {
		loop->wait_began_ns = now_ns;
	}
	return now_ns - loop->wait_began_ns < WAIT_NS && !has_come(loop);
}

/* Have the end of the last piece watched, before something else runs. */
static int mark(struct loop *loop)
{
	int r = loop->must_mark ? sl_virgl_renderer_mark(loop->options->renderer, NULL) : 0;

	loop->must_mark = false;
	return r < 0 ? r : take_completions(loop);
}

/* The same with nothing left to run. If the GPU is all the guest's, the program may be waiting for
 * this, and hears of it sooner from here than by way of the thread that waits for fences. What
 * comes meanwhile is held up: for programs that do not wait this is rarely done. */
static int mark_last(struct loop *loop)
{
	const struct sl_virgl_patience patience = { may_wait, loop, SLICE_NS };
	struct sl_virgl_renderer *renderer = loop->options->renderer;

	if (!loop->must_mark || sl_sched_client_get_piece_ns(&loop->client) != UINT64_MAX ||
	    !sl_backoff_may_try(&loop->waits)) {
		return mark(loop);
	}
	loop->wait_began_ns = 0;
	loop->must_mark = false;
	int r = sl_virgl_renderer_mark(renderer, &patience);

	if (loop->wait_began_ns != 0) {
		/* Before the guest hears of it, which has more at once then. */
		sl_backoff_tell(&loop->waits,
				renderer->completed == renderer->submitted && !has_come(loop));
	}
	return r < 0 ? r : take_completions(loop);
}

/* GPU time is on the account from now on, if the context holds the GPU. */
static void begin_count(const struct loop *loop, uint64_t now_ns)
{
	if (sl_sched_client_counts(&loop->client)) {
		sl_stats_set_gpu_busy(loop->options->stats, 0, now_ns);
	}
}

/* Run a piece of the packet. */
static int run_piece(struct loop *loop, uint64_t now_ns)
{
	const struct sl_virgl_loop_options *options = loop->options;
	bool is_shared = sl_sched_client_get_piece_ns(&loop->client) != UINT64_MAX;
	uint32_t draws = 0;

	sl_sched_client_start(&loop->client, now_ns);
	if (loop->client.in_flight == 1) {
		begin_count(loop, now_ns);
	}
	int r = sl_virgl_server_run(options->server, is_shared ? loop->max_draws : UINT32_MAX,
				    &draws);
	loop->draws += draws;
	sl_stats_add(&options->stats->submissions, 1);
	loop->must_mark = true;
	return r == 0 && is_shared ? mark(loop) : r;
}

/* Run what has been received. Returns 0, 1 if it has to wait for the GPU, or -errno. */
static int run_packet(struct loop *loop)
{
	const struct sl_virgl_loop_options *options = loop->options;
	uint32_t draws;

	while (sl_virgl_server_has_packet(options->server)) {
		/* Fences of the guest are about what has run, and change nothing. */
		int r = sl_virgl_server_is_fence(options->server) ? 0 : mark(loop);
		uint64_t now_ns = sl_clock_now_ns();

		if (r < 0) {
			return r;
		}
		if (!sl_virgl_server_needs_gpu(options->server)) {
			r = sl_virgl_server_run(options->server, UINT32_MAX, &draws);
		} else if (sl_sched_client_may_start(&loop->client, now_ns)) {
			r = run_piece(loop, now_ns);
		} else {
			return 1;
		}
		if (r < 0) {
			return r;
		}
		if (sl_virgl_server_has_packet(options->server)) {
			/* The next piece may find the slice over. */
			sl_virgl_renderer_poll();
			r = take_completions(loop);
			sl_sched_client_settle(&loop->client, true, sl_clock_now_ns());
		}
		if (r < 0) {
			return r;
		}
	}
	return 0;
}

/* Run what is there, and of what the vgpu has sent one message. Returns as run_packet() does. */
static int take_packets(struct loop *loop, bool has_message)
{
	const struct sl_virgl_loop_options *options = loop->options;
	int r = run_packet(loop);

	while (r == 0 && (has_message || sl_virgl_server_has_more(options->server))) {
		has_message = has_message && sl_virgl_server_has_more(options->server);
		r = sl_virgl_server_receive(options->server);
		if (r == 0) {
			r = run_packet(loop);
		}
	}
	return r;
}

static void handle_sched(struct loop *loop, const struct sl_sched_msg *msg)
{
	bool counted = sl_sched_client_counts(&loop->client);
	uint64_t now_ns = sl_clock_now_ns();

	sl_sched_client_handle(&loop->client, msg, now_ns);
	if (!counted && loop->client.in_flight > 0) {
		begin_count(loop, now_ns);
	}
}

static int take_sched(struct loop *loop)
{
	struct sl_sched_msg msg;
	ssize_t size = sl_fd_receive(loop->options->control_fd, &msg, sizeof(msg), NULL, 0, NULL);

	if (size == (ssize_t)sizeof(msg)) {
		handle_sched(loop, &msg);
	} else if (size > 0) {
		sl_log(SL_LOG_ERROR, "unexpected packet of %zd bytes from the daemon", size);
	}
	return size > 0 || size == -EINTR || size == -EAGAIN ? 0 : -ECONNRESET;
}

/* Wait until there is something to do, and do what does not need the GPU. *ret_has_message: the
 * vgpu has sent something, or has gone. */
static int wait_for_events(struct loop *loop, bool is_blocked, bool *ret_has_message)
{
	const struct sl_virgl_loop_options *options = loop->options;
	int gpu_fd = sl_virgl_renderer_get_fd();
	struct pollfd fds[SOURCE_COUNT] = {
		/* Even while nothing is read its end is seen. */
		[VGPU] = { .fd = options->socket, .events = is_blocked ? POLLRDHUP : POLLIN },
		[DAEMON] = { .fd = options->control_fd, .events = POLLIN },
		[TIMER] = { .fd = loop->timer_fd, .events = POLLIN },
		[GPU] = { .fd = gpu_fd, .events = POLLIN },
	};
	bool must_look = gpu_fd < 0 && loop->client.in_flight > 0;
	uint64_t expired;

	if (poll(fds, SOURCE_COUNT, must_look ? LOOK_MS : -1) < 0) {
		return errno == EINTR ? 0 : -errno;
	}
	if (is_blocked && (fds[VGPU].revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0) {
		return -EPIPE;
	}
	*ret_has_message = !is_blocked && fds[VGPU].revents != 0;
	if (must_look || fds[GPU].revents != 0) {
		sl_virgl_renderer_poll();
	}
	if ((fds[TIMER].revents & POLLIN) != 0 &&
	    read(loop->timer_fd, &expired, sizeof(expired)) == sizeof(expired)) {
		loop->timer_ns = UINT64_MAX;
	}
	return fds[DAEMON].revents != 0 ? take_sched(loop) : 0;
}

int sl_virgl_loop_run(const struct sl_virgl_loop_options *options)
{
	struct loop loop = {
		.options = options,
		.timer_ns = UINT64_MAX,
		.max_draws = FIRST_DRAWS,
		.timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK),
	};
	SL_AUTO_CLOSE int timer_fd = loop.timer_fd;
	int r = timer_fd < 0 ? -errno : 0;

	bool has_message = false;

	sl_sched_client_init(&loop.client, send_sched, &loop);
	while (r >= 0) {
		r = take_completions(&loop);
		if (r == 0) {
			r = take_packets(&loop, has_message);
		}
		bool is_blocked = r > 0;

		if (r >= 0) {
			r = is_blocked ? mark(&loop) : mark_last(&loop);
		}
		if (r < 0) {
			break;
		}

		set_timer(&loop,
			  sl_sched_client_settle(&loop.client, is_blocked, sl_clock_now_ns()));
		r = wait_for_events(&loop, is_blocked, &has_message);
	}
	return r;
}
