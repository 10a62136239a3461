/* SPDX-License-Identifier: MIT */
/* The results of a test as a file: for each a line "label size", then the bytes and a newline. */
#include "vkt.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct vkt_sink {
	FILE *file;
};

struct vkt_sink *vkt_sink_create(const char *path)
{
	struct vkt_sink *sink = calloc(1, sizeof(*sink));

	VKT_EXPECT(sink != NULL);
	sink->file = fopen(path, "wbe");
	if (sink->file == NULL) {
		perror(path);
		exit(1);
	}
	return sink;
}

void vkt_sink_flush(struct vkt_sink *sink)
{
	if (sink != NULL) {
		VKT_EXPECT(fflush(sink->file) == 0);
	}
}

void vkt_sink_destroy(struct vkt_sink *sink)
{
	if (sink != NULL) {
		VKT_EXPECT(fclose(sink->file) == 0);
		free(sink);
	}
}

void vkt_put(struct vkt *t, const char *label, const void *data, size_t size)
{
	if (t->sink == NULL) {
		return;
	}
	fprintf(t->sink->file, "%s %zu\n", label, size);
	VKT_EXPECT(fwrite(data, 1, size, t->sink->file) == size);
	fputc('\n', t->sink->file);
}

void vkt_put_u64(struct vkt *t, const char *label, uint64_t value)
{
	char text[32];

	snprintf(text, sizeof(text), "%llu", (unsigned long long)value);
	vkt_put(t, label, text, strlen(text));
}

void vkt_put_result(struct vkt *t, const char *label, VkResult result)
{
	char text[32];

	snprintf(text, sizeof(text), "VkResult %d", (int)result);
	vkt_put(t, label, text, strlen(text));
}
