/* SPDX-License-Identifier: MIT */
/* The vfio-user front end, spoken to as QEMU does and as nobody should. */
#include "host/base/fd.h"
#include "host/vgpu/vfio_user.h"
#include "host/vgpu/vfio_user_msg.h"
#include "host/vgpu/virtio_pci.h"
#include "tests/unit/fake_guest.h"
#include "tests/unit/sl_test.h"

#include <dirent.h>
#include <errno.h>
#include <linux/pci_regs.h>
#include <linux/vfio.h>
#include <linux/virtio_config.h>
#include <linux/virtio_pci.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define COMMAND	    FAKE_COMMAND_ADDR
#define WINDOW_SIZE 0x100000u
#define WINDOW_ADDR (1ull << 62)
#define FEATURES    (1ull << VIRTIO_F_VERSION_1 | 1ull << VIRTIO_GPU_F_EDID)
#define REGISTERS   SL_VIRTIO_PCI_BAR_REGISTERS
#define CONFIG	    VFIO_PCI_CONFIG_REGION_INDEX
#define BOTH	    (SL_VFIO_USER_DMA_READ | SL_VFIO_USER_DMA_WRITE)
#define TRIGGER	    VFIO_IRQ_SET_ACTION_TRIGGER

struct fixture {
	struct fake_guest guest; /* its memory and ring; the device is the front end's */
	sd_event *event;
	struct sl_vfio_user *vfio;
	int fd; /* QEMU's end */
	int call;
	bool ended;
	int end_result;

	/* The last answer. */
	struct sl_vfio_user_header header;
	union sl_vfio_user_payload payload;
	int answer_fd;
};

static void on_ended(void *data, int r)
{
	struct fixture *f = data;

	f->ended = true;
	f->end_result = r;
}

static void init_window(struct fixture *f, uint64_t window_size)
{
	struct sl_vfio_user_options options = {
		.max_host_bytes = 16 << 20, .window_size = window_size, .ended = on_ended, .data = f
	};
	int fds[2];

	memset(f, 0, sizeof(*f));
	fake_guest_init(&f->guest);
	assert_true(sd_event_new(&f->event) >= 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	f->fd = fds[0];
	f->call = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	f->answer_fd = -1;
	assert_int_equal(sl_vfio_user_create(f->event, fds[1], &options, &f->vfio), 0);
}

static void init(struct fixture *f)
{
	init_window(f, WINDOW_SIZE);
}

static void finish(struct fixture *f)
{
	sl_vfio_user_destroy(f->vfio);
	sd_event_unref(f->event);
	sl_fd_close(f->fd);
	close(f->call);
	sl_fd_close(f->answer_fd);
	fake_guest_finish(&f->guest);
}

static void run(struct fixture *f)
{
	while (sd_event_run(f->event, 0) > 0) {
	}
}

static void send_bytes(struct fixture *f, uint16_t command, uint32_t flags, const void *payload,
		       uint32_t size, const int *fds, unsigned int fd_count)
{
	struct {
		struct sl_vfio_user_header header;
		union sl_vfio_user_payload payload;
	} message = { .header = { .id = 77,
				  .command = command,
				  .size = (uint32_t)sizeof(message.header) + size,
				  .flags = flags } };

	if (size > 0) {
		memcpy(&message.payload, payload, size);
	}
	assert_int_equal(sl_fd_send(f->fd, &message, message.header.size, fds, fd_count), 0);
	run(f);
}

/* Receive an answer. Returns whether there is one. */
static bool receive(struct fixture *f)
{
	struct {
		struct sl_vfio_user_header header;
		union sl_vfio_user_payload payload;
	} message;
	unsigned int fd_count = 0;

	sl_fd_close(f->answer_fd);
	f->answer_fd = -1;
	struct pollfd wait = { .fd = f->fd, .events = POLLIN };
	if (poll(&wait, 1, 0) != 1) {
		return false;
	}
	ssize_t n = sl_fd_receive(f->fd, &message, sizeof(message), &f->answer_fd, 1, &fd_count);
	if (n <= 0) {
		return false;
	}
	assert_int_equal(n, message.header.size);
	f->header = message.header;
	f->payload = message.payload;
	return true;
}

/* Returns 0 or -errno, as answered. */
static int ask_fds(struct fixture *f, uint16_t command, const void *payload, uint32_t size,
		   const int *fds, unsigned int fd_count)
{
	send_bytes(f, command, 0, payload, size, fds, fd_count);
	assert_true(receive(f));
	assert_int_equal(f->header.id, 77);
	assert_int_equal(f->header.command, command);
	if ((f->header.flags & SL_VFIO_USER_ERROR) != 0) {
		assert_int_equal(f->header.size, sizeof(f->header));
		assert_int_not_equal(f->header.error, 0);
		return -(int)f->header.error;
	}
	assert_int_equal(f->header.flags, SL_VFIO_USER_REPLY);
	return 0;
}

static int ask(struct fixture *f, uint16_t command, const void *payload, uint32_t size)
{
	return ask_fds(f, command, payload, size, NULL, 0);
}

static void greet(struct fixture *f)
{
	struct sl_vfio_user_version version = { .minor = 1, .text = "{\"capabilities\":{}}" };

	assert_int_equal(ask(f, SL_VFIO_USER_VERSION, &version, 4 + 20), 0);
}

static int map(struct fixture *f, uint64_t address, uint64_t size, uint64_t offset, uint32_t flags,
	       unsigned int fd_count)
{
	const struct sl_vfio_user_dma_map message = { sizeof(message), flags, offset, address,
						      size };
	const int fds[2] = { f->guest.fd, f->guest.fd };

	return ask_fds(f, SL_VFIO_USER_DMA_MAP, &message, sizeof(message), fds, fd_count);
}

static int unmap(struct fixture *f, uint64_t address, uint64_t size, uint32_t flags)
{
	const struct sl_vfio_user_dma_unmap message = { sizeof(message), flags, address, size };

	return ask(f, SL_VFIO_USER_DMA_UNMAP, &message, sizeof(message));
}

static int write_region(struct fixture *f, uint32_t region, uint64_t offset, uint64_t value,
			uint32_t size)
{
	struct {
		struct sl_vfio_user_access access;
		uint64_t value;
	} message = { { offset, region, size }, value };

	return ask(f, SL_VFIO_USER_REGION_WRITE, &message,
		   (uint32_t)sizeof(message.access) + (size < 8 ? size : 8));
}

static uint64_t read_region(struct fixture *f, uint32_t region, uint64_t offset, uint32_t size)
{
	const struct sl_vfio_user_access message = { offset, region, size };
	uint64_t value = 0;

	assert_int_equal(ask(f, SL_VFIO_USER_REGION_READ, &message, sizeof(message)), 0);
	assert_int_equal(f->payload.region_access.access.count, size);
	memcpy(&value, f->payload.region_access.data, size);
	return value;
}

static void put(struct fixture *f, uint64_t offset, uint64_t value, uint32_t size)
{
	assert_int_equal(write_region(f, REGISTERS, offset, value, size), 0);
}

static int set_irqs(struct fixture *f, uint32_t index, uint32_t start, uint32_t count,
		    uint32_t flags, unsigned int fd_count)
{
	const struct sl_vfio_user_irq_set message = { sizeof(message), flags, index, start, count };
	const int fds[4] = { f->call, f->call, f->call, f->call };

	return ask_fds(f, SL_VFIO_USER_DEVICE_SET_IRQS, &message, sizeof(message), fds, fd_count);
}

static uint64_t ring_address(struct fixture *f, const void *at)
{
	return FAKE_RAM_ADDR + (uint64_t)((const uint8_t *)at - f->guest.memory);
}

/* As Linux's driver: features, the control queue at these addresses, vectors, ready. */
static void start_driver(struct fixture *f, uint64_t descriptors)
{
	put(f, VIRTIO_PCI_COMMON_STATUS, 0, 1);
	put(f, VIRTIO_PCI_COMMON_STATUS, 3, 1);
	put(f, VIRTIO_PCI_COMMON_GFSELECT, 0, 4);
	put(f, VIRTIO_PCI_COMMON_GF, FEATURES & UINT32_MAX, 4);
	put(f, VIRTIO_PCI_COMMON_GFSELECT, 1, 4);
	put(f, VIRTIO_PCI_COMMON_GF, FEATURES >> 32, 4);
	put(f, VIRTIO_PCI_COMMON_STATUS, 11, 1);
	put(f, VIRTIO_PCI_COMMON_MSIX, 0, 2);
	put(f, VIRTIO_PCI_COMMON_Q_SELECT, SL_VGPU_QUEUE_CONTROL, 2);
	put(f, VIRTIO_PCI_COMMON_Q_MSIX, 1, 2);
	put(f, VIRTIO_PCI_COMMON_Q_SIZE, FAKE_RING_SIZE, 2);
	put(f, VIRTIO_PCI_COMMON_Q_DESCLO, descriptors, 8);
	put(f, VIRTIO_PCI_COMMON_Q_AVAILLO, ring_address(f, f->guest.avail), 8);
	put(f, VIRTIO_PCI_COMMON_Q_USEDLO, ring_address(f, f->guest.used), 8);
	put(f, VIRTIO_PCI_COMMON_Q_ENABLE, 1, 2);
	put(f, VIRTIO_PCI_COMMON_STATUS, 15, 1);
}

static void start(struct fixture *f)
{
	greet(f);
	assert_int_equal(map(f, FAKE_RAM_ADDR, FAKE_RAM_SIZE, 0, BOTH, 1), 0);
	assert_int_equal(
		set_irqs(f, VFIO_PCI_MSIX_IRQ_INDEX, 0, 3, TRIGGER | VFIO_IRQ_SET_DATA_EVENTFD, 3),
		0);
	assert_int_equal(write_region(f, CONFIG, PCI_COMMAND, PCI_COMMAND_MASTER, 2), 0);
	start_driver(f, ring_address(f, f->guest.desc));
}

static void kick(struct fixture *f)
{
	put(f, SL_VIRTIO_PCI_NOTIFY, SL_VGPU_QUEUE_CONTROL, 2);
}

static bool was_called(struct fixture *f)
{
	uint64_t count;

	return read(f->call, &count, sizeof(count)) == sizeof(count);
}

/* Put a command and room for its answer into the ring, without a kick. */
static void offer(struct fixture *f, const void *command, uint32_t size)
{
	memcpy(fake_guest_at(&f->guest, COMMAND), command, size);
	f->guest.desc[0] = (struct vring_desc){ COMMAND, size, VRING_DESC_F_NEXT, 1 };
	f->guest.desc[1] = (struct vring_desc){ FAKE_ANSWER_ADDR, 2048, VRING_DESC_F_WRITE, 0 };
	memset(fake_guest_at(&f->guest, FAKE_ANSWER_ADDR), 0, 24);
	fake_guest_offer(&f->guest, 0);
}

static void offer_info(struct fixture *f)
{
	const struct virtio_gpu_ctrl_hdr header = { .type = VIRTIO_GPU_CMD_GET_DISPLAY_INFO };

	offer(f, &header, sizeof(header));
}

static uint32_t answer(struct fixture *f)
{
	uint32_t type;

	memcpy(&type, fake_guest_at(&f->guest, FAKE_ANSWER_ADDR), sizeof(type));
	return type;
}

static bool runs(struct fixture *f)
{
	offer_info(f);
	kick(f);
	return answer(f) == VIRTIO_GPU_RESP_OK_DISPLAY_INFO;
}

static void test_commands_run(void **state)
{
	struct fixture f;

	init(&f);
	start(&f);
	assert_true(runs(&f));
	assert_true(was_called(&f));
	assert_true(runs(&f));
	put(&f, VIRTIO_PCI_COMMON_STATUS, 0, 1);
	offer_info(&f);
	kick(&f);
	assert_int_equal(answer(&f), 0);
	finish(&f);
}

static void test_versions(void **state)
{
	struct fixture f;
	struct sl_vfio_user_version version = { .minor = 7 };

	init(&f);
	assert_int_equal(ask(&f, SL_VFIO_USER_VERSION, &version, 4), 0);
	assert_int_equal(f.payload.version.minor, SL_VFIO_USER_MINOR);
	const char *end = (const char *)&f.payload + f.header.size - sizeof(f.header) - 1;
	assert_int_equal(*end, '\0');
	assert_non_null(strstr(f.payload.version.text, "\"max_msg_fds\":8"));
	finish(&f);
}

static void expect_end(uint16_t command, uint32_t flags, const void *payload, uint32_t size,
		       bool greeted)
{
	struct fixture f;

	init(&f);
	if (greeted) {
		greet(&f);
	}
	send_bytes(&f, command, flags, payload, size, NULL, 0);
	assert_true(f.ended);
	assert_int_equal(f.end_result, -EBADMSG);
	assert_false(receive(&f));
	finish(&f);
}

static void test_connections_end(void **state)
{
	const struct sl_vfio_user_version other = { .major = 1 };
	const struct sl_vfio_user_version open_text = { .text = "{}" };
	const struct sl_vfio_user_device_info info = { 0 };

	expect_end(SL_VFIO_USER_VERSION, 0, &other, 4, false);
	expect_end(SL_VFIO_USER_VERSION, 0, &open_text, 6, false);
	expect_end(SL_VFIO_USER_VERSION, 0, &open_text, 4, true);
	expect_end(SL_VFIO_USER_VERSION, SL_VFIO_USER_REPLY, &open_text, 4, false);
	expect_end(SL_VFIO_USER_DEVICE_GET_INFO, 0, &info, sizeof(info), false);
	expect_end(SL_VFIO_USER_DEVICE_GET_INFO, 2, &info, sizeof(info), true);
}

static void test_sizes_that_cannot_be(void **state)
{
	const uint32_t sizes[] = { 0, 15, sizeof(union sl_vfio_user_payload) + 17, UINT32_MAX };

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct sl_vfio_user_header header = { .command = SL_VFIO_USER_VERSION,
						      .size = sizes[i] };
		struct fixture f;

		init(&f);
		assert_int_equal(send(f.fd, &header, sizeof(header), 0), sizeof(header));
		run(&f);
		assert_true(f.ended);
		finish(&f);
	}
}

static void test_messages_may_come_in_pieces(void **state)
{
	struct {
		struct sl_vfio_user_header header;
		struct sl_vfio_user_version version;
	} message = { .header = { .command = SL_VFIO_USER_VERSION, .size = 20 } };
	struct fixture f;

	init(&f);
	for (size_t i = 0; i < 20; i++) {
		assert_false(receive(&f));
		assert_int_equal(send(f.fd, (uint8_t *)&message + i, 1, 0), 1);
		run(&f);
	}
	assert_true(receive(&f));
	finish(&f);
}

static void test_short_and_unknown_messages_are_refused(void **state)
{
	const uint8_t zeros[64] = { 0 };
	const struct {
		uint16_t command;
		uint32_t size;
	} short_ones[] = {
		{ SL_VFIO_USER_DMA_MAP, 31 },
		{ SL_VFIO_USER_DMA_UNMAP, 23 },
		{ SL_VFIO_USER_DEVICE_GET_INFO, 15 },
		{ SL_VFIO_USER_DEVICE_GET_REGION_INFO, 31 },
		{ SL_VFIO_USER_DEVICE_GET_IRQ_INFO, 0 },
		{ SL_VFIO_USER_DEVICE_SET_IRQS, 19 },
		{ SL_VFIO_USER_REGION_READ, 15 },
		{ SL_VFIO_USER_REGION_WRITE, 8 },
	};
	struct fixture f;

	init(&f);
	greet(&f);
	for (size_t i = 0; i < sizeof(short_ones) / sizeof(short_ones[0]); i++) {
		assert_int_equal(ask(&f, short_ones[i].command, zeros, short_ones[i].size),
				 -EINVAL);
	}
	assert_int_equal(ask(&f, 6, zeros, 16), -ENOTSUP);
	assert_int_equal(ask(&f, 11, zeros, 16), -ENOTSUP);
	assert_int_equal(ask(&f, UINT16_MAX, NULL, 0), -ENOTSUP);
	/* Who wants no answer gets none, not even of failure. */
	send_bytes(&f, UINT16_MAX, SL_VFIO_USER_NO_REPLY, NULL, 0, NULL, 0);
	assert_false(receive(&f));
	assert_int_equal(ask(&f, SL_VFIO_USER_DEVICE_GET_INFO, zeros, 16), 0);
	assert_int_equal(f.payload.device_info.flags,
			 VFIO_DEVICE_FLAGS_RESET | VFIO_DEVICE_FLAGS_PCI);
	assert_false(f.ended);
	finish(&f);
}

static int get_region(struct fixture *f, uint32_t index, uint32_t room)
{
	const struct sl_vfio_user_region_info info = { .argsz = room, .index = index };

	return ask(f, SL_VFIO_USER_DEVICE_GET_REGION_INFO, &info, sizeof(info));
}

static void test_regions(void **state)
{
	const struct sl_vfio_user_region_info *info;
	struct fixture f;
	struct stat st;

	init(&f);
	greet(&f);
	info = &f.payload.region.info;
	assert_int_equal(get_region(&f, REGISTERS, 32), 0);
	assert_int_equal(info->size, SL_VIRTIO_PCI_SIZE);
	assert_int_equal(info->flags & VFIO_REGION_INFO_FLAG_MMAP, 0);
	assert_int_equal(f.answer_fd, -1);
	assert_int_equal(get_region(&f, CONFIG, 32), 0);
	assert_int_equal(info->size, SL_PCI_CONFIG_SIZE);
	assert_int_equal(get_region(&f, VFIO_PCI_ROM_REGION_INDEX, 32), 0);
	assert_int_equal(info->size + info->flags, 0);
	assert_int_equal(get_region(&f, VFIO_PCI_NUM_REGIONS, 32), -EINVAL);
	assert_int_equal(get_region(&f, UINT32_MAX, 32), -EINVAL);

	/* The first question has room for the fixed part only. */
	assert_int_equal(get_region(&f, SL_VIRTIO_PCI_BAR_WINDOW, 32), 0);
	assert_int_equal(f.header.size, sizeof(f.header) + 32);
	assert_true(info->argsz == 64 && info->cap_offset == 32 && info->size == WINDOW_SIZE);
	assert_int_equal(get_region(&f, SL_VIRTIO_PCI_BAR_WINDOW, 64), 0);
	assert_int_equal(f.header.size, sizeof(f.header) + 64);
	assert_int_equal(f.payload.region.sparse.id, VFIO_REGION_INFO_CAP_SPARSE_MMAP);
	assert_int_equal(f.payload.region.sparse.area_size, WINDOW_SIZE);
	assert_true(f.answer_fd >= 0 && fstat(f.answer_fd, &st) == 0 && st.st_size == WINDOW_SIZE);
	/* Nobody can make it shorter under those who map it. */
	assert_true(ftruncate(f.answer_fd, 4096) < 0);

	/* The window is the same whether mapped or not. */
	uint32_t *at = mmap(NULL, WINDOW_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, f.answer_fd, 0);
	assert_true(at != MAP_FAILED);
	assert_int_equal(write_region(&f, SL_VIRTIO_PCI_BAR_WINDOW, WINDOW_SIZE - 4, 0x1234, 4), 0);
	assert_int_equal(at[WINDOW_SIZE / 4 - 1], 0x1234);
	assert_int_equal(read_region(&f, SL_VIRTIO_PCI_BAR_WINDOW, WINDOW_SIZE - 4, 4), 0x1234);
	assert_int_equal(write_region(&f, SL_VIRTIO_PCI_BAR_WINDOW, WINDOW_SIZE - 3, 0, 4),
			 -EINVAL);
	assert_int_equal(write_region(&f, SL_VIRTIO_PCI_BAR_WINDOW, UINT64_MAX, 0, 4), -EINVAL);
	munmap(at, WINDOW_SIZE);
	finish(&f);
}

static void test_no_window(void **state)
{
	struct fixture f;

	init_window(&f, 0);
	start(&f);
	assert_int_equal(get_region(&f, SL_VIRTIO_PCI_BAR_WINDOW, 64), 0);
	assert_int_equal(f.payload.region.info.size + f.payload.region.info.flags, 0);
	assert_int_equal(f.answer_fd, -1);
	assert_int_equal(write_region(&f, SL_VIRTIO_PCI_BAR_WINDOW, 0, 0, 4), -EINVAL);
	const struct virtio_gpu_resource_create_blob blob = {
		.hdr.type = VIRTIO_GPU_CMD_RESOURCE_CREATE_BLOB,
		.resource_id = 1,
		.blob_mem = VIRTIO_GPU_BLOB_MEM_HOST3D,
		.blob_flags = VIRTIO_GPU_BLOB_FLAG_USE_MAPPABLE,
		.size = 4096,
	};
	offer(&f, &blob, sizeof(blob));
	kick(&f);
	assert_int_equal(answer(&f), VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER);
	finish(&f);
}

static void test_accesses_have_a_size(void **state)
{
	struct fixture f;
	struct sl_vfio_user_access access = { 0, CONFIG, SL_VFIO_USER_MAX_DATA + 1 };

	init(&f);
	greet(&f);
	assert_int_equal(ask(&f, SL_VFIO_USER_REGION_READ, &access, sizeof(access)), -EINVAL);
	access.count = UINT32_MAX;
	assert_int_equal(ask(&f, SL_VFIO_USER_REGION_READ, &access, sizeof(access)), -EINVAL);
	assert_int_equal(ask(&f, SL_VFIO_USER_REGION_WRITE, &access, sizeof(access)), -EINVAL);
	access.count = 0;
	assert_int_equal(ask(&f, SL_VFIO_USER_REGION_READ, &access, sizeof(access)), -EINVAL);
	access.count = 4; /* and no data */
	assert_int_equal(ask(&f, SL_VFIO_USER_REGION_WRITE, &access, sizeof(access)), -EINVAL);
	access.region = VFIO_PCI_NUM_REGIONS;
	assert_int_equal(ask(&f, SL_VFIO_USER_REGION_READ, &access, sizeof(access)), -EINVAL);
	assert_int_equal(read_region(&f, CONFIG, 0, 4), 0x10501af4);
	finish(&f);
}

static void test_interrupts(void **state)
{
	const uint32_t msix = VFIO_PCI_MSIX_IRQ_INDEX;
	const uint32_t eventfds = TRIGGER | VFIO_IRQ_SET_DATA_EVENTFD;
	struct sl_vfio_user_irq_info info = { .index = msix };
	struct fixture f;

	init(&f);
	start(&f);
	assert_int_equal(ask(&f, SL_VFIO_USER_DEVICE_GET_IRQ_INFO, &info, sizeof(info)), 0);
	assert_int_equal(f.payload.irq_info.count, SL_VIRTIO_PCI_VECTOR_COUNT);
	(void)was_called(&f); /* a ring that starts may have answers */
	info.index = VFIO_PCI_ERR_IRQ_INDEX;
	assert_int_equal(ask(&f, SL_VFIO_USER_DEVICE_GET_IRQ_INFO, &info, sizeof(info)), -EINVAL);

	assert_int_equal(set_irqs(&f, msix, 0, 4, eventfds, 4), -EINVAL);
	assert_int_equal(set_irqs(&f, msix, UINT32_MAX, 2, eventfds, 2), -EINVAL);
	assert_int_equal(set_irqs(&f, msix, 1, UINT32_MAX, TRIGGER, 0), -EINVAL);
	assert_int_equal(set_irqs(&f, msix, 0, 2, eventfds, 1), -EINVAL);
	assert_int_equal(set_irqs(&f, 99, 0, 0, TRIGGER | VFIO_IRQ_SET_DATA_NONE, 0), -EINVAL);
	assert_int_equal(set_irqs(&f, msix, 0, 1, VFIO_IRQ_SET_ACTION_MASK, 0), -EINVAL);
	assert_int_equal(set_irqs(&f, msix, 0, 1, eventfds | VFIO_IRQ_SET_DATA_BOOL, 1), -EINVAL);
	assert_int_equal(set_irqs(&f, msix, 0, 1, TRIGGER | VFIO_IRQ_SET_DATA_BOOL, 0), -EINVAL);
	assert_false(was_called(&f));
	assert_int_equal(set_irqs(&f, msix, 2, 1, TRIGGER | VFIO_IRQ_SET_DATA_NONE, 0), 0);
	assert_true(was_called(&f));

	/* What could not be delivered is pending, and comes when there is a way. */
	assert_int_equal(set_irqs(&f, msix, 1, 1, eventfds, 0), 0);
	assert_true(runs(&f));
	assert_false(was_called(&f));
	assert_int_equal(read_region(&f, SL_VIRTIO_PCI_BAR_MSIX, SL_VIRTIO_PCI_MSIX_PENDING, 8),
			 1 << 1);
	assert_int_equal(set_irqs(&f, msix, 1, 1, eventfds, 1), 0);
	assert_true(was_called(&f));
	assert_int_equal(read_region(&f, SL_VIRTIO_PCI_BAR_MSIX, SL_VIRTIO_PCI_MSIX_PENDING, 8), 0);
	assert_int_equal(set_irqs(&f, msix, 0, 0, TRIGGER | VFIO_IRQ_SET_DATA_NONE, 0), 0);
	assert_true(runs(&f));
	assert_false(was_called(&f));
	finish(&f);
}

static void test_memory_is_checked(void **state)
{
	struct fixture f;
	const uint64_t size = FAKE_RAM_SIZE;

	init(&f);
	greet(&f);
	assert_int_equal(map(&f, 0x1000, 0, 0, BOTH, 1), -EINVAL);
	assert_int_equal(map(&f, UINT64_MAX - 4095, 8192, 0, BOTH, 1), -EINVAL);
	assert_int_equal(map(&f, 0x1000, size + 4096, 0, BOTH, 1), -EINVAL);
	assert_int_equal(map(&f, 0x1000, 4096, UINT64_MAX - 4095, BOTH, 1), -EINVAL);
	assert_int_equal(map(&f, 0x1000, 4096, 0, BOTH, 2), -EINVAL);
	assert_int_equal(map(&f, WINDOW_ADDR + 4096, 4096, 0, BOTH, 1), -EEXIST);
	assert_int_equal(map(&f, FAKE_RAM_ADDR, size, 0, BOTH, 1), 0);
	assert_int_equal(map(&f, FAKE_RAM_ADDR, size, 0, BOTH, 1), -EEXIST);
	assert_int_equal(map(&f, FAKE_RAM_ADDR + size - 4096, 8192, 0, BOTH, 1), -EEXIST);
	assert_int_equal(map(&f, FAKE_RAM_ADDR + 4096, 4096, 0, 0, 0), -EEXIST);
	/* ROM, and memory of other devices. */
	assert_int_equal(map(&f, 0x1000, 4096, 0, SL_VFIO_USER_DMA_READ, 1), 0);
	assert_int_equal(map(&f, 0x1800, 4096, 0, BOTH, 0), -EEXIST);
	assert_int_equal(map(&f, 0x2000, 4096, 0, BOTH, 0), 0);
	const struct sl_guest_ram *ram = sl_vfio_user_get_ram(f.vfio);
	assert_false(sl_guest_ram_contains(ram, 0x1000, 1));
	assert_false(sl_guest_ram_contains(ram, 0x2000, 1));
	assert_true(sl_guest_ram_contains(ram, FAKE_RAM_ADDR, size));

	assert_int_equal(unmap(&f, FAKE_RAM_ADDR, size - 4096, 0), -ENOENT);
	assert_int_equal(unmap(&f, FAKE_RAM_ADDR + 4096, size - 4096, 0), -ENOENT);
	assert_int_equal(unmap(&f, WINDOW_ADDR, WINDOW_SIZE, 0), -ENOENT);
	assert_int_equal(unmap(&f, 0x2000, 4096, 0), 0);
	assert_int_equal(unmap(&f, 0x2000, 4096, 0), -ENOENT);
	assert_int_equal(unmap(&f, FAKE_RAM_ADDR, size, 0), 0);
	assert_int_equal(f.payload.dma_unmap.size, size);
	assert_false(sl_guest_ram_contains(ram, FAKE_RAM_ADDR, 1));
	for (uint64_t i = 0; i < 255; i++) {
		assert_int_equal(map(&f, (i + 16) << 20, 4096, 0, BOTH, 0), 0);
	}
	assert_int_equal(map(&f, 400 << 20, 4096, 0, BOTH, 0), -ENOSPC);
	assert_int_equal(unmap(&f, 0, 0, SL_VFIO_USER_DMA_UNMAP_ALL), 0);
	assert_true(sl_guest_ram_contains(ram, WINDOW_ADDR, WINDOW_SIZE));
	assert_int_equal(map(&f, 0x1000, 4096, 0, BOTH, 1), 0);
	finish(&f);
}

/* A monitor that moves memory takes it away first. */
static void test_rings_follow_their_memory(void **state)
{
	struct fixture f;

	init(&f);
	start(&f);
	assert_true(runs(&f));
	offer_info(&f);
	assert_int_equal(unmap(&f, FAKE_RAM_ADDR, FAKE_RAM_SIZE, 0), 0);
	kick(&f);
	assert_int_equal(answer(&f), 0);
	assert_int_equal(map(&f, FAKE_RAM_ADDR, FAKE_RAM_SIZE, 0, BOTH, 1), 0);
	assert_int_equal(answer(&f), VIRTIO_GPU_RESP_OK_DISPLAY_INFO);
	assert_true(runs(&f));
	finish(&f);
}

static void test_rings_must_be_memory(void **state)
{
	const uint64_t bad[] = {
		0,
		FAKE_RAM_ADDR + FAKE_RAM_SIZE - 16,
		FAKE_RAM_ADDR + FAKE_RAM_SIZE,
		FAKE_RAM_ADDR + 8,
		UINT64_MAX - 15,
	};
	struct fixture f;

	init(&f);
	start(&f);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		(void)was_called(&f);
		start_driver(&f, bad[i]);
		assert_true((read_region(&f, REGISTERS, VIRTIO_PCI_COMMON_STATUS, 1) &
			     VIRTIO_CONFIG_S_NEEDS_RESET) != 0);
		assert_true(was_called(&f));
		kick(&f);
	}
	start_driver(&f, ring_address(&f, f.guest.desc));
	f.guest.avail->idx = 0;
	f.guest.used->idx = 0;
	assert_true(runs(&f));
	/* A ring of nonsense stops, and says so. */
	f.guest.avail->idx += 100;
	kick(&f);
	assert_true((read_region(&f, REGISTERS, VIRTIO_PCI_COMMON_STATUS, 1) &
		     VIRTIO_CONFIG_S_NEEDS_RESET) != 0);
	f.guest.avail->idx = 0;
	f.guest.used->idx = 0;
	start_driver(&f, ring_address(&f, f.guest.desc));
	assert_true(runs(&f));
	finish(&f);
}

static void test_only_a_bus_master_uses_memory(void **state)
{
	struct fixture f;

	init(&f);
	start(&f);
	assert_int_equal(write_region(&f, CONFIG, PCI_COMMAND, 0, 2), 0);
	offer_info(&f);
	kick(&f);
	assert_int_equal(answer(&f), 0);
	assert_int_equal(write_region(&f, CONFIG, PCI_COMMAND, PCI_COMMAND_MASTER, 2), 0);
	assert_int_equal(answer(&f), VIRTIO_GPU_RESP_OK_DISPLAY_INFO);
	finish(&f);
}

static void test_device_reset(void **state)
{
	const struct virtio_gpu_resource_create_2d create = {
		.hdr.type = VIRTIO_GPU_CMD_RESOURCE_CREATE_2D,
		.resource_id = 5,
		.format = VIRTIO_GPU_FORMAT_B8G8R8A8_UNORM,
		.width = 16,
		.height = 16,
	};
	struct sl_vgpu_usage usage;
	struct fixture f;

	init(&f);
	start(&f);
	offer(&f, &create, sizeof(create));
	kick(&f);
	assert_int_equal(answer(&f), VIRTIO_GPU_RESP_OK_NODATA);
	assert_int_equal(ask(&f, SL_VFIO_USER_DEVICE_RESET, NULL, 0), 0);
	sl_vgpu_get_usage(sl_vfio_user_get_device(f.vfio), &usage);
	assert_int_equal(usage.resources, 0);
	assert_int_equal(read_region(&f, CONFIG, PCI_COMMAND, 2), 0);
	assert_int_equal(read_region(&f, REGISTERS, VIRTIO_PCI_COMMON_STATUS, 1), 0);
	f.guest.avail->idx = 0;
	f.guest.used->idx = 0;
	assert_int_equal(write_region(&f, CONFIG, PCI_COMMAND, PCI_COMMAND_MASTER, 2), 0);
	start_driver(&f, ring_address(&f, f.guest.desc));
	assert_true(runs(&f));
	finish(&f);
}

static int count_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int count = 0;

	while (readdir(dir) != NULL) {
		count++;
	}
	closedir(dir);
	return count;
}

static void test_no_descriptor_stays_open(void **state)
{
	const int before = count_fds();
	struct fixture f;

	init(&f);
	start(&f);
	const int started = count_fds();
	const int fds[8] = { f.call, f.call, f.call, f.call, f.call, f.call, f.call, f.call };
	const struct sl_vfio_user_access access = { 0, CONFIG, 4 };
	for (int i = 0; i < 4; i++) {
		assert_int_equal(
			ask_fds(&f, SL_VFIO_USER_REGION_READ, &access, sizeof(access), fds, 8), 0);
		assert_int_equal(set_irqs(&f, VFIO_PCI_MSIX_IRQ_INDEX, 0, 3,
					  TRIGGER | VFIO_IRQ_SET_DATA_EVENTFD, 3),
				 0);
		assert_int_equal(map(&f, FAKE_RAM_ADDR, 4096, 0, BOTH, 1), -EEXIST);
	}
	assert_int_equal(count_fds(), started);
	close(f.fd);
	f.fd = -1;
	run(&f);
	assert_true(f.ended && f.end_result == 0);
	finish(&f);
	assert_int_equal(count_fds(), before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_commands_run),
		cmocka_unit_test(test_versions),
		cmocka_unit_test(test_connections_end),
		cmocka_unit_test(test_sizes_that_cannot_be),
		cmocka_unit_test(test_messages_may_come_in_pieces),
		cmocka_unit_test(test_short_and_unknown_messages_are_refused),
		cmocka_unit_test(test_regions),
		cmocka_unit_test(test_no_window),
		cmocka_unit_test(test_accesses_have_a_size),
		cmocka_unit_test(test_interrupts),
		cmocka_unit_test(test_memory_is_checked),
		cmocka_unit_test(test_rings_follow_their_memory),
		cmocka_unit_test(test_rings_must_be_memory),
		cmocka_unit_test(test_only_a_bus_master_uses_memory),
		cmocka_unit_test(test_device_reset),
		cmocka_unit_test(test_no_descriptor_stays_open),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
