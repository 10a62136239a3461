/* SPDX-License-Identifier: MIT */
/* VkPrivateDataSlot: values that an application attaches to objects; the host never sees them. */
#ifndef SL_GUEST_DRIVER_VK_PRIVATE_DATA_H
#define SL_GUEST_DRIVER_VK_PRIVATE_DATA_H

struct sl_guest_object;

/* Drop what any slot holds for an object that is about to go. Any thread. */
void sl_private_data_forget(struct sl_guest_object *object);

#endif
