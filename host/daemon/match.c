/* SPDX-License-Identifier: MIT */
/* Users are told by the kernel; control groups are read from /proc. */
#include "host/daemon/match.h"

#include <errno.h>
#include <fnmatch.h>
#include <poll.h>
#include <pwd.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "host/base/fd.h"
#include "host/base/quantity.h"

/* Linux 6.5; not in the headers of Debian 12. */
#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD 77
#endif

#define VM_SCOPE_PREFIX "machine-qemu\\x2d"
#define VM_SCOPE_SUFFIX ".scope"

static const char *const prefixes[] = {
	[SL_MATCH_USER] = "user:",
	[SL_MATCH_CGROUP] = "cgroup:/",
	[SL_MATCH_VM] = "vm:",
};

static int parse_user(const char *user, uid_t *ret_uid)
{
	uint64_t number;

	if (sl_quantity_parse_number(user, UINT32_MAX - 1, &number) < 0) {
		const struct passwd *entry = getpwnam(user);

		if (entry == NULL) {
			return -EINVAL;
		}
		number = entry->pw_uid;
	}
	*ret_uid = (uid_t)number;
	return 0;
}

int sl_match_parse(const char *text, struct sl_match *ret_match)
{
	struct sl_match match = { 0 };

	for (enum sl_match_kind kind = SL_MATCH_USER; kind <= SL_MATCH_VM; kind++) {
		if (strncmp(text, prefixes[kind], strlen(prefixes[kind])) == 0) {
			match.kind = kind;
		}
	}
	if (match.kind == SL_MATCH_NONE) {
		return -EINVAL;
	}
	text = strchr(text, ':') + 1;
	if (text[0] == '\0' || strlen(text) >= sizeof(match.pattern)) {
		return -EINVAL;
	}
	strcpy(match.pattern, text);
	if (match.kind == SL_MATCH_USER && parse_user(text, &match.uid) < 0) {
		return -EINVAL;
	}
	*ret_match = match;
	return 0;
}

/* "0::/path" of version 2, else "1:name=systemd:/path". */
int sl_match_read_cgroup(FILE *file, char ret_cgroup[SL_MATCH_GROUP_SIZE])
{
	SL_AUTO_FREE char *line = NULL;
	size_t capacity = 0;
	int r = -ENOENT;

	/* Whole lines: those who may make groups choose how long their names are, and what the rest
	 * of a line looks like. */
	while (r != -ENAMETOOLONG && getline(&line, &capacity, file) >= 0) {
		const char *colon = strchr(line, ':');
		const char *group = colon != NULL ? strchr(colon + 1, ':') : NULL;
		bool is_unified = strncmp(line, "0::", 3) == 0;

		line[strcspn(line, "\n")] = '\0';
		if (group == NULL || (!is_unified && strncmp(colon, ":name=systemd:", 14) != 0)) {
			continue;
		}
		r = strlen(group + 1) < SL_MATCH_GROUP_SIZE ? 0 : -ENAMETOOLONG;
		snprintf(ret_cgroup, SL_MATCH_GROUP_SIZE, "%s", r == 0 ? group + 1 : "");
	}
	return r;
}

static int read_cgroup(pid_t pid, char ret_cgroup[SL_MATCH_GROUP_SIZE])
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/cgroup", (int)pid);
	FILE *file = fopen(path, "re");
	if (file == NULL) {
		return -errno;
	}
	int r = sl_match_read_cgroup(file, ret_cgroup);

	fclose(file);
	return r;
}

int sl_match_get_cgroup(int fd, const struct ucred *peer, char ret_cgroup[SL_MATCH_GROUP_SIZE])
{
	SL_AUTO_CLOSE int process = -1;
	socklen_t size = sizeof(process);

	ret_cgroup[0] = '\0';
	if (peer->pid <= 0) {
		return -ESRCH;
	}
	if (getsockopt(fd, SOL_SOCKET, SO_PEERPIDFD, &process, &size) < 0) {
		/* An older kernel does not tell, and takes the number for the process. */
		process = errno == ENOPROTOOPT ? (int)syscall(SYS_pidfd_open, peer->pid, 0) : -1;
	}
	if (process < 0) {
		return -ESRCH;
	}
	int r = read_cgroup(peer->pid, ret_cgroup);
	struct pollfd end = { .fd = process, .events = POLLIN };

	/* It is still there, so its number was its own. */
	if (r < 0 || poll(&end, 1, 0) != 0) {
		ret_cgroup[0] = '\0';
		return r < 0 ? r : -ESRCH;
	}
	return 0;
}

/* Undo systemd's escapes: "\x2d" is "-". */
static void unescape(const char *text, size_t length, char ret_name[SL_MATCH_SIZE])
{
	size_t used = 0;

	for (size_t i = 0; i < length && used + 1 < SL_MATCH_SIZE; used++) {
		char digits[3] = "";

		if (length - i >= 4 && text[i] == '\\' && text[i + 1] == 'x') {
			memcpy(digits, text + i + 2, 2);
			ret_name[used] = (char)strtoul(digits, NULL, 16);
			i += 4;
		} else {
			ret_name[used] = text[i++];
		}
	}
	ret_name[used] = '\0';
}

static bool has_suffix(const char *text, size_t length, const char *suffix)
{
	size_t size = strlen(suffix);

	return length >= size && memcmp(text + length - size, suffix, size) == 0;
}

/* The part of the path behind the slices that it begins with; NULL: there is none. Only the service
 * manager makes groups there: below a service or a scope, users and containers make their own, by
 * names of their choice. */
static const char *skip_slices(const char *cgroup)
{
	while (cgroup[0] == '/') {
		size_t length = strcspn(cgroup + 1, "/");

		if (!has_suffix(cgroup + 1, length, ".slice")) {
			return cgroup + 1;
		}
		cgroup += 1 + length;
	}
	return NULL;
}

/* libvirt's machines are in machine-qemu\x2dNUMBER\x2dNAME.scope. */
static bool is_in_vm(const char *cgroup, const char *name)
{
	const char *scope = skip_slices(cgroup);
	char found[SL_MATCH_SIZE];

	if (scope == NULL || strncmp(scope, VM_SCOPE_PREFIX, strlen(VM_SCOPE_PREFIX)) != 0) {
		return false;
	}
	scope += strlen(VM_SCOPE_PREFIX);
	size_t length = strcspn(scope, "/");
	size_t suffix = strlen(VM_SCOPE_SUFFIX);

	if (!has_suffix(scope, length, VM_SCOPE_SUFFIX)) {
		return false;
	}
	unescape(scope, length - suffix, found);
	size_t digits = strspn(found, "0123456789");

	return digits > 0 && found[digits] == '-' && strcmp(found + digits + 1, name) == 0;
}

bool sl_match_fits(const struct sl_match *match, uid_t uid, const char *cgroup)
{
	switch (match->kind) {
	case SL_MATCH_NONE:
		return false;
	case SL_MATCH_USER:
		return uid == match->uid;
	case SL_MATCH_CGROUP:
		return fnmatch(match->pattern, cgroup, 0) == 0;
	case SL_MATCH_VM:
		return is_in_vm(cgroup, match->pattern);
	}
	return false;
}
