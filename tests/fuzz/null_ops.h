/* SPDX-License-Identifier: MIT */
/* A host whose every command succeeds and does nothing. */
#ifndef SL_TESTS_FUZZ_NULL_OPS_H
#define SL_TESTS_FUZZ_NULL_OPS_H

#include "protocol/sl_ops.h"

/* Generated. */
extern const struct sl_ops sl_null_ops;

/* Called where a command makes objects: fill in their handles, as many as the decoder has adopted
 * for the message. */
void sl_null_create(struct sl_replay *replay, void *handles);

#endif
