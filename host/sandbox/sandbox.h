/* SPDX-License-Identifier: MIT */
/* Takes from a process what it does not need to serve a guest. */
#ifndef SL_HOST_SANDBOX_SANDBOX_H
#define SL_HOST_SANDBOX_SANDBOX_H

/* First thing in main(), before any other thread exists: no new privileges, not to be traced or
 * dumped, dies with its parent, owns no descriptor but the standard ones and keep_fd.
 *
 * Returns 0 or -errno. */
int sl_sandbox_enter(int keep_fd);

/* Before the first byte of a guest is read, once everything that may need a child process is
 * loaded: from here no thread of the process can run programs, open sockets, or reach into other
 * processes and the system's configuration. Device nodes and files stay open to it: GPU drivers
 * need them at any time.
 *
 * Returns 0 or -errno. */
int sl_sandbox_lock(void);

#endif
