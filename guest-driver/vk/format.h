/* SPDX-License-Identifier: MIT */
/* Format properties, fetched for all formats at once. */
#ifndef SL_GUEST_DRIVER_VK_FORMAT_H
#define SL_GUEST_DRIVER_VK_FORMAT_H

struct sl_format_table;

/* Accepts NULL. */
void sl_format_table_destroy(struct sl_format_table *table);

#endif
