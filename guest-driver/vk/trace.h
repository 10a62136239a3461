/* SPDX-License-Identifier: MIT */
/* SLUICE_TRACE: what is not shown as soon as its arguments are there. */
#ifndef SL_GUEST_DRIVER_VK_TRACE_H
#define SL_GUEST_DRIVER_VK_TRACE_H

struct sl_command_buffer;

/* If the context is traced, show the message of a complete recording, below its commands. */
void sl_trace_recording(const struct sl_command_buffer *commands);

#endif
