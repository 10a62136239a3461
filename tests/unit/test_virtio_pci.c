/* SPDX-License-Identifier: MIT */
/* The PCI function of a virtio device: configuration space and registers, as a driver finds and
 * uses them, and as none should. */
#include "host/vgpu/virtio_pci.h"
#include "tests/unit/sl_test.h"

#include <errno.h>
#include <linux/pci_regs.h>
#include <linux/vfio.h>
#include <linux/virtio_config.h>
#include <linux/virtio_pci.h>
#include <string.h>

#define CONFIG	    VFIO_PCI_CONFIG_REGION_INDEX
#define REGISTERS   SL_VIRTIO_PCI_BAR_REGISTERS
#define WINDOW_SIZE (1ull << 33)
#define OFFERED	    (1ull << VIRTIO_F_VERSION_1 | 5)

struct fixture {
	struct sl_virtio_pci pci;
	uint32_t resets;
	uint32_t updates;
	uint32_t notified; /* bit: queue */
	uint32_t pending;
};

static uint64_t get_features(void *data)
{
	return OFFERED;
}

static void read_config(void *data, void *dst, size_t offset, size_t size)
{
	memcpy(dst, "0123456789abcdef" + offset, size);
}

static void on_reset(void *data)
{
	((struct fixture *)data)->resets++;
}

static void on_update(void *data)
{
	((struct fixture *)data)->updates++;
}

static void on_notify(void *data, uint32_t queue)
{
	((struct fixture *)data)->notified |= 1u << queue;
}

static uint32_t get_pending(void *data)
{
	return ((struct fixture *)data)->pending;
}

static const struct sl_virtio_pci_ops ops = {
	.get_features = get_features,
	.read_config = read_config,
	.reset = on_reset,
	.update = on_update,
	.notify = on_notify,
	.get_pending = get_pending,
};

static void init(struct fixture *f)
{
	const struct sl_virtio_pci_options options = {
		.identity = { 0x1af4, 0x1050, 0x1af4, 0x1100, 0x038000, 1 },
		.queue_count = 2,
		.queue_max_size = 256,
		.config_size = 16,
		.window_size = WINDOW_SIZE,
		.window_id = 1,
		.ops = &ops,
		.data = f,
	};

	memset(f, 0, sizeof(*f));
	sl_virtio_pci_init(&f->pci, &options);
}

static uint64_t get(struct fixture *f, uint32_t region, uint64_t offset, size_t size)
{
	uint64_t value = 0;

	assert_int_equal(sl_virtio_pci_read(&f->pci, region, offset, &value, size), 0);
	return value;
}

static void put(struct fixture *f, uint32_t region, uint64_t offset, uint64_t value, size_t size)
{
	assert_int_equal(sl_virtio_pci_write(&f->pci, region, offset, &value, size), 0);
}

/* The offset of the next capability of this id behind the one at offset; 0: none. */
static uint32_t next_capability(struct fixture *f, uint32_t offset, uint8_t id)
{
	uint32_t at = (uint32_t)get(
		f, CONFIG, offset == 0 ? PCI_CAPABILITY_LIST : offset + PCI_CAP_LIST_NEXT, 1);

	for (int i = 0; at != 0 && i < 48; i++) {
		assert_true(at >= PCI_STD_HEADER_SIZEOF && at % 4 == 0);
		if (get(f, CONFIG, at, 1) == id) {
			return at;
		}
		at = (uint32_t)get(f, CONFIG, at + PCI_CAP_LIST_NEXT, 1);
	}
	return 0;
}

static uint32_t find_structure(struct fixture *f, uint8_t type)
{
	uint32_t at = next_capability(f, 0, PCI_CAP_ID_VNDR);

	while (at != 0 && get(f, CONFIG, at + VIRTIO_PCI_CAP_CFG_TYPE, 1) != type) {
		at = next_capability(f, at, PCI_CAP_ID_VNDR);
	}
	return at;
}

static void test_identity(void **state)
{
	struct fixture f;

	init(&f);
	assert_int_equal(get(&f, CONFIG, PCI_VENDOR_ID, 4), 0x10501af4);
	assert_int_equal(get(&f, CONFIG, PCI_CLASS_REVISION, 4), 0x03800001);
	assert_int_equal(get(&f, CONFIG, PCI_SUBSYSTEM_VENDOR_ID, 4), 0x11001af4);
	assert_int_equal(get(&f, CONFIG, PCI_HEADER_TYPE, 1), PCI_HEADER_TYPE_NORMAL);
	assert_int_equal(get(&f, CONFIG, PCI_INTERRUPT_PIN, 1), 0);
	put(&f, CONFIG, PCI_VENDOR_ID, 0, 4);
	assert_int_equal(get(&f, CONFIG, PCI_VENDOR_ID, 4), 0x10501af4);
}

static void test_sizes_of_bars(void **state)
{
	struct fixture f;

	init(&f);
	for (uint32_t i = 0; i < 6; i++) {
		put(&f, CONFIG, PCI_BASE_ADDRESS_0 + 4 * i, UINT32_MAX, 4);
	}
	assert_int_equal(get(&f, CONFIG, PCI_BASE_ADDRESS_0, 4), ~(SL_VIRTIO_PCI_SIZE - 1));
	assert_int_equal(get(&f, CONFIG, PCI_BASE_ADDRESS_1, 4), ~(SL_VIRTIO_PCI_MSIX_SIZE - 1));
	assert_int_equal(get(&f, CONFIG, PCI_BASE_ADDRESS_2, 8),
			 ~(WINDOW_SIZE - 1) | PCI_BASE_ADDRESS_MEM_TYPE_64 |
				 PCI_BASE_ADDRESS_MEM_PREFETCH);
	assert_int_equal(get(&f, CONFIG, PCI_BASE_ADDRESS_4, 8), 0);
	assert_int_equal(get(&f, CONFIG, PCI_ROM_ADDRESS, 4), 0);
}

static void test_structures_are_found(void **state)
{
	struct fixture f;

	init(&f);
	const uint32_t types[] = { VIRTIO_PCI_CAP_COMMON_CFG, VIRTIO_PCI_CAP_ISR_CFG,
				   VIRTIO_PCI_CAP_DEVICE_CFG, VIRTIO_PCI_CAP_NOTIFY_CFG };
	for (size_t i = 0; i < 4; i++) {
		uint32_t at = find_structure(&f, (uint8_t)types[i]);
		uint64_t end = get(&f, CONFIG, at + VIRTIO_PCI_CAP_OFFSET, 4) +
			       get(&f, CONFIG, at + VIRTIO_PCI_CAP_LENGTH, 4);

		assert_true(at != 0 && end <= SL_VIRTIO_PCI_SIZE);
		assert_int_equal(get(&f, CONFIG, at + VIRTIO_PCI_CAP_BAR, 1), REGISTERS);
	}
	uint32_t window = find_structure(&f, VIRTIO_PCI_CAP_SHARED_MEMORY_CFG);
	assert_int_equal(get(&f, CONFIG, window + VIRTIO_PCI_CAP_LEN, 1),
			 sizeof(struct virtio_pci_cap64));
	assert_int_equal(get(&f, CONFIG, window + 5, 1), 1);
	assert_int_equal(get(&f, CONFIG, window + VIRTIO_PCI_CAP_LENGTH, 4) |
				 get(&f, CONFIG, window + 20, 4) << 32,
			 WINDOW_SIZE);
	uint32_t msix = next_capability(&f, 0, PCI_CAP_ID_MSIX);
	assert_int_equal(get(&f, CONFIG, msix + PCI_MSIX_FLAGS, 2) & PCI_MSIX_FLAGS_QSIZE,
			 SL_VIRTIO_PCI_VECTOR_COUNT - 1);
	put(&f, CONFIG, msix + PCI_MSIX_FLAGS, UINT16_MAX, 2);
	assert_int_equal(get(&f, CONFIG, msix + PCI_MSIX_FLAGS, 2),
			 PCI_MSIX_FLAGS_ENABLE | PCI_MSIX_FLAGS_MASKALL |
				 (SL_VIRTIO_PCI_VECTOR_COUNT - 1));
}

static void test_accesses_stay_inside(void **state)
{
	struct fixture f;
	uint8_t bytes[32];
	const struct {
		uint32_t region;
		uint64_t offset;
		size_t size;
	} bad[] = {
		{ REGISTERS, SL_VIRTIO_PCI_SIZE - 1, 2 },
		{ REGISTERS, SL_VIRTIO_PCI_SIZE, 1 },
		{ REGISTERS, UINT64_MAX, 2 },
		{ REGISTERS, 0, 0 },
		{ SL_VIRTIO_PCI_BAR_MSIX, SL_VIRTIO_PCI_MSIX_SIZE - 3, 4 },
		{ CONFIG, SL_PCI_CONFIG_SIZE - 1, 2 },
		{ CONFIG, UINT64_MAX - 1, 4 },
		{ 3, 0, 4 },
		{ VFIO_PCI_ROM_REGION_INDEX, 0, 4 },
		{ VFIO_PCI_VGA_REGION_INDEX, 0, 4 },
		{ UINT32_MAX, 0, 4 },
	};

	init(&f);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(sl_virtio_pci_read(&f.pci, bad[i].region, bad[i].offset, bytes,
						    bad[i].size),
				 -EINVAL);
		assert_int_equal(sl_virtio_pci_write(&f.pci, bad[i].region, bad[i].offset, bytes,
						     bad[i].size),
				 -EINVAL);
	}
	/* Between the structures, and across their ends, is nothing. */
	assert_int_equal(get(&f, REGISTERS, 0x800, 8), 0);
	assert_int_equal(get(&f, REGISTERS, SL_VIRTIO_PCI_DEVICE + 14, 8), 'e' | 'f' << 8);
	assert_int_equal(get(&f, REGISTERS, SL_VIRTIO_PCI_DEVICE + 16, 8), 0);
	assert_int_equal(get(&f, REGISTERS, SL_VIRTIO_PCI_NOTIFY, 8), 0);
	put(&f, REGISTERS, 0x800, UINT64_MAX, 8);
	put(&f, REGISTERS, SL_VIRTIO_PCI_COMMON + 56, UINT64_MAX, 8);
	put(&f, REGISTERS, SL_VIRTIO_PCI_DEVICE, UINT64_MAX, 8);
	put(&f, REGISTERS, SL_VIRTIO_PCI_NOTIFY + 8, 0, 2);
	put(&f, REGISTERS, SL_VIRTIO_PCI_SIZE - 2, 0, 2);
	assert_int_equal(f.notified + f.updates + f.resets, 0);
}

static void negotiate(struct fixture *f, uint64_t features)
{
	put(f, REGISTERS, VIRTIO_PCI_COMMON_STATUS, 0, 1);
	put(f, REGISTERS, VIRTIO_PCI_COMMON_STATUS, 3, 1);
	for (uint32_t i = 0; i < 2; i++) {
		put(f, REGISTERS, VIRTIO_PCI_COMMON_GFSELECT, i, 4);
		put(f, REGISTERS, VIRTIO_PCI_COMMON_GF, features >> 32 * i & UINT32_MAX, 4);
	}
	put(f, REGISTERS, VIRTIO_PCI_COMMON_STATUS, 3 | VIRTIO_CONFIG_S_FEATURES_OK, 1);
}

static bool features_are_ok(struct fixture *f)
{
	return (get(f, REGISTERS, VIRTIO_PCI_COMMON_STATUS, 1) & VIRTIO_CONFIG_S_FEATURES_OK) != 0;
}

static void test_features(void **state)
{
	struct fixture f;

	init(&f);
	assert_int_equal(get(&f, REGISTERS, VIRTIO_PCI_COMMON_DF, 4), 5);
	put(&f, REGISTERS, VIRTIO_PCI_COMMON_DFSELECT, 1, 4);
	assert_int_equal(get(&f, REGISTERS, VIRTIO_PCI_COMMON_DF, 4), 1);
	put(&f, REGISTERS, VIRTIO_PCI_COMMON_DFSELECT, 2, 4);
	assert_int_equal(get(&f, REGISTERS, VIRTIO_PCI_COMMON_DF, 4), 0);

	negotiate(&f, OFFERED);
	assert_true(features_are_ok(&f));
	/* They are settled. */
	put(&f, REGISTERS, VIRTIO_PCI_COMMON_GFSELECT, 0, 4);
	put(&f, REGISTERS, VIRTIO_PCI_COMMON_GF, 0, 4);
	assert_int_equal(get(&f, REGISTERS, VIRTIO_PCI_COMMON_GF, 4), 5);
	negotiate(&f, OFFERED | 2);
	assert_false(features_are_ok(&f));
	negotiate(&f, 5); /* a driver of the legacy interface */
	assert_false(features_are_ok(&f));
	put(&f, REGISTERS, VIRTIO_PCI_COMMON_STATUS, 15, 1);
	put(&f, CONFIG, PCI_COMMAND, PCI_COMMAND_MASTER, 2);
	assert_false(sl_virtio_pci_is_running(&f.pci));
}

static void test_driver_starts_and_stops(void **state)
{
	struct fixture f;

	init(&f);
	negotiate(&f, OFFERED);
	put(&f, REGISTERS, VIRTIO_PCI_COMMON_STATUS, 15, 1);
	assert_false(sl_virtio_pci_is_running(&f.pci));
	f.updates = 0;
	put(&f, CONFIG, PCI_COMMAND, PCI_COMMAND_MASTER | PCI_COMMAND_MEMORY, 2);
	assert_int_equal(f.updates, 1);
	assert_true(sl_virtio_pci_is_running(&f.pci));
	put(&f, REGISTERS, SL_VIRTIO_PCI_NOTIFY + SL_VIRTIO_PCI_NOTIFY_STEP, 1, 2);
	assert_int_equal(f.notified, 1 << 1);
	/* Status bits do not go one by one. */
	put(&f, REGISTERS, VIRTIO_PCI_COMMON_STATUS, 1, 1);
	assert_true(sl_virtio_pci_is_running(&f.pci));
	assert_int_equal(sl_virtio_pci_raise_broken(&f.pci), SL_VIRTIO_PCI_NO_VECTOR);
	assert_false(sl_virtio_pci_is_running(&f.pci));
	put(&f, REGISTERS, VIRTIO_PCI_COMMON_STATUS, 15, 1);
	assert_false(sl_virtio_pci_is_running(&f.pci));
	f.resets = 0;
	put(&f, REGISTERS, VIRTIO_PCI_COMMON_STATUS, 0, 1);
	assert_int_equal(f.resets, 1);
	assert_int_equal(get(&f, REGISTERS, VIRTIO_PCI_COMMON_STATUS, 1), 0);
	assert_int_equal(get(&f, REGISTERS, SL_VIRTIO_PCI_ISR, 1), 0);
	/* The driver's reset leaves PCI as it is, the function's does not. */
	assert_int_not_equal(get(&f, CONFIG, PCI_COMMAND, 2), 0);
	sl_virtio_pci_reset(&f.pci);
	assert_int_equal(get(&f, CONFIG, PCI_COMMAND, 2), 0);
	assert_int_equal(f.resets, 2);
}

static void test_queues(void **state)
{
	struct fixture f;

	init(&f);
	negotiate(&f, OFFERED);
	assert_int_equal(get(&f, REGISTERS, VIRTIO_PCI_COMMON_NUMQ, 2), 2);
	put(&f, REGISTERS, VIRTIO_PCI_COMMON_Q_SELECT, 1, 2);
	assert_int_equal(get(&f, REGISTERS, VIRTIO_PCI_COMMON_Q_SIZE, 2), 256);
	assert_int_equal(get(&f, REGISTERS, VIRTIO_PCI_COMMON_Q_NOFF, 2), 1);
	const uint16_t bad_sizes[] = { 0, 3, 512, UINT16_MAX };
	for (size_t i = 0; i < 4; i++) {
		put(&f, REGISTERS, VIRTIO_PCI_COMMON_Q_SIZE, bad_sizes[i], 2);
		assert_int_equal(get(&f, REGISTERS, VIRTIO_PCI_COMMON_Q_SIZE, 2), 256);
	}
	put(&f, REGISTERS, VIRTIO_PCI_COMMON_Q_SIZE, 64, 2);
	put(&f, REGISTERS, VIRTIO_PCI_COMMON_Q_DESCLO, 0x11112222, 4);
	put(&f, REGISTERS, VIRTIO_PCI_COMMON_Q_DESCHI, 0x3333, 4);
	put(&f, REGISTERS, VIRTIO_PCI_COMMON_Q_AVAILLO, 0x444455556666, 8);
	put(&f, REGISTERS, VIRTIO_PCI_COMMON_Q_USEDLO, 0x7777, 4);
	f.updates = 0;
	put(&f, REGISTERS, VIRTIO_PCI_COMMON_Q_ENABLE, 2, 2);
	assert_int_equal(f.updates, 0);
	put(&f, REGISTERS, VIRTIO_PCI_COMMON_Q_ENABLE, 1, 2);
	assert_int_equal(f.updates, 1);
	/* An enabled queue does not move. */
	put(&f, REGISTERS, VIRTIO_PCI_COMMON_Q_DESCLO, 0, 4);
	put(&f, REGISTERS, VIRTIO_PCI_COMMON_Q_SIZE, 128, 2);
	put(&f, REGISTERS, VIRTIO_PCI_COMMON_Q_ENABLE, 0, 2);
	const struct sl_virtio_pci_queue *queue = &f.pci.queues[1];
	assert_true(queue->enabled && queue->size == 64);
	assert_int_equal(queue->descriptors, 0x333311112222);
	assert_int_equal(queue->available, 0x444455556666);
	assert_int_equal(queue->used, 0x7777);
	assert_false(f.pci.queues[0].enabled);

	/* A queue that is not there reads as zeros and takes nothing. */
	put(&f, REGISTERS, VIRTIO_PCI_COMMON_Q_SELECT, 2, 2);
	assert_int_equal(get(&f, REGISTERS, VIRTIO_PCI_COMMON_Q_SIZE, 8), 0);
	put(&f, REGISTERS, VIRTIO_PCI_COMMON_Q_ENABLE, 1, 2);
	put(&f, REGISTERS, VIRTIO_PCI_COMMON_Q_SELECT, UINT16_MAX, 2);
	put(&f, REGISTERS, VIRTIO_PCI_COMMON_Q_MSIX, 1, 2);
	assert_int_equal(f.updates, 1);
}

static void test_interrupts(void **state)
{
	struct fixture f;

	init(&f);
	assert_int_equal(sl_virtio_pci_raise_queue(&f.pci, 0), SL_VIRTIO_PCI_NO_VECTOR);
	put(&f, REGISTERS, VIRTIO_PCI_COMMON_MSIX, SL_VIRTIO_PCI_VECTOR_COUNT, 2);
	assert_int_equal(get(&f, REGISTERS, VIRTIO_PCI_COMMON_MSIX, 2), VIRTIO_MSI_NO_VECTOR);
	put(&f, REGISTERS, VIRTIO_PCI_COMMON_MSIX, 1, 2);
	put(&f, REGISTERS, VIRTIO_PCI_COMMON_Q_MSIX, 2, 2);
	assert_int_equal(sl_virtio_pci_raise_queue(&f.pci, 0), 2);
	assert_int_equal(sl_virtio_pci_raise_broken(&f.pci), 1);
	/* Who reads it has seen it. */
	assert_int_equal(get(&f, REGISTERS, SL_VIRTIO_PCI_ISR, 1), 3);
	assert_int_equal(get(&f, REGISTERS, SL_VIRTIO_PCI_ISR, 1), 0);

	assert_int_equal(get(&f, SL_VIRTIO_PCI_BAR_MSIX, 12, 4), PCI_MSIX_ENTRY_CTRL_MASKBIT);
	put(&f, SL_VIRTIO_PCI_BAR_MSIX, 16, 0xfee00000, 8);
	assert_int_equal(get(&f, SL_VIRTIO_PCI_BAR_MSIX, 16, 8), 0xfee00000);
	put(&f, SL_VIRTIO_PCI_BAR_MSIX, 16 * SL_VIRTIO_PCI_VECTOR_COUNT - 4, UINT64_MAX, 8);
	f.pending = 5;
	assert_int_equal(get(&f, SL_VIRTIO_PCI_BAR_MSIX, SL_VIRTIO_PCI_MSIX_PENDING, 8), 5);
	put(&f, SL_VIRTIO_PCI_BAR_MSIX, SL_VIRTIO_PCI_MSIX_PENDING, 0, 8);
	assert_int_equal(get(&f, SL_VIRTIO_PCI_BAR_MSIX, SL_VIRTIO_PCI_MSIX_PENDING, 1), 5);
}

/* Firmware reaches registers through the configuration space. */
static void test_registers_without_bars(void **state)
{
	struct fixture f;

	init(&f);
	uint32_t at = find_structure(&f, VIRTIO_PCI_CAP_PCI_CFG);
	put(&f, CONFIG, at + VIRTIO_PCI_CAP_OFFSET, SL_VIRTIO_PCI_DEVICE + 4, 4);
	put(&f, CONFIG, at + VIRTIO_PCI_CAP_LENGTH, 2, 4);
	assert_int_equal(get(&f, CONFIG, at + 16, 2), '4' | '5' << 8);
	put(&f, CONFIG, at + VIRTIO_PCI_CAP_OFFSET, VIRTIO_PCI_COMMON_STATUS, 4);
	put(&f, CONFIG, at + VIRTIO_PCI_CAP_LENGTH, 1, 4);
	put(&f, CONFIG, at + 16, 3, 1);
	assert_int_equal(get(&f, REGISTERS, VIRTIO_PCI_COMMON_STATUS, 1), 3);
	/* Nonsense reaches nothing. */
	f.updates = 0;
	put(&f, CONFIG, at + VIRTIO_PCI_CAP_LENGTH, 3, 4);
	put(&f, CONFIG, at + 16, UINT32_MAX, 4);
	put(&f, CONFIG, at + VIRTIO_PCI_CAP_LENGTH, UINT32_MAX, 4);
	put(&f, CONFIG, at + 16, UINT32_MAX, 4);
	put(&f, CONFIG, at + VIRTIO_PCI_CAP_LENGTH, 4, 4);
	put(&f, CONFIG, at + VIRTIO_PCI_CAP_OFFSET, UINT32_MAX, 4);
	put(&f, CONFIG, at + 16, UINT32_MAX, 4);
	(void)get(&f, CONFIG, at + 16, 4);
	put(&f, CONFIG, at + VIRTIO_PCI_CAP_OFFSET, 0, 4);
	put(&f, CONFIG, at + VIRTIO_PCI_CAP_BAR, CONFIG, 1);
	put(&f, CONFIG, at + 16, UINT32_MAX, 4);
	assert_int_equal(f.updates, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_identity),
		cmocka_unit_test(test_sizes_of_bars),
		cmocka_unit_test(test_structures_are_found),
		cmocka_unit_test(test_accesses_stay_inside),
		cmocka_unit_test(test_features),
		cmocka_unit_test(test_driver_starts_and_stops),
		cmocka_unit_test(test_queues),
		cmocka_unit_test(test_interrupts),
		cmocka_unit_test(test_registers_without_bars),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
