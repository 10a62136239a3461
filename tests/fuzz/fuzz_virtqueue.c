/* SPDX-License-Identifier: MIT */
/* A guest that writes anything into its virtqueue: the first byte chooses the features, the rest
 * is the ring and what it points to. */
#include "host/vgpu/virtqueue.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/fake_guest.h"

#include <assert.h>

/* Addresses in the input are 16 bits: into the first pages of guest memory, or just past it. */
static uint64_t small_address(uint64_t raw)
{
	return (raw & 0x8000) != 0 ? FAKE_RAM_ADDR + FAKE_RAM_SIZE - 64 + (raw & 0xff)
				   : FAKE_DATA_ADDR + (raw & 0x7fff);
}

static void fill_descriptors(struct fuzz_input *in, struct vring_desc *desc, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		uint16_t fields[4];

		fuzz_take(in, fields, sizeof(fields));
		desc[i].addr = small_address(fields[0]);
		desc[i].len = fields[1] == 0xffff ? 0xffffffff : fields[1];
		desc[i].flags = fields[2] & 7;
		desc[i].next = fields[3];
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = { data, size };
	struct sl_virtqueue queue;
	struct sl_chain chain = { 0 };
	struct fake_guest guest;
	uint8_t buffer[256] = { 0 };
	uint8_t features = fuzz_u8(&in);

	fake_guest_init(&guest);
	struct sl_virtqueue_layout layout = fake_guest_layout(&guest, (features & 1) != 0);
	fuzz_take(&in, &guest.avail->idx, sizeof(guest.avail->idx));
	fuzz_take(&in, guest.avail->ring, (FAKE_RING_SIZE + 1) * sizeof(guest.avail->ring[0]));
	fill_descriptors(&in, guest.desc, FAKE_RING_SIZE);
	fill_descriptors(&in, fake_guest_at(&guest, FAKE_DATA_ADDR), 64);
	sl_virtqueue_init(&queue, &guest.ram);
	assert(sl_virtqueue_start(&queue, &layout, 0) == 0);
	for (int i = 0; i < 64 && sl_virtqueue_pop(&queue, &chain) > 0; i++) {
		uint64_t offset = fuzz_u8(&in);

		sl_chain_read(&chain, &guest.ram, offset, buffer, fuzz_u8(&in));
		sl_chain_write(&chain, &guest.ram, offset, buffer, fuzz_u8(&in));
		if ((features & 2) != 0) {
			sl_virtqueue_push(&queue, chain.head, 1);
			sl_virtqueue_should_signal(&queue);
			sl_virtqueue_enable_kick(&queue);
		}
	}
	sl_chain_finish(&chain);
	sl_virtqueue_finish(&queue);
	fake_guest_finish(&guest);
	return 0;
}
