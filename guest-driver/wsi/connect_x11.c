/* SPDX-License-Identifier: MIT */
/* A connection of our own to the application's X server. Events of swapchains and replies come
 * through it without meeting what the application's threads read, errors (a window that is gone)
 * stay ours, and closing it takes everything along that the server keeps for a swapchain. */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "guest-driver/wsi/surface_x11.h"

/* X servers listen at this TCP port plus their number. */
#define TCP_PORT 6000

/* The display that a Unix socket's address stands for: /tmp/.X11-unix/X7 is :7, and libxcb takes
 * the path of any other socket. */
static bool name_unix(const struct sockaddr_un *address, socklen_t size, char *ret_name,
		      size_t name_size)
{
	const char *const usual = "/tmp/.X11-unix/X";
	size_t length = size - offsetof(struct sockaddr_un, sun_path);
	char path[sizeof(address->sun_path) + 1] = "";

	if (size <= offsetof(struct sockaddr_un, sun_path)) {
		return false;
	}
	memcpy(path, address->sun_path, length);
	/* Abstract addresses begin with a zero byte. */
	const char *at = path[0] == '\0' ? path + 1 : path;
	if (strncmp(at, usual, strlen(usual)) == 0) {
		snprintf(ret_name, name_size, ":%s", at + strlen(usual));
		return true;
	}
	snprintf(ret_name, name_size, "unix:%s", path);
	return path[0] != '\0';
}

static bool name_tcp(const struct sockaddr_storage *address, char *ret_name, size_t name_size)
{
	char host[INET6_ADDRSTRLEN] = "";

	if (address->ss_family == AF_INET) {
		const struct sockaddr_in *in = (const struct sockaddr_in *)address;
		inet_ntop(AF_INET, &in->sin_addr, host, sizeof(host));
		snprintf(ret_name, name_size, "%s:%d", host, ntohs(in->sin_port) - TCP_PORT);
		return true;
	}
	if (address->ss_family == AF_INET6) {
		const struct sockaddr_in6 *in = (const struct sockaddr_in6 *)address;
		inet_ntop(AF_INET6, &in->sin6_addr, host, sizeof(host));
		snprintf(ret_name, name_size, "[%s]:%d", host, ntohs(in->sin6_port) - TCP_PORT);
		return true;
	}
	return false;
}

xcb_connection_t *sl_x11_connect_again(xcb_connection_t *connection)
{
	struct sockaddr_storage address = { 0 };
	socklen_t size = sizeof(address);
	char name[256];
	bool is_known = false;

	if (getpeername(xcb_get_file_descriptor(connection), (struct sockaddr *)&address, &size) ==
	    0) {
		is_known = address.ss_family == AF_UNIX
				   ? name_unix((const struct sockaddr_un *)&address, size, name,
					       sizeof(name))
				   : name_tcp(&address, name, sizeof(name));
	}
	/* Else what DISPLAY says is the best guess. */
	return xcb_connect(is_known ? name : NULL, NULL);
}
