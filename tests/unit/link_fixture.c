/* SPDX-License-Identifier: MIT */
/* Both ends of a link in one process. */
#include "tests/unit/link_fixture.h"

#include "host/base/fd.h"
#include "protocol/limits.h"
#include "protocol/wire.h"

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static const char *const host_extensions[] = { "VK_KHR_synchronization2",
					       "VK_EXT_unknown_to_the_guest", NULL };

int link_fixture_count_fds(void)
{
	DIR *directory = opendir("/proc/self/fd");
	int count = 0;

	assert_non_null(directory);
	while (readdir(directory) != NULL) {
		count++;
	}
	closedir(directory);
	return count;
}

atomic_uint link_fixture_idle_count;

static void count_idle(void)
{
	atomic_fetch_add(&link_fixture_idle_count, 1);
}

int link_fixture_set_up(void **state)
{
	struct link_fixture *f = calloc(1, sizeof(*f));
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	assert_non_null(f);
	f->fd_count = link_fixture_count_fds();
	strcpy(f->directory, "/tmp/sluice-test-XXXXXX");
	assert_non_null(mkdtemp(f->directory));
	snprintf(f->path, sizeof(f->path), "%s/guest.sock", f->directory);
	strcpy(address.sun_path, f->path);
	f->listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	assert_true(f->listener >= 0);
	assert_int_equal(bind(f->listener, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(f->listener, 4), 0);
	setenv("SLUICE_SOCKET", f->path, 1);
	f->options = (struct sl_host_link_options){
		.max_region_bytes = FIXTURE_MAX_REGION_BYTES,
		.max_regions = FIXTURE_MAX_REGIONS,
		.extensions = host_extensions,
		.idle = count_idle,
	};
	atomic_store(&link_fixture_idle_count, 0);
	*state = f;
	return 0;
}

int link_fixture_set_up_connected(void **state)
{
	char why[256] = "";

	link_fixture_set_up(state);
	assert_int_equal(link_fixture_connect(*state, why, sizeof(why)), 0);
	assert_string_equal(why, "");
	return 0;
}

int link_fixture_tear_down(void **state)
{
	struct link_fixture *f = *state;

	sl_guest_link_close(f->guest);
	sl_host_link_destroy(f->host);
	close(f->listener);
	unlink(f->path);
	rmdir(f->directory);
	assert_int_equal(link_fixture_count_fds(), f->fd_count);
	free(f);
	return 0;
}

static void *accept_guest(void *data)
{
	struct link_fixture *f = data;
	int fd = accept4(f->listener, NULL, NULL, SOCK_CLOEXEC);

	f->host_result =
		sl_host_link_accept(fd, &f->options, &f->host, f->host_why, sizeof(f->host_why));
	return NULL;
}

int link_fixture_connect(struct link_fixture *f, char *ret_why, size_t why_size)
{
	pthread_t thread;

	assert_int_equal(pthread_create(&thread, NULL, accept_guest, f), 0);
	int r = sl_guest_link_open(&f->guest, ret_why, why_size);
	pthread_join(thread, NULL);
	return r;
}

int raw_guest_create_memory(size_t size, unsigned int seals)
{
	int fd = memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, (off_t)size), 0);
	assert_int_equal(fcntl(fd, F_ADD_SEALS, seals), 0);
	return fd;
}

void raw_guest_init(struct raw_guest *raw)
{
	const size_t sizes[SL_HELLO_FD_COUNT] = { sl_ring_memory_size(SL_RING_MIN_SIZE),
						  SL_REPLY_AREA_SIZE, SL_SYNC_PAGE_SIZE };
	const char *const extensions[] = { "VK_KHR_synchronization2", NULL };
	struct sl_handshake_lists lists;

	*raw = (struct raw_guest){ .socket = -1 };
	for (int i = 0; i < SL_HELLO_FD_COUNT; i++) {
		raw->shares[i] = raw_guest_create_memory(sizes[i], F_SEAL_SHRINK);
		raw->memory[i] =
			mmap(NULL, sizes[i], PROT_READ | PROT_WRITE, MAP_SHARED, raw->shares[i], 0);
		assert_ptr_not_equal(raw->memory[i], MAP_FAILED);
	}
	sl_ring_init(&raw->ring, raw->memory[0], SL_RING_MIN_SIZE);

	sl_handshake_init_lists(&lists);
	lists.extensions = extensions;
	raw->hello_size = sizeof(struct sl_packet_hello) + sl_handshake_lists_size(&lists);
	raw->hello = calloc(1, raw->hello_size);
	assert_non_null(raw->hello);
	struct sl_packet_hello *hello = (struct sl_packet_hello *)raw->hello;
	sl_handshake_init_header(&hello->header, SL_PACKET_HELLO, raw->hello_size);
	hello->ring_size = SL_RING_MIN_SIZE;
	hello->reply_size = SL_REPLY_AREA_SIZE;
	hello->sync_size = SL_SYNC_PAGE_SIZE;
	hello->pid = 42;
	strcpy(hello->program, "raw guest\x1b[31m");
	sl_handshake_write_lists(raw->hello, offsetof(struct sl_packet_hello, lists), &lists);
}

void raw_guest_finish(struct raw_guest *raw)
{
	munmap(raw->memory[0], sl_ring_memory_size(SL_RING_MIN_SIZE));
	munmap(raw->memory[1], SL_REPLY_AREA_SIZE);
	munmap(raw->memory[2], SL_SYNC_PAGE_SIZE);
	for (int i = 0; i < SL_HELLO_FD_COUNT; i++) {
		sl_fd_close(raw->shares[i]);
	}
	sl_fd_close(raw->socket);
	free(raw->hello);
}

void raw_guest_greet(struct raw_guest *raw, struct link_fixture *f, int fd_count)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fds[SL_FD_MAX_SENT];
	union {
		struct sl_packet_header header;
		struct sl_packet_refused refused;
		uint8_t bytes[SL_PACKET_MAX_SIZE];
	} *answer = malloc(sizeof(*answer));
	int doorbell;

	assert_non_null(answer);
	for (int i = 0; i < fd_count; i++) {
		fds[i] = raw->shares[i % SL_HELLO_FD_COUNT];
	}
	strcpy(address.sun_path, f->path);
	raw->socket = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(raw->socket, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(
		sl_fd_send(raw->socket, raw->hello, raw->hello_size, fds, (unsigned int)fd_count),
		0);
	accept_guest(f);
	ssize_t size = sl_fd_receive(raw->socket, answer, sizeof(*answer), &doorbell, 1, NULL);
	sl_fd_close(doorbell);
	raw->refusal[0] = '\0';
	if (f->host_result < 0) {
		assert_int_equal(size, sizeof(answer->refused));
		assert_int_equal(answer->header.type, SL_PACKET_REFUSED);
		assert_string_equal(answer->refused.text, f->host_why);
		memcpy(raw->refusal, answer->refused.text, sizeof(raw->refusal));
		assert_true(raw->refusal[0] != '\0');
	} else {
		assert_true(size > (ssize_t)sizeof(struct sl_packet_welcome));
		assert_int_equal(answer->header.type, SL_PACKET_WELCOME);
		assert_true(doorbell >= 0);
	}
	free(answer);
}

void raw_guest_connect(struct raw_guest *raw, struct link_fixture *f)
{
	raw_guest_init(raw);
	raw_guest_greet(raw, f, SL_HELLO_FD_COUNT);
	assert_int_equal(f->host_result, 0);
}

void raw_guest_write(struct raw_guest *raw, const void *data, size_t size)
{
	size_t written;

	assert_int_equal(sl_ring_write(&raw->ring, data, size, &written), 0);
	assert_int_equal(written, size);
	sl_ring_publish(&raw->ring);
}

void raw_guest_send_packet(struct raw_guest *raw, const void *packet, size_t size, int fd)
{
	assert_int_equal(sl_fd_send(raw->socket, packet, size, &fd, fd >= 0 ? 1 : 0), 0);
}
