/* SPDX-License-Identifier: MIT */
/* The state that the commands of a stream have set: which of them to repeat, and in which order,
 * so that a new command buffer can go on from there. */
#ifndef SL_HOST_REPLAY_CUT_STATE_H
#define SL_HOST_REPLAY_CUT_STATE_H

#include <stdint.h>

/* More different pieces of state than any application of use sets. */
#define SL_CUT_STATE_MAX 1024u

/* Zeroed memory knows of no state. Commands are lent: they lie in the stream. */
struct sl_cut_state {
	const uint8_t **commands; /* with their headers; in the order of their last use */
	uint32_t count;
	uint32_t capacity;
};

void sl_cut_state_finish(struct sl_cut_state *state);
void sl_cut_state_reset(struct sl_cut_state *state);

/* A state command of which the first key bytes say what it sets (cut_class.h). It drops an earlier
 * one that sets the same: nothing of that is left.
 *
 * Returns 0, -ENOMEM, or -E2BIG after SL_CUT_STATE_MAX commands. */
int sl_cut_state_note(struct sl_cut_state *state, const uint8_t *command, uint16_t key);

#endif
