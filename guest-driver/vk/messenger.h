/* SPDX-License-Identifier: MIT */
/* Debug messengers and report callbacks: the application's functions, called by this driver. */
#ifndef SL_GUEST_DRIVER_VK_MESSENGER_H
#define SL_GUEST_DRIVER_VK_MESSENGER_H

struct sl_context;

/* Tell every messenger and report callback that wants errors. Any thread, no lock held. */
void sl_messenger_report_error(struct sl_context *context, const char *message_id,
			       const char *text);

/* For the end of the context: forget those the application did not destroy. */
void sl_messenger_destroy_all(struct sl_context *context);

#endif
