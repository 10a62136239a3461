/* SPDX-License-Identifier: MIT */
/* Takes packets from the socket, and runs what is no object of its own: transfers, submissions,
 * fences, pictures. */
#include "host/virgl/server.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/base/fd.h"
#include "host/base/log.h"
#include "host/base/stats.h"
#include "host/virgl/server_priv.h"

#define MAX_FENCES 65536u

/* virgl's commands that make the GPU work; the others change state. */
enum virgl_command {
	VIRGL_CLEAR = 7,
	VIRGL_DRAW_VBO = 8,
	VIRGL_BLIT = 16,
	VIRGL_COPY_REGION = 17,
	VIRGL_LAUNCH_GRID = 37,
};

int sl_virgl_server_create(const struct sl_virgl_server_options *options,
			   struct sl_virgl_server **ret_server)
{
	struct sl_virgl_server *server = calloc(1, sizeof(*server));

	if (server == NULL) {
		return -ENOMEM;
	}
	server->options = *options;
	server->fd = -1;
	sl_virgl_table_init(&server->table);
	STAILQ_INIT(&server->fences);
	*ret_server = server;
	return 0;
}

void sl_virgl_server_destroy(struct sl_virgl_server *server)
{
	struct sl_virgl_waiting_fence *fence;

	if (server == NULL) {
		return;
	}
	while ((fence = STAILQ_FIRST(&server->fences)) != NULL) {
		STAILQ_REMOVE_HEAD(&server->fences, link);
		free(fence);
	}
	for (uint32_t i = 0; i < SL_VIRGL_MAX_SCREENS; i++) {
		if (server->screens[i].pixels != NULL) {
			munmap(server->screens[i].pixels, server->screens[i].size);
		}
	}
	sl_virgl_table_finish(&server->table);
	free(server->payload);
	sl_fd_close(server->fd);
	free(server);
}

size_t sl_virgl_server_get_size(uint32_t type)
{
	switch (type) {
	case SL_VIRGL_MEMORY:
		return sizeof(struct sl_virgl_memory);
	case SL_VIRGL_CREATE:
		return sizeof(struct sl_virgl_create);
	case SL_VIRGL_DESTROY:
	case SL_VIRGL_NO_BACKING:
	case SL_VIRGL_EXPORT:
		return sizeof(struct sl_virgl_resource);
	case SL_VIRGL_BACKING:
		return sizeof(struct sl_virgl_backing);
	case SL_VIRGL_CONTEXT:
	case SL_VIRGL_CONTEXT_END:
		return sizeof(struct sl_virgl_context);
	case SL_VIRGL_ATTACH:
	case SL_VIRGL_DETACH:
		return sizeof(struct sl_virgl_attach);
	case SL_VIRGL_TRANSFER:
		return sizeof(struct sl_virgl_transfer);
	case SL_VIRGL_SUBMIT:
		return sizeof(struct sl_virgl_submit);
	case SL_VIRGL_FENCE:
		return sizeof(struct sl_virgl_fence);
	case SL_VIRGL_SCREEN:
		return sizeof(struct sl_virgl_screen);
	case SL_VIRGL_READ:
		return sizeof(struct sl_virgl_read);
	default:
		return 0;
	}
}

static uint32_t max_payload(uint32_t type)
{
	switch (type) {
	case SL_VIRGL_BACKING:
		return SL_VIRGL_MAX_RUNS * (uint32_t)sizeof(struct sl_virgl_run);
	case SL_VIRGL_SUBMIT:
		return SL_VIRGL_MAX_SUBMIT;
	default:
		return 0;
	}
}

static bool wants_fd(uint32_t type, uint32_t payload)
{
	return type == SL_VIRGL_MEMORY || type == SL_VIRGL_SCREEN || payload > SL_VIRGL_MAX_INLINE;
}

/* Copy the payload to memory of our own; of what is left of the message it is the beginning.
 * Returns how much of it, or -errno. */
static ssize_t take_payload(struct sl_virgl_server *server, const uint8_t *bytes, size_t size)
{
	uint32_t wanted = server->packet.header.payload;

	if (wanted == 0) {
		return 0;
	}
	server->payload = malloc(wanted);
	if (server->payload == NULL) {
		return -ENOMEM;
	}
	if (wanted > SL_VIRGL_MAX_INLINE) {
		ssize_t got = pread(server->fd, server->payload, wanted, 0);

		sl_fd_close(sl_steal_fd(&server->fd));
		return got == (ssize_t)wanted ? 0 : -EBADMSG;
	}
	if (size < wanted) {
		return -EBADMSG;
	}
	memcpy(server->payload, bytes, wanted);
	return (ssize_t)wanted;
}

/* The next packet of the message. */
static int take_packet(struct sl_virgl_server *server)
{
	const uint8_t *bytes = server->message + server->message_at;
	size_t size = server->message_size - server->message_at;
	struct sl_virgl_header header;

	if (size < sizeof(header)) {
		return -EBADMSG;
	}
	memcpy(&header, bytes, sizeof(header));
	size_t fixed = sl_virgl_server_get_size(header.type);
	if (fixed == 0 || size < fixed || header.payload > max_payload(header.type) ||
	    wants_fd(header.type, header.payload) != (server->fd >= 0)) {
		return -EBADMSG;
	}
	/* A descriptor belongs to the only packet of a message. */
	bool must_be_all = server->fd >= 0;

	memcpy(&server->packet, bytes, fixed);
	sl_stats_add(&server->options.stats->messages, 1);
	sl_stats_add(&server->options.stats->message_bytes, fixed + header.payload);
	ssize_t taken = take_payload(server, bytes + fixed, size - fixed);
	if (taken < 0) {
		return (int)taken;
	}
	server->message_at += fixed + (size_t)taken;
	return must_be_all && sl_virgl_server_has_more(server) ? -EBADMSG : 0;
}

bool sl_virgl_server_has_more(const struct sl_virgl_server *server)
{
	return server->message_at < server->message_size;
}

static int receive_message(struct sl_virgl_server *server)
{
	unsigned int fd_count = 0;
	ssize_t size = sl_fd_receive(server->options.socket, server->message,
				     sizeof(server->message), &server->fd, 1, &fd_count);

	if (size <= 0) {
		return size == 0 ? -EPIPE : (int)size;
	}
	server->message_size = (size_t)size;
	server->message_at = 0;
	return 0;
}

int sl_virgl_server_receive(struct sl_virgl_server *server)
{
	int r = 0;

	free(server->payload);
	server->payload = NULL;
	sl_fd_close(sl_steal_fd(&server->fd));
	server->at = 0;
	if (!sl_virgl_server_has_more(server)) {
		r = receive_message(server);
	}
	if (r == 0) {
		r = take_packet(server);
	}
	if (r < 0) {
		server->message_at = server->message_size;
	}
	server->has_packet = r == 0;
	return r;
}

bool sl_virgl_server_has_packet(const struct sl_virgl_server *server)
{
	return server->has_packet;
}

bool sl_virgl_server_needs_gpu(const struct sl_virgl_server *server)
{
	uint32_t type = server->packet.header.type;

	return type == SL_VIRGL_SUBMIT || type == SL_VIRGL_TRANSFER || type == SL_VIRGL_READ;
}

bool sl_virgl_server_is_fence(const struct sl_virgl_server *server)
{
	return server->packet.header.type == SL_VIRGL_FENCE;
}

uint64_t sl_virgl_server_get_piece_count(const struct sl_virgl_server *server)
{
	return server->piece_count;
}

int sl_virgl_server_send(struct sl_virgl_server *server, const void *packet, size_t size)
{
	return sl_fd_send(server->options.socket, packet, size, NULL, 0);
}

static int tell_reached(struct sl_virgl_server *server, uint64_t number)
{
	const struct sl_virgl_fence packet = { .header.type = SL_VIRGL_REACHED, .number = number };

	return sl_virgl_server_send(server, &packet, sizeof(packet));
}

/* Of several fences only the last one needs to be told. */
int sl_virgl_server_complete(struct sl_virgl_server *server, uint64_t count)
{
	struct sl_virgl_waiting_fence *fence;
	uint64_t number = 0;

	server->completed_count = count;
	while ((fence = STAILQ_FIRST(&server->fences)) != NULL && fence->piece <= count) {
		number = fence->number;
		STAILQ_REMOVE_HEAD(&server->fences, link);
		server->fence_count--;
		free(fence);
	}
	return number != 0 ? tell_reached(server, number) : 0;
}

static int run_fence(struct sl_virgl_server *server)
{
	uint64_t number = server->packet.fence.number;

	if (number <= server->last_fence) {
		return -EBADMSG;
	}
	server->last_fence = number;
	if (server->completed_count == server->piece_count) {
		return tell_reached(server, number);
	}
	struct sl_virgl_waiting_fence *fence = malloc(sizeof(*fence));
	if (fence == NULL || server->fence_count == MAX_FENCES) {
		free(fence);
		return -ENOMEM;
	}
	fence->number = number;
	fence->piece = server->piece_count;
	STAILQ_INSERT_TAIL(&server->fences, fence, link);
	server->fence_count++;
	return 0;
}

static int run_transfer(struct sl_virgl_server *server)
{
	const struct sl_virgl_transfer *transfer = &server->packet.transfer;
	const struct sl_virgl_server_options *options = &server->options;
	struct sl_virgl_object *resource =
		sl_virgl_table_find(&server->table, SL_VIRGL_A_RESOURCE, transfer->resource_id);
	struct sl_virgl_object *context =
		sl_virgl_table_find(&server->table, SL_VIRGL_A_CONTEXT, transfer->context_id);

	if (resource == NULL || (context == NULL && transfer->context_id != 0)) {
		return -EBADMSG;
	}
	if (resource->runs == NULL || resource->has_failed ||
	    (context != NULL && context->has_failed)) {
		return 0;
	}
	int r = options->ops->transfer(options->data, transfer);
	if (r < 0) {
		sl_virgl_server_complain(server, "a transfer", r);
	}
	return 0;
}

static bool is_draw(uint32_t word)
{
	switch (word & 0xff) {
	case VIRGL_CLEAR:
	case VIRGL_DRAW_VBO:
	case VIRGL_BLIT:
	case VIRGL_COPY_REGION:
	case VIRGL_LAUNCH_GRID:
		return true;
	default:
		return false;
	}
}

/* The first word of each command says how many follow. Returns where the piece ends, in words. */
static uint32_t find_end(const uint32_t *words, uint32_t at, uint32_t count, uint32_t max_draws,
			 uint32_t *ret_draws)
{
	*ret_draws = 0;
	while (at < count && *ret_draws < max_draws) {
		uint32_t size = 1 + (words[at] >> 16);

		*ret_draws += is_draw(words[at]) ? 1 : 0;
		/* virglrenderer is to see that it is cut short. */
		at = size < count - at ? at + size : count;
	}
	return at;
}

static int run_submit(struct sl_virgl_server *server, uint32_t max_draws, uint32_t *ret_draws)
{
	const struct sl_virgl_server_options *options = &server->options;
	uint32_t count = server->packet.header.payload / sizeof(uint32_t);
	struct sl_virgl_object *context = sl_virgl_table_find(&server->table, SL_VIRGL_A_CONTEXT,
							      server->packet.submit.context_id);

	if (context == NULL || server->packet.header.payload % sizeof(uint32_t) != 0) {
		return -EBADMSG;
	}
	if (context->has_failed || count == 0) {
		server->at = count;
		return 0;
	}
	uint32_t *words = (uint32_t *)server->payload;
	uint32_t end = find_end(words, server->at, count, max_draws, ret_draws);
	int r = options->ops->submit(options->data, context->id, words + server->at,
				     end - server->at);

	server->at = r < 0 ? count : end;
	if (r < 0) {
		sl_virgl_server_complain(server, "a submission", r);
	}
	return 0;
}

static int run_screen(struct sl_virgl_server *server)
{
	const struct sl_virgl_screen *packet = &server->packet.screen;
	uint64_t size = (uint64_t)packet->stride * packet->height;
	struct stat st;

	if (packet->screen_id >= SL_VIRGL_MAX_SCREENS || size == 0 ||
	    size > SL_VIRGL_MAX_SCREEN_SIZE || fstat(server->fd, &st) < 0 || st.st_size < 0 ||
	    (uint64_t)st.st_size < size || !sl_virgl_memory_is_sealed(server->fd)) {
		return -EBADMSG;
	}
	struct sl_virgl_picture *screen = &server->screens[packet->screen_id];
	if (screen->pixels != NULL) {
		munmap(screen->pixels, screen->size);
		screen->pixels = NULL;
	}
	void *pixels = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, server->fd, 0);
	if (pixels == MAP_FAILED) {
		return -errno;
	}
	*screen = (struct sl_virgl_picture){ pixels, size, packet->stride };
	return 0;
}

static int run_read(struct sl_virgl_server *server)
{
	const struct sl_virgl_server_options *options = &server->options;
	struct sl_virgl_read *packet = &server->packet.read;
	struct sl_virgl_object *resource =
		sl_virgl_table_find(&server->table, SL_VIRGL_A_RESOURCE, packet->resource_id);

	if (resource == NULL || packet->screen_id >= SL_VIRGL_MAX_SCREENS) {
		return -EBADMSG;
	}
	const struct sl_virgl_picture *screen = &server->screens[packet->screen_id];
	uint64_t row = ((uint64_t)packet->screen_x + packet->width) * 4;
	uint64_t rows = (uint64_t)packet->screen_y + packet->height;
	if (screen->pixels == NULL || packet->width == 0 || packet->height == 0 ||
	    row > screen->stride || rows > screen->size / screen->stride) {
		return -EBADMSG;
	}
	size_t start = (size_t)packet->screen_y * screen->stride + (size_t)packet->screen_x * 4;
	if (!resource->has_failed) {
		int r = options->ops->read(options->data, packet, screen->stride,
					   screen->pixels + start, screen->size - start);

		if (r < 0) {
			sl_virgl_server_complain(server, "showing a resource", r);
		}
	}
	packet->header.type = SL_VIRGL_READ_DONE;
	return sl_virgl_server_send(server, packet, sizeof(*packet));
}

static int run_export(struct sl_virgl_server *server)
{
	const struct sl_virgl_server_options *options = &server->options;
	uint32_t id = server->packet.resource.resource_id;
	struct sl_virgl_exported answer = { .header.type = SL_VIRGL_EXPORTED, .resource_id = id };
	struct sl_virgl_exported found = answer;
	struct sl_virgl_object *resource =
		sl_virgl_table_find(&server->table, SL_VIRGL_A_RESOURCE, id);

	if (resource == NULL) {
		return -EBADMSG;
	}
	SL_AUTO_CLOSE int fd = resource->has_failed
				       ? -EINVAL
				       : options->ops->export_resource(options->data, id, &found);

	if (fd >= 0) {
		answer = found;
	}
	return sl_fd_send(options->socket, &answer, sizeof(answer), &fd, fd >= 0 ? 1 : 0);
}

void sl_virgl_server_complain(struct sl_virgl_server *server, const char *what, int error)
{
	if (server->complaint_count < 16) {
		server->complaint_count++;
		sl_log(SL_LOG_INFO, "%s of the guest has failed: %s%s", what, strerror(-error),
		       server->complaint_count == 16 ? " (no more of these are told)" : "");
	}
}

static int run_simple(struct sl_virgl_server *server)
{
	switch (server->packet.header.type) {
	case SL_VIRGL_MEMORY:
		return sl_virgl_table_add_memory(&server->table, server->fd);
	case SL_VIRGL_CREATE:
		return sl_virgl_run_create(server);
	case SL_VIRGL_DESTROY:
		return sl_virgl_run_destroy(server);
	case SL_VIRGL_BACKING:
		return sl_virgl_run_backing(server);
	case SL_VIRGL_NO_BACKING:
		return sl_virgl_run_no_backing(server);
	case SL_VIRGL_CONTEXT:
		return sl_virgl_run_context(server);
	case SL_VIRGL_CONTEXT_END:
		return sl_virgl_run_context_end(server);
	case SL_VIRGL_ATTACH:
	case SL_VIRGL_DETACH:
		return sl_virgl_run_attach(server);
	case SL_VIRGL_SCREEN:
		return run_screen(server);
	case SL_VIRGL_EXPORT:
		return run_export(server);
	default:
		return run_fence(server);
	}
}

int sl_virgl_server_run(struct sl_virgl_server *server, uint32_t max_draws, uint32_t *ret_draws)
{
	uint32_t words = server->packet.header.payload / sizeof(uint32_t);
	int r;

	*ret_draws = 0;
	if (!sl_virgl_server_needs_gpu(server)) {
		server->has_packet = false;
		return run_simple(server);
	}
	switch (server->packet.header.type) {
	case SL_VIRGL_SUBMIT:
		r = run_submit(server, max_draws, ret_draws);
		server->has_packet = r == 0 && server->at < words;
		break;
	case SL_VIRGL_TRANSFER:
		r = run_transfer(server);
		server->has_packet = false;
		break;
	default:
		r = run_read(server);
		server->has_packet = false;
		break;
	}
	server->piece_count++;
	return r;
}
