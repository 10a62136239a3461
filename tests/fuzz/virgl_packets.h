/* SPDX-License-Identifier: MIT */
/* How the input of fuzz_virgl_stream is taken apart: packets of virgl_msg.h, one behind the other,
 * each with its payload, however long. */
#ifndef SL_TESTS_FUZZ_VIRGL_PACKETS_H
#define SL_TESTS_FUZZ_VIRGL_PACKETS_H

#include "host/virgl/virgl_msg.h"

#include <stddef.h>
#include <stdint.h>

/* Bytes of a packet without its payload. 0: inputs have no such packets. */
size_t fuzz_virgl_size(uint32_t type);

/* Where the packet at offset at ends; size if it is cut short or makes no sense. */
size_t fuzz_virgl_end(const uint8_t *data, size_t size, size_t at);

#endif
