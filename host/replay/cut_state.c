/* SPDX-License-Identifier: MIT */
/* A list of commands, the last one last: leaving out what is overwritten completely later changes
 * nothing, whatever lies between. */
#include "host/replay/cut_state.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "host/replay/cut_class.h"
#include "protocol/wire.h"

void sl_cut_state_finish(struct sl_cut_state *state)
{
	free(state->commands);
}

void sl_cut_state_reset(struct sl_cut_state *state)
{
	state->count = 0;
}

static bool sets_the_same(const uint8_t *old, const uint8_t *new, uint16_t key)
{
	struct sl_wire_header old_header;
	struct sl_wire_header new_header;

	memcpy(&old_header, old, sizeof(old_header));
	memcpy(&new_header, new, sizeof(new_header));
	if (old_header.command_id != new_header.command_id) {
		return false;
	}
	size_t size = new_header.size - sizeof(new_header);

	if (key == SL_CUT_KEY_ALL) {
		if (old_header.size != new_header.size) {
			return false;
		}
	} else if (key <= size) {
		size = key;
	}
	return old_header.size >= sizeof(old_header) + size &&
	       memcmp(old + sizeof(old_header), new + sizeof(new_header), size) == 0;
}

static int make_room(struct sl_cut_state *state)
{
	if (state->count < state->capacity) {
		return 0;
	}
	if (state->capacity >= SL_CUT_STATE_MAX) {
		return -E2BIG;
	}
	uint32_t capacity = state->capacity == 0 ? 64 : state->capacity * 2;
	const uint8_t **commands = reallocarray(state->commands, capacity, sizeof(*commands));

	if (commands == NULL) {
		return -ENOMEM;
	}
	state->commands = commands;
	state->capacity = capacity;
	return 0;
}

int sl_cut_state_note(struct sl_cut_state *state, const uint8_t *command, uint16_t key)
{
	for (uint32_t i = state->count; i-- > 0;) {
		if (sets_the_same(state->commands[i], command, key)) {
			state->count--;
			memmove(&state->commands[i], &state->commands[i + 1],
				(state->count - i) * sizeof(*state->commands));
			break;
		}
	}
	int r = make_room(state);

	if (r == 0) {
		state->commands[state->count++] = command;
	}
	return r;
}
