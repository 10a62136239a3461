/* SPDX-License-Identifier: MIT */
/* The daemon's answers as text for people. */
#ifndef SL_HOST_CTL_SHOW_H
#define SL_HOST_CTL_SHOW_H

#include <jansson.h>

void sl_show_status(const json_t *answer);
void sl_show_guests(const json_t *answer);
void sl_show_programs(const json_t *answer);
void sl_show_ledger(const json_t *answer);
/* Just the name, for scripts. */
void sl_show_policy(const json_t *answer);
/* Just the path, for scripts. */
void sl_show_socket(const json_t *answer);

#endif
