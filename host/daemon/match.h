/* SPDX-License-Identifier: MIT */
/* Which guest a program is of, where its guest has no socket of its own: by its user, its control
 * group, or the virtual machine whose GPU it is. */
#ifndef SL_HOST_DAEMON_MATCH_H
#define SL_HOST_DAEMON_MATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/types.h>

#define SL_MATCH_SIZE	    256
#define SL_MATCH_GROUP_SIZE 1024

enum sl_match_kind {
	SL_MATCH_NONE,
	SL_MATCH_USER,
	SL_MATCH_CGROUP, /* the pattern is a shell's, of the whole path */
	SL_MATCH_VM,	 /* by its name in the scope that systemd-machined gives it */
};

struct sl_match {
	enum sl_match_kind kind;
	uid_t uid;
	char pattern[SL_MATCH_SIZE]; /* or a name */
};

/* "user:alice", "user:1000", "cgroup:/system.slice/docker-*", "vm:web". Returns 0 or -EINVAL. */
int sl_match_parse(const char *text, struct sl_match *ret_match);

/* The control group of the process that connected, which must still be there: another one may have
 * its number by now. peer: as the socket fd tells. Returns 0 or -errno. */
int sl_match_get_cgroup(int fd, const struct ucred *peer, char ret_cgroup[SL_MATCH_GROUP_SIZE]);

/* The path of the control group in the text of /proc/PID/cgroup. Returns 0; -ENAMETOOLONG, -ENOENT.
 */
int sl_match_read_cgroup(FILE *file, char ret_cgroup[SL_MATCH_GROUP_SIZE]);

/* cgroup: "": not known; then only a user can fit. */
bool sl_match_fits(const struct sl_match *match, uid_t uid, const char *cgroup);

#endif
