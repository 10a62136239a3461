/* SPDX-License-Identifier: MIT */
/* 1 GiB of host-visible memory in pieces, all at once: the GPU fills each piece, the program looks,
 * writes, and has the GPU copy it to the next piece's place. */
#include "tests/vkt/vkt.h"

#include <stdio.h>

enum {
	PIECES = 64,
	PIECE_SIZE = 16 << 20,
	STEP = 509 /* words between those that are looked at */
};

static void fill_all(struct vkt *t, const struct vkt_buffer *pieces)
{
	VkCommandBuffer cmd = vkt_begin(t);

	for (uint32_t i = 0; i < PIECES; i++) {
		vkCmdFillBuffer(cmd, pieces[i].handle, 0, VK_WHOLE_SIZE, 0x01000000u + i);
	}
	vkt_end_and_run(t, cmd);
}

static void copy_all(struct vkt *t, const struct vkt_buffer *pieces)
{
	const VkBufferCopy whole = { .size = PIECE_SIZE };
	VkCommandBuffer cmd = vkt_begin(t);

	for (uint32_t i = 0; i + 1 < PIECES; i += 2) {
		vkCmdCopyBuffer(cmd, pieces[i].handle, pieces[i + 1].handle, 1, &whole);
	}
	vkt_end_and_run(t, cmd);
}

/* Returns how many of the words that are looked at are wrong. */
static uint32_t count_wrong(const struct vkt_buffer *piece, uint32_t base, uint32_t factor)
{
	const uint32_t *words = piece->map;
	uint32_t wrong = 0;

	for (uint32_t i = 0; i < PIECE_SIZE / 4; i += STEP) {
		wrong += words[i] != base + i * factor;
	}
	return wrong;
}

int main(void)
{
	static struct vkt_buffer pieces[PIECES];
	struct vkt t = { 0 };
	uint32_t wrong = 0;

	vkt_open(&t, &(struct vkt_options){ 0 });
	for (uint32_t i = 0; i < PIECES; i++) {
		pieces[i] = vkt_create_buffer(&t, PIECE_SIZE,
					      VK_BUFFER_USAGE_TRANSFER_SRC_BIT |
						      VK_BUFFER_USAGE_TRANSFER_DST_BIT,
					      VKT_HOST);
	}
	fill_all(&t, pieces);
	for (uint32_t i = 0; i < PIECES; i++) {
		wrong += count_wrong(&pieces[i], 0x01000000u + i, 0);
	}
	for (uint32_t i = 0; i < PIECES; i += 2) {
		uint32_t *words = pieces[i].map;

		for (uint32_t k = 0; k < PIECE_SIZE / 4; k++) {
			words[k] = i + k * 7;
		}
	}
	copy_all(&t, pieces);
	for (uint32_t i = 0; i < PIECES; i++) {
		wrong += count_wrong(&pieces[i], i & ~1u, 7);
	}
	printf("%u MiB, %u words wrong\n", PIECES * (PIECE_SIZE >> 20), wrong);
	return vkt_close(&t) && wrong == 0 ? 0 : 1;
}
