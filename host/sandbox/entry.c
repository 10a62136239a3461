/* SPDX-License-Identifier: MIT */
/* The beginning that the daemon's processes have in common. */
#include "host/sandbox/entry.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "host/base/fd.h"
#include "host/base/log.h"
#include "host/base/quota.h"
#include "host/base/stats.h"

int sl_entry_parse(int argc, char **argv, const char *name, const char *usage,
		   struct sl_sandbox_options *sandbox)
{
	static const struct option options[] = {
		{ "control-fd", required_argument, NULL, 'c' },
		{ "log-level", required_argument, NULL, 'l' },
		{ "sandbox", required_argument, NULL, 's' },
		{ "namespaces", required_argument, NULL, 'n' },
		{ "memory", required_argument, NULL, 'm' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	enum sl_log_level level = SL_LOG_INFO;
	char *rest = NULL;
	int option;

	sandbox->keep_fd = -1;
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (option) {
		case 'c':
			sandbox->keep_fd = (int)strtol(optarg, &rest, 10);
			break;
		case 'l':
			if (sl_log_parse_level(optarg, &level) < 0) {
				return -EINVAL;
			}
			break;
		case 's':
			if (sl_sandbox_parse_mode(optarg, &sandbox->mode) < 0) {
				return -EINVAL;
			}
			break;
		case 'n':
			sandbox->namespaces = (uint32_t)strtoul(optarg, NULL, 0);
			break;
		case 'm':
			sandbox->memory_bytes = strtoull(optarg, NULL, 0);
			break;
		case 'h':
			fputs(usage, stdout);
			exit(EXIT_SUCCESS);
		default:
			return -EINVAL;
		}
	}
	if (rest == NULL || *rest != '\0' || sandbox->keep_fd < 0 || optind != argc) {
		return -EINVAL;
	}
	sl_log_init(name, level);
	return 0;
}

int sl_entry_enter(const struct sl_sandbox_options *sandbox, uint32_t *ret_missing, char *ret_why,
		   size_t why_size)
{
	char text[SL_SANDBOX_TEXT_SIZE];
	int r = sl_sandbox_enter(sandbox, ret_missing);

	if (r < 0) {
		snprintf(ret_why, why_size, "cannot give up privileges: %s", strerror(-r));
	} else if (sandbox->mode == SL_SANDBOX_REQUIRED &&
		   (*ret_missing & SL_SANDBOX_NEEDED) != 0) {
		sl_sandbox_describe(*ret_missing & SL_SANDBOX_NEEDED, text, sizeof(text));
		snprintf(ret_why, why_size, "the sandbox is required, and there is %s", text);
		r = -EPERM;
	}
	return r;
}

static void *map_page(int fd, size_t size)
{
	void *page = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	return page == MAP_FAILED ? NULL : page;
}

/* Returns 0, or -EINVAL after logging why the packet cannot be used. */
static int check_assign(const struct sl_renderer_assign *assign, ssize_t size, unsigned int fds)
{
	if (size != sizeof(*assign) || assign->type != SL_RENDERER_ASSIGN ||
	    fds != ((assign->flags & SL_RENDERER_RECORD) != 0 ? 4 : 3) ||
	    memchr(assign->guest_name, '\0', sizeof(assign->guest_name)) == NULL) {
		sl_log(SL_LOG_ERROR, "unexpected packet of %zd bytes from the daemon", size);
		return -EINVAL;
	}
	return 0;
}

int sl_entry_receive(int control_fd, struct sl_renderer_assign *ret_assign,
		     struct sl_entry_context *ret_context)
{
	unsigned int fd_count = 0;
	int fds[4];
	ssize_t size =
		sl_fd_receive(control_fd, ret_assign, sizeof(*ret_assign), fds, 4, &fd_count);

	if (size <= 0) {
		if (size < 0) {
			sl_log(SL_LOG_ERROR, "cannot read from the daemon: %s",
			       strerror((int)-size));
		}
		return (int)size;
	}
	int r = check_assign(ret_assign, size, fd_count);
	if (r < 0) {
		return r;
	}
	*ret_context = (struct sl_entry_context){
		.fd = fds[0],
		.stats = map_page(fds[1], SL_STATS_SIZE),
		.quota = map_page(fds[2], sizeof(struct sl_quota)),
		.record_fd = fd_count == 4 ? fds[3] : -1,
	};
	if (ret_context->stats == NULL || ret_context->quota == NULL) {
		return -ENOMEM;
	}
	sl_fd_close(fds[1]);
	sl_fd_close(fds[2]);
	return 1;
}
