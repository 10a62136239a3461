/* SPDX-License-Identifier: MIT */
/* What recorded commands mean for cutting a command buffer between them. */
#ifndef SL_HOST_REPLAY_CUT_CLASS_H
#define SL_HOST_REPLAY_CUT_CLASS_H

#include <stdint.h>

enum sl_cut_class {
	SL_CUT_UNKNOWN,	  /* a command buffer with it is left whole */
	SL_CUT_STATE,	  /* lasts to the end of the command buffer: repeated in later pieces */
	SL_CUT_ORDER,	  /* takes effect once, costs nothing: barriers, events, timestamps */
	SL_CUT_WORK,	  /* may be cut before and after */
	SL_CUT_DISPATCH,  /* the same, and may be cut into ranges of workgroups */
	SL_CUT_SECONDARY, /* vkCmdExecuteCommands */
	SL_CUT_BEGIN,	  /* of a scope, which is not cut: render pass, query, … */
	SL_CUT_RENDERING, /* a BEGIN with flags: vkCmdBeginRendering */
	SL_CUT_END,
	SL_CUT_INSIDE, /* only in a render pass: draws */
};

/* A state command takes the place of an earlier one with the same id and the same first bytes of
 * its payload; SL_CUT_KEY_ALL: only of one that is equal. The layout of payloads is
 * docs/wire-format.md's: parameters in their order, 4 bytes each, handles 8. */
#define SL_CUT_KEY_ALL UINT16_MAX

struct sl_cut_command {
	uint16_t class; /* enum sl_cut_class */
	uint16_t key;	/* SL_CUT_STATE: bytes */
};

/* command_id: any. */
struct sl_cut_command sl_cut_classify(uint16_t command_id);

#endif
