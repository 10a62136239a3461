/* SPDX-License-Identifier: MIT */
/* What comes to the daemon: lines of the control socket, and the packets of renderers that were
 * taken over. The input is a sequence of lines. One that begins with byte 1 makes a program connect
 * to the guest whose name follows; with byte 2, it is a packet of the last program's renderer;
 * byte 3 ends that renderer, with a report. All others go to the control socket as they are.
 *
 * Renderers are made up here, and no file is touched: bind() and its like are replaced (meson.build
 * tells the linker). */
#include "host/base/clock.h"
#include "host/base/fd.h"
#include "host/daemon/arbiter.h"
#include "host/daemon/config.h"
#include "host/daemon/context.h"
#include "host/daemon/control.h"
#include "host/daemon/daemon.h"
#include "host/daemon/guest.h"
#include "host/daemon/holder.h"
#include "host/daemon/pool.h"
#include "host/daemon/refusal.h"
#include "host/daemon/worker.h"
#include "tests/fuzz/fuzz.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define MAX_LINES 64
#define MAX_TURNS 64

/* A renderer that is none. */
struct sl_worker {
	const struct sl_worker_owner *owner;
	void *data;
	bool is_killed;
};

struct sl_pool {
	struct sl_worker *last; /* NULL: it is gone */
};

struct sl_pool_request {
	int unused;
};

struct state {
	struct sl_daemon daemon;
	struct sl_control *control;
	int client; /* the operator's end of the control socket */
};

static struct sl_pool pool;

int __real_bind(int fd, const struct sockaddr *address, socklen_t size);
int __wrap_bind(int fd, const struct sockaddr *address, socklen_t size);
int __wrap_mkdir(const char *path, mode_t mode);
int __wrap_unlink(const char *path);
int __wrap_chmod(const char *path, mode_t mode);

/* At an address of the kernel's choice. */
int __wrap_bind(int fd, const struct sockaddr *address, socklen_t size)
{
	return __real_bind(fd, address, sizeof(address->sa_family));
}

int __wrap_mkdir(const char *path, mode_t mode)
{
	return 0;
}

int __wrap_unlink(const char *path)
{
	return 0;
}

int __wrap_chmod(const char *path, mode_t mode)
{
	return 0;
}

int sl_pool_take(struct sl_pool *from, uint32_t rank, sl_pool_deliver *deliver, void *data,
		 struct sl_pool_request **ret_request)
{
	struct sl_worker *worker = calloc(1, sizeof(*worker));

	if (worker == NULL) {
		return -ENOMEM;
	}
	from->last = worker;
	deliver(worker, NULL, data);
	return 0;
}

void sl_pool_cancel(struct sl_pool_request *request)
{
	abort(); /* none was ever left waiting */
}

const struct sl_renderer_ready *sl_pool_get_device(const struct sl_pool *from)
{
	return NULL;
}

const char *sl_pool_get_driver(const struct sl_pool *from)
{
	return "/none.json";
}

uint32_t sl_pool_get_namespaces(const struct sl_pool *from)
{
	return 0;
}

struct sl_sandbox_cgroup *sl_pool_get_cgroup(const struct sl_pool *from)
{
	return NULL;
}

bool sl_pool_can_lower(const struct sl_pool *from)
{
	return true;
}

uint32_t sl_pool_get_idle_count(const struct sl_pool *from)
{
	return 0;
}

/* Guests have no virtual machines here. */
int sl_worker_create(sd_event *event, const struct sl_worker_options *options,
		     const struct sl_worker_owner *owner, void *data, struct sl_worker **ret_worker)
{
	return -ENOMEM;
}

void sl_worker_destroy(struct sl_worker *worker)
{
	if (worker == pool.last) {
		pool.last = NULL;
	}
	free(worker);
}

void sl_worker_set_owner(struct sl_worker *worker, const struct sl_worker_owner *owner, void *data)
{
	worker->owner = owner;
	worker->data = data;
}

int sl_worker_assign(struct sl_worker *worker, const struct sl_renderer_assign *assign,
		     const int *fds, unsigned int fd_count)
{
	return 0;
}

void sl_worker_send_sched(struct sl_worker *worker, const struct sl_sched_msg *msg)
{
}

void sl_worker_hurry(struct sl_worker *worker)
{
}

pid_t sl_worker_get_pid(const struct sl_worker *worker)
{
	return 0;
}

int sl_worker_send_end(struct sl_worker *worker, const char *why)
{
	(void)worker;
	return why[0] != '\0' ? 0 : -EINVAL;
}

void sl_worker_kill(struct sl_worker *worker, int signal_number)
{
	worker->is_killed = true;
}

void sl_worker_describe_exit(const struct sl_worker *worker, const siginfo_t *status,
			     char *ret_text, size_t size)
{
	snprintf(ret_text, size, "ended");
}

static int listen_anywhere(void)
{
	const struct sockaddr address = { .sa_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0 || bind(fd, &address, sizeof(address)) < 0 || listen(fd, 4) < 0) {
		abort();
	}
	return fd;
}

static int connect_to(int listen_fd)
{
	struct sockaddr_un address;
	socklen_t size = sizeof(address);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || getsockname(listen_fd, (struct sockaddr *)&address, &size) < 0 ||
	    connect(fd, (const struct sockaddr *)&address, size) < 0) {
		abort();
	}
	return fd;
}

static void begin(struct state *state)
{
	static struct sl_config defaults;
	static struct sl_config config;
	struct sl_daemon *daemon = &state->daemon;
	char why[SL_CONFIG_WHY_SIZE];

	if (defaults.guest_count == 0 &&
	    (sl_config_init(&defaults, why) < 0 || sl_config_complete(&defaults, why) < 0)) {
		abort();
	}
	config = defaults;
	*state = (struct state){ .daemon = { .config = &config, .pool = &pool } };
	TAILQ_INIT(&daemon->guests);
	LIST_INIT(&daemon->refusals);
	LIST_INIT(&daemon->holders);
	daemon->start_ns = sl_clock_now_ns();
	const struct sl_arbiter_options options = {
		.policy = config.policy,
		.slice_ns = config.sched.slice_ns,
		.run_limit_ns = config.run_limit_ns,
	};
	int listen_fd = listen_anywhere();

	if (sd_event_new(&daemon->event) < 0 ||
	    sl_arbiter_create(daemon->event, &options, sl_context_overran, &daemon->arbiter) < 0 ||
	    sl_control_create(daemon, listen_fd, &state->control) < 0 ||
	    sl_guest_add(daemon, &config.guests[0], false, listen_anywhere(), why) < 0) {
		abort();
	}
	state->client = connect_to(listen_fd);
}

/* Every answer is an object that says whether it went well. */
static void read_answers(int fd)
{
	static char answers[1 << 20];
	ssize_t n = recv(fd, answers, sizeof(answers) - 1, MSG_DONTWAIT);
	char *rest = NULL;

	/* One that is cut by the buffer is left alone. */
	if (n <= 0 || answers[n - 1] != '\n') {
		return;
	}
	answers[n] = '\0';
	for (char *line = strtok_r(answers, "\n", &rest); line != NULL;
	     line = strtok_r(NULL, "\n", &rest)) {
		json_t *answer = json_loads(line, 0, NULL);

		if (!json_is_boolean(json_object_get(answer, "ok"))) {
			abort(); /* not an answer */
		}
		json_decref(answer);
	}
}

static void run_events(struct state *state)
{
	for (int i = 0; i < MAX_TURNS && sd_event_run(state->daemon.event, 0) > 0; i++) {
		read_answers(state->client);
	}
}

static void connect_program(struct state *state, const uint8_t *name, size_t size)
{
	const struct ucred peer = { .pid = getpid(), .uid = geteuid(), .gid = getegid() };
	char text[SL_CONFIG_NAME_SIZE] = "";
	struct sl_guest *guest;

	memcpy(text, name, size < sizeof(text) - 1 ? size : sizeof(text) - 1);
	guest = sl_guest_find(&state->daemon, text);
	if (guest != NULL) {
		sl_context_start(guest, eventfd(0, EFD_CLOEXEC), &peer);
	}
}

static void send_packet(const uint8_t *data, size_t size)
{
	struct fuzz_input in = { data, size };
	struct sl_sched_msg msg;

	fuzz_take(&in, &msg, sizeof(msg));
	if (pool.last != NULL) {
		pool.last->owner->sched(pool.last, &msg, pool.last->data);
	}
}

static void end_renderer(const uint8_t *text, size_t size)
{
	const siginfo_t status = { .si_code = CLD_EXITED };
	struct sl_renderer_report report = { .type = SL_RENDERER_REPORT };
	struct sl_worker *worker = pool.last;

	if (worker != NULL) {
		/* worker.c sees to it that the text ends, and is clean. */
		memset(report.text, 'x', size < sizeof(report.text) ? size : 255);
		report.end = size > 0 ? text[0] : 0;
		worker->owner->report(worker, &report, worker->data);
		worker->owner->exited(worker, &status, worker->data);
	}
}

static void run_line(struct state *state, const uint8_t *line, size_t size)
{
	switch (line[0]) {
	case 1:
		connect_program(state, line + 1, size - 2);
		break;
	case 2:
		send_packet(line + 1, size - 2);
		break;
	case 3:
		end_renderer(line + 1, size - 2);
		break;
	default:
		/* It may have been closed, for too long a line. */
		send(state->client, line, size, MSG_NOSIGNAL | MSG_DONTWAIT);
	}
	run_events(state);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct state state;

	sl_log_init("fuzz_control", SL_LOG_ERROR);
	begin(&state);
	for (int i = 0; i < MAX_LINES && size > 0; i++) {
		const uint8_t *end = memchr(data, '\n', size);
		size_t length = end != NULL ? (size_t)(end - data) + 1 : size;

		if (length > 1) {
			run_line(&state, data, length);
		}
		data += length;
		size -= length;
	}
	sl_guest_destroy_all(&state.daemon);
	if (state.daemon.context_count != 0 || pool.last != NULL) {
		abort(); /* something outlived its guest */
	}
	sl_control_destroy(state.control);
	sl_holder_finish(&state.daemon);
	sl_refusal_finish(&state.daemon);
	sl_arbiter_destroy(state.daemon.arbiter);
	sd_event_unref(state.daemon.event);
	sl_fd_close(state.client);
	return 0;
}
