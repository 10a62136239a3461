/* SPDX-License-Identifier: MIT */
/* The daemon's command line. */
#ifndef SL_HOST_DAEMON_OPTIONS_H
#define SL_HOST_DAEMON_OPTIONS_H

#include <sys/types.h>

#define SL_OPTIONS_MAX_HELD 16

struct sl_config;

struct sl_options {
	int argc;
	char **argv;
	pid_t held[SL_OPTIONS_MAX_HELD]; /* --hold */
	int held_count;
	int ready_fd; /* -1: none */
};

/* Check the command line and take from it what is no configuration. Prints help, or what is wrong
 * with a flag, and exits then. */
void sl_options_parse(struct sl_options *ret_options, int argc, char **argv);

/* Make a configuration afresh: defaults, the file, the flags. *ret_config is to be freed.
 * Returns 0, or -errno with a line in ret_why (SL_CONFIG_WHY_SIZE). */
int sl_options_configure(const struct sl_options *options, struct sl_config **ret_config,
			 char *ret_why);

#endif
