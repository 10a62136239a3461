/* SPDX-License-Identifier: MIT */
/* What the GPU did with its time and for whom, as JSON. */
#ifndef SL_HOST_DAEMON_LEDGER_H
#define SL_HOST_DAEMON_LEDGER_H

#include "host/sched/sched.h"

#include <jansson.h>

struct sl_daemon;
struct sl_guest;

/* The answer to the order "ledger". */
json_t *sl_ledger_pack(struct sl_daemon *daemon);

/* What one guest may have of the GPU, and its state. */
json_t *sl_ledger_pack_share(const struct sl_guest *guest);

/* "idle", "waits", "capped", "runs", "paused". */
const char *sl_ledger_state_name(enum sl_sched_state state);

#endif
