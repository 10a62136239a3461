/* SPDX-License-Identifier: MIT */
/* A configuration file with anything in it. */
#include "host/daemon/config.h"
#include "tests/fuzz/fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct sl_config config;
	char path[64];
	char why[SL_CONFIG_WHY_SIZE];
	int fd = memfd_create("config", MFD_CLOEXEC);

	/* The parser would go and read other files, devices among them. */
	if (fd < 0 || memmem(data, size, "@include", 8) != NULL) {
		close(fd);
		return 0;
	}
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (write(fd, data, size) == (ssize_t)size && sl_config_init(&config, why) == 0 &&
	    sl_config_load(&config, path, why) == 0) {
		sl_config_complete(&config, why);
	}
	close(fd);
	return 0;
}
