/* SPDX-License-Identifier: MIT */
/* A virtual machine without one: QEMU, a guest's kernel and three of its users, one after the
 * other, to a sluice-vgpu at the other end of a socket:
 *
 *	machine SOCKET-FD [vfio-user]
 *
 * QEMU speaks vfio-user, or else vhost-user. Each user shows a picture, has a program with a
 * renderer, and a texture. Over vfio-user nothing is looked at of what is shown, the program shares
 * blobs, and one of them is in the device's window. The first user stays to the end and is looked
 * at then; the second ends before the third comes. Every command is answered within ANSWER_MS, or
 * the program fails with status 1. It prints a line "USER PART: WHAT" for each part that did not
 * work, one with what the device offers, and "shared" if it shared a picture; then "ended" if the
 * device hung up. */
#include "tests/integration/machine.h"

#include "host/base/clock.h"
#include "protocol/limits.h"
#include "protocol/ring.h"
#include "protocol/sync_page.h"
#include "protocol/virtio.h"
#include "protocol/wire.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#define OK VIRTIO_GPU_RESP_OK_NODATA

/* Where each user's memory is, and what of it. */
#define USER_ADDR	(FAKE_RAM_ADDR + 0x100000)
#define USER_SIZE	0x180000u
#define RING_AT		0u
#define RING_BYTES	(SL_RING_MIN_SIZE + 4096u)
#define REPLY_AT	0x20000u
#define SYNC_AT		0x120000u
#define REGION_AT	0x130000u
#define REGION_BYTES	0x10000u
#define PICTURE_AT	0x140000u
#define TEXTURE_AT	0x150000u
#define SIDE		64u /* of pictures and textures, of 4 bytes a pixel */
#define PIXELS_BYTES	(SIDE * SIDE * 4)
#define LONG_SUBMISSION (40u << 10)

/* Gallium's numbers, which virgl has. */
#define FORMAT_BGRA   1u
#define TARGET_2D     2u
#define BIND_SAMPLED  8u
#define BIND_RENDERED 2u
#define MAX_CAPSETS   8u

enum part {
	PICTURE,
	PROGRAM,
	TEXTURE,
	PART_COUNT
};

static const char *const part_names[] = { "picture", "program", "texture" };

enum object {
	RING = 1,
	REPLY,
	SYNC,
	REGION,
	PICTURE_PIXELS,
	TEXTURE_PIXELS,
	OBJECT_COUNT
};

struct user {
	struct machine *machine;
	char name;
	uint32_t number; /* of its ids; those of who has gone are used again */
	uint32_t color;	 /* what it draws with */
	uint64_t addr;
	bool failed[PART_COUNT];
};

void machine_fail(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	puts("");
	exit(EXIT_FAILURE);
}

void machine_end(void)
{
	puts("ended");
	exit(EXIT_SUCCESS);
}

/* --- The guest's kernel --- */

static bool has_hung_up(const struct machine *machine)
{
	struct pollfd fd = { .fd = machine->fd, .events = POLLRDHUP };

	return poll(&fd, 1, 0) != 0;
}

static uint64_t now_ms(void)
{
	return sl_clock_now_ns() / 1000000;
}

/* Waits a moment for what the device does by itself. Returns false once that is late. */
static bool wait_a_moment(const struct machine *machine, uint64_t end_ms)
{
	usleep(1000);
	if (has_hung_up(machine)) {
		machine_end();
	}
	return now_ms() <= end_ms;
}

static void wait_for_answer(struct machine *machine, uint16_t index, uint32_t type)
{
	const uint64_t end_ms = now_ms() + ANSWER_MS;
	uint64_t count;

	while (__atomic_load_n(&machine->guest.used->idx, __ATOMIC_ACQUIRE) != index) {
		struct pollfd fds[] = { { .fd = machine->call, .events = POLLIN },
					{ .fd = machine->fd, .events = POLLRDHUP } };

		poll(fds, 2, 100);
		if (fds[1].revents != 0) {
			machine_end();
		}
		if (read(machine->call, &count, sizeof(count)) < 0 && now_ms() > end_ms) {
			machine_fail("command 0x%x is not answered", type);
		}
	}
}

static void kick(struct machine *machine)
{
	const uint64_t one = 1;

	if (machine->has_vfio_user) {
		machine_kick_vfio_user(machine);
	} else if (write(machine->kick, &one, sizeof(one)) < 0) {
		machine_fail("no kick: %s", strerror(errno));
	}
}

/* Returns the answer's type; the rest of it is at FAKE_ANSWER_ADDR. tail: what follows. */
static uint32_t command(struct machine *machine, const void *cmd, size_t size, const void *tail,
			size_t tail_size)
{
	struct fake_guest *guest = &machine->guest;
	struct virtio_gpu_ctrl_hdr header;

	memcpy(&header, cmd, sizeof(header));
	memcpy(fake_guest_at(guest, FAKE_COMMAND_ADDR), cmd, size);
	if (tail_size > 0) {
		memcpy(fake_guest_at(guest, FAKE_COMMAND_ADDR + size), tail, tail_size);
	}
	guest->desc[0] = (struct vring_desc){ FAKE_COMMAND_ADDR, (uint32_t)(size + tail_size),
					      VRING_DESC_F_NEXT, 1 };
	guest->desc[1] = (struct vring_desc){ FAKE_ANSWER_ADDR, 4096, VRING_DESC_F_WRITE, 0 };
	__atomic_thread_fence(__ATOMIC_RELEASE);
	fake_guest_offer(guest, 0);
	kick(machine);
	wait_for_answer(machine, guest->avail->idx, header.type);
	memcpy(&header, fake_guest_at(guest, FAKE_ANSWER_ADDR), sizeof(header));
	return header.type;
}

/* --- A user --- */

static void complain(struct user *user, enum part part, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static void complain(struct user *user, enum part part, const char *format, ...)
{
	va_list args;

	user->failed[part] = true;
	va_start(args, format);
	printf("%c %s: ", user->name, part_names[part]);
	vprintf(format, args);
	va_end(args);
	puts("");
}

/* What comes after something that failed is done all the same, and may fail. */
static void step(struct user *user, enum part part, const void *cmd, size_t size, const void *tail,
		 size_t tail_size)
{
	const struct virtio_gpu_ctrl_hdr *header = cmd;
	uint32_t response = command(user->machine, cmd, size, tail, tail_size);

	if (response != OK && !user->failed[part]) {
		complain(user, part, "command 0x%x is answered with 0x%x", header->type, response);
	}
}

#define STEP(user, part, ...) step(user, part, &(__VA_ARGS__), sizeof(__VA_ARGS__), NULL, 0)

static uint32_t resource(const struct user *user, enum object object)
{
	return user->number * OBJECT_COUNT + object;
}

static uint32_t context(const struct user *user, enum part part)
{
	return user->number * PART_COUNT + part;
}

static void *at(const struct user *user, uint32_t offset)
{
	return fake_guest_at(&user->machine->guest, user->addr + offset);
}

static void give_pages(struct user *user, enum part part, enum object object, uint32_t offset,
		       uint32_t size)
{
	/* Scattered, as a guest's are. */
	const struct virtio_gpu_mem_entry entries[] = {
		{ .addr = user->addr + offset, .length = 4096 },
		{ .addr = user->addr + offset + 4096, .length = size - 4096 },
	};
	const struct virtio_gpu_resource_attach_backing cmd = {
		.hdr.type = VIRTIO_GPU_CMD_RESOURCE_ATTACH_BACKING,
		.resource_id = resource(user, object),
		.nr_entries = 2,
	};

	step(user, part, &cmd, sizeof(cmd), entries, sizeof(entries));
}

static void create_3d(struct user *user, enum part part, enum object object, uint32_t width,
		      uint32_t height, uint32_t flags)
{
	STEP(user, part,
	     (const struct virtio_gpu_resource_create_3d){
		     .hdr.type = VIRTIO_GPU_CMD_RESOURCE_CREATE_3D,
		     .resource_id = resource(user, object),
		     .target = flags != 0 ? 0 : TARGET_2D,
		     .format = flags != 0 ? 64 : FORMAT_BGRA,
		     .bind = flags != 0 ? 0 : BIND_SAMPLED | BIND_RENDERED,
		     .width = width,
		     .height = height,
		     .depth = 1,
		     .array_size = 1,
		     .flags = flags,
	     });
}

static void attach(struct user *user, enum part part, enum object object, uint32_t type)
{
	STEP(user, part,
	     (const struct virtio_gpu_ctx_resource){
		     .hdr = { .type = type, .ctx_id = context(user, part) },
		     .resource_id = resource(user, object),
	     });
}

static void unref(struct user *user, enum part part, enum object object)
{
	STEP(user, part,
	     (const struct virtio_gpu_resource_unref){
		     .hdr.type = VIRTIO_GPU_CMD_RESOURCE_UNREF,
		     .resource_id = resource(user, object),
	     });
}

static void create_context(struct user *user, enum part part)
{
	STEP(user, part,
	     (const struct virtio_gpu_ctx_create){
		     .hdr = { .type = VIRTIO_GPU_CMD_CTX_CREATE, .ctx_id = context(user, part) },
		     .nlen = 7,
		     .context_init = !user->machine->has_vfio_user ? 0
				     : part == PROGRAM		   ? SL_VIRTIO_CAPSET_ID
								   : VIRTIO_GPU_CAPSET_VIRGL,
		     .debug_name = "machine",
	     });
}

static void destroy_context(struct user *user, enum part part)
{
	STEP(user, part,
	     (const struct virtio_gpu_ctx_destroy){
		     .hdr = { .type = VIRTIO_GPU_CMD_CTX_DESTROY, .ctx_id = context(user, part) },
	     });
}

static void fill(struct user *user, uint32_t offset, uint32_t pixel)
{
	uint32_t *pixels = at(user, offset);

	for (uint32_t i = 0; i < SIDE * SIDE; i++) {
		pixels[i] = pixel;
	}
}

static bool is_shown(const struct machine *machine, uint32_t pixel, uint64_t updates)
{
	return machine->has_vfio_user || (atomic_load(&machine->shown) & 0xffffff) == pixel ||
	       atomic_load(&machine->shared_updates) > updates;
}

/* Have QEMU show what is of this color. What it shares it need not look at. */
static void show(struct user *user, enum part part, enum object object, uint32_t pixel)
{
	const struct virtio_gpu_rect all = { .width = SIDE, .height = SIDE };
	const uint64_t updates = atomic_load(&user->machine->shared_updates);

	STEP(user, part,
	     (const struct virtio_gpu_set_scanout){
		     .hdr.type = VIRTIO_GPU_CMD_SET_SCANOUT,
		     .r = all,
		     .resource_id = resource(user, object),
	     });
	STEP(user, part,
	     (const struct virtio_gpu_resource_flush){
		     .hdr.type = VIRTIO_GPU_CMD_RESOURCE_FLUSH,
		     .r = all,
		     .resource_id = resource(user, object),
	     });
	const uint64_t end_ms = now_ms() + ANSWER_MS;

	while (!user->failed[part] && !is_shown(user->machine, pixel, updates)) {
		if (!wait_a_moment(user->machine, end_ms)) {
			complain(user, part, "is not shown");
		}
	}
}

/* --- A picture --- */

static void draw_picture(struct user *user, uint32_t pixel)
{
	fill(user, PICTURE_AT, pixel);
	STEP(user, PICTURE,
	     (const struct virtio_gpu_transfer_to_host_2d){
		     .hdr.type = VIRTIO_GPU_CMD_TRANSFER_TO_HOST_2D,
		     .r = { .width = SIDE, .height = SIDE },
		     .resource_id = resource(user, PICTURE_PIXELS),
	     });
	show(user, PICTURE, PICTURE_PIXELS, pixel);
}

static void make_picture(struct user *user)
{
	STEP(user, PICTURE,
	     (const struct virtio_gpu_resource_create_2d){
		     .hdr.type = VIRTIO_GPU_CMD_RESOURCE_CREATE_2D,
		     .resource_id = resource(user, PICTURE_PIXELS),
		     .format = VIRTIO_GPU_FORMAT_B8G8R8X8_UNORM,
		     .width = SIDE,
		     .height = SIDE,
	     });
	give_pages(user, PICTURE, PICTURE_PIXELS, PICTURE_AT, PIXELS_BYTES);
	draw_picture(user, 0x100000u + user->color);
}

static void destroy_picture(struct user *user)
{
	unref(user, PICTURE, PICTURE_PIXELS);
}

/* --- A program with a renderer --- */

static void submit(struct user *user, const struct sl_virtio_submit *submission, const void *packet,
		   bool is_fenced)
{
	struct {
		struct virtio_gpu_cmd_submit cmd;
		struct sl_virtio_submit submission;
	} message = {
		.cmd = { .hdr = { .type = VIRTIO_GPU_CMD_SUBMIT_3D,
				  .flags = is_fenced ? VIRTIO_GPU_FLAG_FENCE : 0,
				  .fence_id = ++user->machine->fence_id,
				  .ctx_id = context(user, PROGRAM) },
			 .size = (uint32_t)sizeof(*submission) + submission->packet_size },
		.submission = *submission,
	};

	step(user, PROGRAM, &message, sizeof(message), packet, submission->packet_size);
}

static void send_hello(struct user *user)
{
	struct sl_packet_hello hello = {
		.ring_size = SL_RING_MIN_SIZE,
		.reply_size = SL_REPLY_AREA_SIZE,
		.sync_size = SL_SYNC_PAGE_SIZE,
		.pid = user->number,
		.program = "machine",
	};
	const struct sl_virtio_greeting *greeting = at(user, REPLY_AT);
	struct sl_packet_header answer;

	sl_handshake_init_header(&hello.header, SL_PACKET_HELLO, sizeof(hello));
	submit(user,
	       &(const struct sl_virtio_submit){
		       .magic = SL_VIRTIO_MAGIC,
		       .op = SL_VIRTIO_HELLO,
		       .resource_ids = { resource(user, RING), resource(user, REPLY),
					 resource(user, SYNC) },
		       .packet_size = sizeof(hello),
	       },
	       &hello, true);
	memcpy(&answer, greeting + 1, sizeof(answer));
	if (!user->failed[PROGRAM] &&
	    (atomic_load(&greeting->size) == 0 || answer.type != SL_PACKET_WELCOME)) {
		complain(user, PROGRAM, "the answer to its hello is %u",
			 atomic_load(&greeting->size) == 0 ? 0 : answer.type);
	}
}

static void send_region(struct user *user, enum sl_packet_type type)
{
	struct sl_packet_region packet = {
		.region_id = SL_REGION_FIRST,
		.size = type == SL_PACKET_REGION ? REGION_BYTES : 0,
	};

	sl_handshake_init_header(&packet.header, (uint16_t)type, sizeof(packet));
	submit(user,
	       &(const struct sl_virtio_submit){
		       .magic = SL_VIRTIO_MAGIC,
		       .op = SL_VIRTIO_PACKET,
		       .resource_ids = { type == SL_PACKET_REGION ? resource(user, REGION) : 0 },
		       .packet_size = sizeof(packet),
	       },
	       &packet, false);
}

static uint64_t window_offset(const struct user *user)
{
	return user->number * REGION_BYTES;
}

static void map_blob(struct user *user, enum object object)
{
	const struct virtio_gpu_resource_map_blob cmd = {
		.hdr.type = VIRTIO_GPU_CMD_RESOURCE_MAP_BLOB,
		.resource_id = resource(user, object),
		.offset = window_offset(user),
	};
	uint32_t response = command(user->machine, &cmd, sizeof(cmd), NULL, 0);

	if (response != VIRTIO_GPU_RESP_OK_MAP_INFO && !user->failed[PROGRAM]) {
		complain(user, PROGRAM, "its blob is not mapped: 0x%x", response);
	}
}

/* The region is in the window, the rest in the guest's memory. */
static void create_blob(struct user *user, enum object object, uint32_t offset, uint32_t size)
{
	const bool is_host = object == REGION;
	const struct virtio_gpu_mem_entry entry = { .addr = user->addr + offset, .length = size };
	const struct virtio_gpu_resource_create_blob cmd = {
		.hdr = { .type = VIRTIO_GPU_CMD_RESOURCE_CREATE_BLOB,
			 .ctx_id = context(user, PROGRAM) },
		.resource_id = resource(user, object),
		.blob_mem = is_host ? VIRTIO_GPU_BLOB_MEM_HOST3D : VIRTIO_GPU_BLOB_MEM_GUEST,
		.blob_flags = VIRTIO_GPU_BLOB_FLAG_USE_MAPPABLE,
		.nr_entries = is_host ? 0 : 1,
		.size = size,
	};

	step(user, PROGRAM, &cmd, sizeof(cmd), &entry, is_host ? 0 : sizeof(entry));
	if (is_host) {
		map_blob(user, object);
	}
}

static void make_program(struct user *user)
{
	static const struct {
		enum object object;
		uint32_t offset;
		uint32_t size;
	} shared[] = {
		{ RING, RING_AT, RING_BYTES },
		{ REPLY, REPLY_AT, SL_REPLY_AREA_SIZE },
		{ SYNC, SYNC_AT, SL_SYNC_PAGE_SIZE },
		{ REGION, REGION_AT, REGION_BYTES },
	};

	create_context(user, PROGRAM);
	for (int i = 0; i < 4; i++) {
		if (user->machine->has_vfio_user) {
			create_blob(user, shared[i].object, shared[i].offset, shared[i].size);
		} else {
			create_3d(user, PROGRAM, shared[i].object, shared[i].size, 1,
				  SL_VIRTIO_RESOURCE_FLAG);
			give_pages(user, PROGRAM, shared[i].object, shared[i].offset,
				   shared[i].size);
		}
		attach(user, PROGRAM, shared[i].object, VIRTIO_GPU_CMD_CTX_ATTACH_RESOURCE);
	}
	send_hello(user);
	send_region(user, SL_PACKET_REGION);
}

/* It is there, and reads what the program writes: nonsense, which ends it. */
static void check_program(struct user *user)
{
	const struct sl_wire_header header = { .size = sizeof(header) };
	const struct sl_sync_page *sync = at(user, SYNC_AT);
	struct sl_ring ring;
	size_t written;

	if (user->failed[PROGRAM]) {
		return;
	}
	if (atomic_load(&sync->lost) != SL_LOST_NOT) {
		complain(user, PROGRAM, "is lost: %.300s", sync->lost_text);
		return;
	}
	sl_ring_init(&ring, at(user, RING_AT), SL_RING_MIN_SIZE);
	if (sl_ring_write(&ring, &header, sizeof(header), &written) < 0) {
		complain(user, PROGRAM, "its ring is broken");
	}
	sl_ring_publish(&ring);
	submit(user,
	       &(const struct sl_virtio_submit){ .magic = SL_VIRTIO_MAGIC,
						 .op = SL_VIRTIO_DOORBELL },
	       NULL, false);
	const uint64_t end_ms = now_ms() + ANSWER_MS;

	while (atomic_load(&sync->lost) == SL_LOST_NOT) {
		if (!wait_a_moment(user->machine, end_ms)) {
			complain(user, PROGRAM, "its renderer reads nothing");
			return;
		}
	}
	if (atomic_load(&sync->lost) != SL_LOST_PROTOCOL) {
		complain(user, PROGRAM, "is lost: %.300s", sync->lost_text);
	}
}

static void destroy_program(struct user *user)
{
	send_region(user, SL_PACKET_RELEASE);
	for (enum object object = RING; object <= REGION; object++) {
		attach(user, PROGRAM, object, VIRTIO_GPU_CMD_CTX_DETACH_RESOURCE);
	}
	destroy_context(user, PROGRAM);
	if (user->machine->has_vfio_user) {
		STEP(user, PROGRAM,
		     (const struct virtio_gpu_resource_unmap_blob){
			     .hdr.type = VIRTIO_GPU_CMD_RESOURCE_UNMAP_BLOB,
			     .resource_id = resource(user, REGION),
		     });
	}
	for (enum object object = RING; object <= REGION; object++) {
		unref(user, PROGRAM, object);
	}
}

/* --- A texture --- */

static void transfer(struct user *user, uint32_t type)
{
	STEP(user, TEXTURE,
	     (const struct virtio_gpu_transfer_host_3d){
		     .hdr = { .type = type,
			      .flags = VIRTIO_GPU_FLAG_FENCE,
			      .fence_id = ++user->machine->fence_id,
			      .ctx_id = context(user, TEXTURE) },
		     .box = { .w = SIDE, .h = SIDE, .d = 1 },
		     .resource_id = resource(user, TEXTURE_PIXELS),
		     .stride = SIDE * 4,
	     });
}

/* What was in the texture comes out of it. */
static void check_texture(struct user *user)
{
	const uint32_t *pixels = at(user, TEXTURE_AT);

	fill(user, TEXTURE_AT, 0);
	transfer(user, VIRTIO_GPU_CMD_TRANSFER_FROM_HOST_3D);
	for (uint32_t i = 0; i < SIDE * SIDE && !user->failed[TEXTURE]; i++) {
		if (pixels[i] != 0xff000000u + user->color) {
			complain(user, TEXTURE, "pixel %u is 0x%x", i, pixels[i]);
		}
	}
}

/* Commands that do nothing, too long for a message of the device's to its OpenGL process. */
static void submit_nothing(struct user *user)
{
	struct virtio_gpu_cmd_submit cmd = {
		.hdr = { .type = VIRTIO_GPU_CMD_SUBMIT_3D,
			 .flags = VIRTIO_GPU_FLAG_FENCE,
			 .fence_id = ++user->machine->fence_id,
			 .ctx_id = context(user, TEXTURE) },
		.size = LONG_SUBMISSION,
	};
	static const uint8_t nothing[LONG_SUBMISSION];

	step(user, TEXTURE, &cmd, sizeof(cmd), nothing, sizeof(nothing));
}

static void make_texture(struct user *user)
{
	create_context(user, TEXTURE);
	create_3d(user, TEXTURE, TEXTURE_PIXELS, SIDE, SIDE, 0);
	give_pages(user, TEXTURE, TEXTURE_PIXELS, TEXTURE_AT, PIXELS_BYTES);
	attach(user, TEXTURE, TEXTURE_PIXELS, VIRTIO_GPU_CMD_CTX_ATTACH_RESOURCE);
	fill(user, TEXTURE_AT, 0xff000000u + user->color);
	transfer(user, VIRTIO_GPU_CMD_TRANSFER_TO_HOST_3D);
	submit_nothing(user);
	show(user, TEXTURE, TEXTURE_PIXELS, user->color);
	check_texture(user);
}

static void destroy_texture(struct user *user)
{
	attach(user, TEXTURE, TEXTURE_PIXELS, VIRTIO_GPU_CMD_CTX_DETACH_RESOURCE);
	destroy_context(user, TEXTURE);
	unref(user, TEXTURE, TEXTURE_PIXELS);
}

/* place: of its ids and its memory. */
static struct user make_user(struct machine *machine, char name, uint32_t place)
{
	struct user user = {
		.machine = machine,
		.name = name,
		.number = place + 1,
		.color = (uint32_t)name,
		.addr = USER_ADDR + place * USER_SIZE,
	};

	memset(at(&user, 0), 0, USER_SIZE);
	make_picture(&user);
	make_program(&user);
	if (machine->has_textures) {
		make_texture(&user);
	}
	return user;
}

static void check_user(struct user *user)
{
	draw_picture(user, 0x200000u + user->color);
	check_program(user);
	if (user->machine->has_textures) {
		check_texture(user);
	}
}

static void destroy_user(struct user *user)
{
	destroy_picture(user);
	destroy_program(user);
	if (user->machine->has_textures) {
		destroy_texture(user);
	}
}

/* Returns true if there is OpenGL. */
static bool look_for_textures(struct machine *machine)
{
	struct virtio_gpu_resp_capset_info info = { .capset_id = 1 };

	for (uint32_t i = 0; i < MAX_CAPSETS && info.capset_id != 0; i++) {
		const struct virtio_gpu_get_capset_info cmd = {
			.hdr.type = VIRTIO_GPU_CMD_GET_CAPSET_INFO,
			.capset_index = i,
		};

		if (command(machine, &cmd, sizeof(cmd), NULL, 0) !=
		    VIRTIO_GPU_RESP_OK_CAPSET_INFO) {
			break;
		}
		memcpy(&info, fake_guest_at(&machine->guest, FAKE_ANSWER_ADDR), sizeof(info));
		if (info.capset_id == VIRTIO_GPU_CAPSET_VIRGL) {
			return true;
		}
	}
	return false;
}

int main(int argc, char **argv)
{
	struct machine machine = {
		.fd = argc > 1 ? atoi(argv[1]) : -1,
		.has_vfio_user = argc == 3 && strcmp(argv[2], "vfio-user") == 0,
	};

	if (machine.fd < 0 || argc > (machine.has_vfio_user ? 3 : 2)) {
		machine_fail("usage: machine SOCKET-FD [vfio-user]");
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	fake_guest_init(&machine.guest);
	machine.kick = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	machine.call = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (machine.has_vfio_user) {
		machine_start_vfio_user(&machine);
	} else {
		machine_start_vhost_user(&machine);
	}
	machine.has_textures = look_for_textures(&machine);
	puts(machine.has_textures ? "OpenGL" : "no OpenGL");

	struct user first = make_user(&machine, 'A', 0);
	struct user second = make_user(&machine, 'B', 1);
	check_user(&second);
	destroy_user(&second);
	struct user third = make_user(&machine, 'C', 1);
	check_user(&third);
	destroy_user(&third);
	check_user(&first);
	destroy_user(&first);
	if (atomic_load(&machine.shared_updates) > 0) {
		puts("shared");
	}
	if (!machine.has_vfio_user) {
		shutdown(machine.display, SHUT_RDWR);
		pthread_join(machine.display_thread, NULL);
	}
	return EXIT_SUCCESS;
}
