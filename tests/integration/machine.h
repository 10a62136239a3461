/* SPDX-License-Identifier: MIT */
/* What the parts of a virtual machine without one share: see machine.c. */
#ifndef SL_TESTS_INTEGRATION_MACHINE_H
#define SL_TESTS_INTEGRATION_MACHINE_H

#include "tests/unit/fake_guest.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define ANSWER_MS 10000

struct machine {
	struct fake_guest guest;
	int fd;		    /* QEMU's end */
	bool has_vfio_user; /* else vhost-user */
	int kick;	    /* of vhost-user */
	int call;
	int display; /* of vhost-user */
	pthread_t display_thread;
	_Atomic uint32_t shown;		 /* the first pixel of the last update */
	_Atomic uint64_t shared_updates; /* of what it is to show and has itself */
	bool has_textures;
	uint16_t message_id; /* of vfio-user */
	uint64_t fence_id;
};

/* Say what is wrong, and end. */
void machine_fail(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));

/* The device hung up. */
void machine_end(void) __attribute__((noreturn));

/* As QEMU does, up to the driver's DRIVER_OK. guest and fds are there; the rest is set. */
void machine_start_vhost_user(struct machine *machine);
void machine_start_vfio_user(struct machine *machine);

/* The guest has offered something. */
void machine_kick_vfio_user(struct machine *machine);

#endif
