/* SPDX-License-Identifier: MIT */
/* What every hand-written entry does with its generated codec: trace, encode, ask. Macros,
 * because the names of the codec's functions are made of the command's. */
#ifndef SL_GUEST_DRIVER_VK_MESSAGE_H
#define SL_GUEST_DRIVER_VK_MESSAGE_H

#include "guest-driver/vk/call.h"
#include "protocol/sl_args.h"
#include "protocol/sl_codec.h"
#include "protocol/sl_ids.h"

#include <errno.h>

/* Dump the arguments if the context is traced. self: any object of the context. */
#define SL_MESSAGE_TRACE(self, name, args)                     \
	({                                                     \
		FILE *sl_trace_file = sl_call_trace(self);     \
		if (sl_trace_file != NULL) {                   \
			sl_dump_##name(sl_trace_file, (args)); \
		}                                              \
	})

/* Begin the call and encode the arguments. True: the call is to be sent or waited for; false:
 * memory is short, the call has ended. Never fails for messages that surely fit into
 * SL_CALL_INLINE_SIZE. */
#define SL_MESSAGE_ENCODE(call, self, name, args)                                          \
	({                                                                                 \
		bool sl_begun = sl_call_begin((call), (self), SL_COMMAND_##name,           \
					      sl_size_##name(sl_call_caps(self), (args))); \
		if (sl_begun) {                                                            \
			sl_encode_##name(&(call)->out, (args));                            \
		}                                                                          \
		sl_begun;                                                                  \
	})

/* Decode a reply that how (sl_call_wait or sl_call_cached) brings, trace
 * and finish the call. 0, -ENOMEM, or -EPIPE once the context is lost; then the outputs are
 * untouched. */
#define SL_MESSAGE_REPLY(call, self, name, args, how)                                             \
	({                                                                                        \
		struct sl_reader sl_reply;                                                        \
		int sl_r =                                                                        \
			how((call), sl_reply_size_##name(sl_call_caps(self), (args)), &sl_reply); \
		if (sl_r == 0) {                                                                  \
			sl_reply_decode_##name(&sl_reply, (args));                                \
			sl_r = sl_reader_failed(&sl_reply) ? -EPIPE : 0;                          \
		}                                                                                 \
		SL_MESSAGE_TRACE(self, name, args);                                               \
		sl_call_finish(call);                                                             \
		sl_r;                                                                             \
	})

/* Send without waiting; 0 or -ENOMEM. */
#define SL_MESSAGE_SEND(self, name, args)                               \
	({                                                              \
		struct sl_call sl_message;                              \
		int sl_sent = -ENOMEM;                                  \
		SL_MESSAGE_TRACE(self, name, args);                     \
		if (SL_MESSAGE_ENCODE(&sl_message, self, name, args)) { \
			sl_call_send(&sl_message);                      \
			sl_sent = 0;                                    \
		}                                                       \
		sl_sent;                                                \
	})

/* Send, wait and decode; see SL_MESSAGE_REPLY(). */
#define SL_MESSAGE_ASK(self, name, args) SL_MESSAGE_ASK_HOW(self, name, args, sl_call_wait)
/* The same for questions whose answer never changes. */
#define SL_MESSAGE_ASK_CACHED(self, name, args) SL_MESSAGE_ASK_HOW(self, name, args, sl_call_cached)

#define SL_MESSAGE_ASK_HOW(self, name, args, how)                                        \
	({                                                                               \
		struct sl_call sl_message;                                               \
		int sl_asked = -ENOMEM;                                                  \
		if (SL_MESSAGE_ENCODE(&sl_message, self, name, args)) {                  \
			sl_asked = SL_MESSAGE_REPLY(&sl_message, self, name, args, how); \
		}                                                                        \
		sl_asked;                                                                \
	})

#endif
