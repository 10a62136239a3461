/* SPDX-License-Identifier: MIT */
/* Where the sockets of a daemon lie. */
#ifndef SL_HOST_BASE_PATHS_H
#define SL_HOST_BASE_PATHS_H

#include <stddef.h>

/* The default path of a socket, e.g. "guest.sock": in $XDG_RUNTIME_DIR/sluice if that variable is
 * set, else in /run/sluice. Returns 0 or -ENAMETOOLONG. */
int sl_paths_default_socket(const char *name, char *ret_path, size_t path_size);

/* Create the directory that path lies in, if it is missing (mode 0755; its own parent must
 * exist). Returns 1 if it was created, 0 if it was there, or -errno. */
int sl_paths_create_parent(const char *path);

#endif
