/* SPDX-License-Identifier: MIT */
/* The guest's resources and contexts, and its memory. */
#include "host/virgl/server_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "host/base/quota.h"
#include "host/base/stats.h"

/* Of the guest's resources; what drivers offer is less. */
#define MAX_TARGET    8u
#define MAX_DIMENSION 32768u
#define MAX_LAYERS    4096u
#define MAX_LEVEL     15u
#define MAX_SAMPLES   32u

void sl_virgl_table_init(struct sl_virgl_table *table)
{
	for (uint32_t i = 0; i < SL_VIRGL_BUCKETS; i++) {
		LIST_INIT(&table->objects[i]);
	}
}

void sl_virgl_table_finish(struct sl_virgl_table *table)
{
	for (uint32_t i = 0; i < SL_VIRGL_BUCKETS; i++) {
		struct sl_virgl_object *object;

		while ((object = LIST_FIRST(&table->objects[i])) != NULL) {
			LIST_REMOVE(object, link);
			free(object->runs);
			free(object);
		}
	}
	for (uint32_t i = 0; i < table->memory_count; i++) {
		munmap(table->memories[i].data, table->memories[i].size);
	}
}

struct sl_virgl_object *sl_virgl_table_find(struct sl_virgl_table *table, enum sl_virgl_kind kind,
					    uint32_t id)
{
	struct sl_virgl_object *object;

	LIST_FOREACH(object, &table->objects[id % SL_VIRGL_BUCKETS], link)
	{
		if (object->kind == kind && object->id == id) {
			return object;
		}
	}
	return NULL;
}

/* Returns 0, -EBADMSG (the id is taken or none, or there are too many) or -ENOMEM. */
static int add(struct sl_virgl_table *table, enum sl_virgl_kind kind, uint32_t id,
	       struct sl_virgl_object **ret_object)
{
	uint32_t max = kind == SL_VIRGL_A_RESOURCE ? SL_VIRGL_MAX_RESOURCES : SL_VIRGL_MAX_CONTEXTS;

	if (id == 0 || table->counts[kind] >= max || sl_virgl_table_find(table, kind, id) != NULL) {
		return -EBADMSG;
	}
	struct sl_virgl_object *object = calloc(1, sizeof(*object));
	if (object == NULL) {
		return -ENOMEM;
	}
	object->kind = kind;
	object->id = id;
	LIST_INSERT_HEAD(&table->objects[id % SL_VIRGL_BUCKETS], object, link);
	table->counts[kind]++;
	*ret_object = object;
	return 0;
}

static void drop(struct sl_virgl_table *table, struct sl_virgl_object *object)
{
	LIST_REMOVE(object, link);
	table->counts[object->kind]--;
	free(object);
}

bool sl_virgl_memory_is_sealed(int fd)
{
	int seals = fcntl(fd, F_GET_SEALS);

	return seals >= 0 && (seals & F_SEAL_SHRINK) != 0;
}

int sl_virgl_table_add_memory(struct sl_virgl_table *table, int fd)
{
	struct stat st;

	if (table->memory_count == SL_VIRGL_MAX_MEMORIES || fstat(fd, &st) < 0 || st.st_size <= 0 ||
	    !sl_virgl_memory_is_sealed(fd)) {
		return -EBADMSG;
	}
	void *data = mmap(NULL, (size_t)st.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (data == MAP_FAILED) {
		return -errno;
	}
	table->memories[table->memory_count++] =
		(struct sl_virgl_mapping){ data, (uint64_t)st.st_size };
	return 0;
}

/* Pixels of formats (virgl's numbers) whose size is known to be at most 4 bytes; 16 otherwise. */
static uint32_t bytes_per_pixel(uint32_t format)
{
	static const struct {
		uint32_t first;
		uint32_t last;
	} small[] = {
		{ 1, 23 }, { 64, 77 }, { 95, 118 }, { 124, 125 }, { 134, 134 }, { 177, 184 }
	};

	for (size_t i = 0; i < sizeof(small) / sizeof(small[0]); i++) {
		if (format >= small[i].first && format <= small[i].last) {
			return 4;
		}
	}
	return 16;
}

/* What the resource takes on the host, about. 0: its sizes are nonsense. */
static uint64_t estimate_size(const struct sl_virgl_create *create)
{
	if (create->target > MAX_TARGET || create->width == 0 || create->last_level > MAX_LEVEL ||
	    create->nr_samples > MAX_SAMPLES) {
		return 0;
	}
	if (create->target == 0) {
		return create->height <= 1 && create->depth <= 1 && create->array_size <= 1
			       ? create->width
			       : 0;
	}
	if (create->width > MAX_DIMENSION || create->height > MAX_DIMENSION ||
	    create->depth > MAX_LAYERS || create->array_size > MAX_LAYERS) {
		return 0;
	}
	/* At most 2^15 * 2^15 * 2^12 * 2^12 * 2^5 * 2^4: no 64 bits. */
	uint64_t size = (uint64_t)create->width * (create->height > 0 ? create->height : 1);
	uint64_t layers = (uint64_t)(create->depth > 0 ? create->depth : 1) *
			  (create->array_size > 0 ? create->array_size : 1);
	uint64_t samples = create->nr_samples > 0 ? create->nr_samples : 1;

	size *= samples * bytes_per_pixel(create->format);
	if (__builtin_mul_overflow(size, layers, &size) || size > UINT64_MAX / 2) {
		return 0;
	}
	return create->last_level > 0 ? size + size / 3 : size;
}

static void uncharge(struct sl_virgl_server *server, struct sl_virgl_object *resource)
{
	const struct sl_virgl_server_options *options = &server->options;

	if (resource->charged != 0) {
		sl_quota_uncharge(options->quota, options->quota_slot, resource->charged);
		sl_stats_sub(&options->stats->device_memory_bytes, resource->charged);
		resource->charged = 0;
	}
}

static int create_resource(struct sl_virgl_server *server, struct sl_virgl_object *resource)
{
	const struct sl_virgl_server_options *options = &server->options;
	uint64_t size = estimate_size(&server->packet.create);

	if (size == 0) {
		return -EINVAL;
	}
	int r = sl_quota_charge(options->quota, options->quota_slot, size);
	if (r < 0) {
		return r;
	}
	resource->charged = size;
	sl_stats_add(&options->stats->device_memory_bytes, size);
	r = options->ops->create_resource(options->data, &server->packet.create);
	if (r < 0) {
		uncharge(server, resource);
	}
	return r;
}

int sl_virgl_run_create(struct sl_virgl_server *server)
{
	struct sl_virgl_object *resource;
	int r = add(&server->table, SL_VIRGL_A_RESOURCE, server->packet.create.resource_id,
		    &resource);

	if (r < 0) {
		return r;
	}
	sl_stats_add(&server->options.stats->objects, 1);
	r = create_resource(server, resource);
	if (r < 0) {
		resource->has_failed = true;
		sl_virgl_server_complain(server, "creating a resource", r);
	}
	return 0;
}

static void drop_pages(struct sl_virgl_server *server, struct sl_virgl_object *resource)
{
	if (resource->runs == NULL) {
		return;
	}
	if (!resource->has_failed) {
		server->options.ops->detach_pages(server->options.data, resource->id);
	}
	sl_stats_sub(&server->options.stats->shared_memory_bytes, resource->page_bytes);
	free(resource->runs);
	resource->runs = NULL;
	resource->run_count = 0;
	resource->page_bytes = 0;
}

static int tell_released(struct sl_virgl_server *server, uint32_t resource_id)
{
	const struct sl_virgl_resource packet = { .header.type = SL_VIRGL_RELEASED,
						  .resource_id = resource_id };

	return sl_virgl_server_send(server, &packet, sizeof(packet));
}

int sl_virgl_run_destroy(struct sl_virgl_server *server)
{
	uint32_t id = server->packet.resource.resource_id;
	struct sl_virgl_object *resource =
		sl_virgl_table_find(&server->table, SL_VIRGL_A_RESOURCE, id);

	if (resource == NULL) {
		return -EBADMSG;
	}
	drop_pages(server, resource);
	if (!resource->has_failed) {
		server->options.ops->destroy_resource(server->options.data, id);
	}
	uncharge(server, resource);
	sl_stats_sub(&server->options.stats->objects, 1);
	drop(&server->table, resource);
	return tell_released(server, id);
}

/* Where each run is in this process. Returns 0, -EBADMSG or -ENOMEM. */
static int resolve_runs(struct sl_virgl_server *server, struct sl_virgl_object *resource,
			uint32_t count)
{
	const struct sl_virgl_run *runs = (const struct sl_virgl_run *)server->payload;
	struct sl_virgl_table *table = &server->table;
	uint64_t bytes = 0;
	struct iovec *vectors = calloc(count, sizeof(*vectors));

	if (vectors == NULL) {
		return -ENOMEM;
	}
	for (uint32_t i = 0; i < count; i++) {
		uint64_t size = runs[i].memory < table->memory_count
					? table->memories[runs[i].memory].size
					: 0;

		if (runs[i].size == 0 || runs[i].offset > size ||
		    runs[i].size > size - runs[i].offset) {
			free(vectors);
			return -EBADMSG;
		}
		vectors[i] = (struct iovec){
			.iov_base = table->memories[runs[i].memory].data + runs[i].offset,
			.iov_len = runs[i].size,
		};
		bytes += runs[i].size;
	}
	resource->runs = vectors;
	resource->run_count = count;
	resource->page_bytes = bytes;
	sl_stats_add(&server->options.stats->shared_memory_bytes, bytes);
	return 0;
}

int sl_virgl_run_backing(struct sl_virgl_server *server)
{
	const struct sl_virgl_backing *packet = &server->packet.backing;
	struct sl_virgl_object *resource =
		sl_virgl_table_find(&server->table, SL_VIRGL_A_RESOURCE, packet->resource_id);

	if (resource == NULL || resource->runs != NULL || packet->run_count == 0 ||
	    packet->header.payload != packet->run_count * sizeof(struct sl_virgl_run)) {
		return -EBADMSG;
	}
	int r = resolve_runs(server, resource, packet->run_count);
	if (r < 0 || resource->has_failed) {
		return r;
	}
	r = server->options.ops->attach_pages(server->options.data, resource->id, resource->runs,
					      resource->run_count);
	if (r < 0) {
		/* It is of no use without them. */
		server->options.ops->destroy_resource(server->options.data, resource->id);
		resource->has_failed = true;
		sl_virgl_server_complain(server, "attaching pages", r);
	}
	return 0;
}

int sl_virgl_run_no_backing(struct sl_virgl_server *server)
{
	uint32_t id = server->packet.resource.resource_id;
	struct sl_virgl_object *resource =
		sl_virgl_table_find(&server->table, SL_VIRGL_A_RESOURCE, id);

	if (resource == NULL) {
		return -EBADMSG;
	}
	drop_pages(server, resource);
	return tell_released(server, id);
}

int sl_virgl_run_context(struct sl_virgl_server *server)
{
	struct sl_virgl_context *packet = &server->packet.context;
	struct sl_virgl_object *context;
	int r = add(&server->table, SL_VIRGL_A_CONTEXT, packet->context_id, &context);

	if (r < 0) {
		return r;
	}
	packet->name[sizeof(packet->name) - 1] = '\0';
	r = server->options.ops->create_context(server->options.data, packet->context_id,
						packet->name);
	if (r < 0) {
		context->has_failed = true;
		sl_virgl_server_complain(server, "creating a context", r);
	}
	return 0;
}

int sl_virgl_run_context_end(struct sl_virgl_server *server)
{
	uint32_t id = server->packet.context.context_id;
	struct sl_virgl_object *context =
		sl_virgl_table_find(&server->table, SL_VIRGL_A_CONTEXT, id);

	if (context == NULL) {
		return -EBADMSG;
	}
	if (!context->has_failed) {
		server->options.ops->destroy_context(server->options.data, id);
	}
	drop(&server->table, context);
	return 0;
}

int sl_virgl_run_attach(struct sl_virgl_server *server)
{
	const struct sl_virgl_attach *packet = &server->packet.attach;
	const struct sl_virgl_server_options *options = &server->options;
	struct sl_virgl_object *context =
		sl_virgl_table_find(&server->table, SL_VIRGL_A_CONTEXT, packet->context_id);
	struct sl_virgl_object *resource =
		sl_virgl_table_find(&server->table, SL_VIRGL_A_RESOURCE, packet->resource_id);

	if (context == NULL || resource == NULL) {
		return -EBADMSG;
	}
	if (context->has_failed || resource->has_failed) {
		return 0;
	}
	if (packet->header.type == SL_VIRGL_ATTACH) {
		options->ops->attach(options->data, context->id, resource->id);
	} else {
		options->ops->detach(options->data, context->id, resource->id);
	}
	return 0;
}
