/* SPDX-License-Identifier: MIT */
/* How soon renderers get the processor: those that nobody waits for come after everybody else. */
#ifndef SL_HOST_DAEMON_PRIORITY_H
#define SL_HOST_DAEMON_PRIORITY_H

#include <stdbool.h>
#include <sys/types.h>

/* May this process lower its children's priority and raise it again? That needs CAP_SYS_NICE or
 * RLIMIT_NICE. Starts a process to find out. */
bool sl_priority_probe(void);

/* The calling process waits until others have what they want. It has one thread. */
void sl_priority_lower(void);

/* All threads of the child, which leads its process group, have this process's priority. */
void sl_priority_raise(pid_t child);

#endif
