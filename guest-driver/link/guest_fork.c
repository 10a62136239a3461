/* SPDX-License-Identifier: MIT */
/* fork(): the child shares the parent's rings and socket but must use neither. In the child every
 * link becomes a lost context of its own, and lets go of the socket, so that the host still
 * notices when the parent ends.
 *
 * The list of links is one of the few globals: fork() has no argument that could lead to it. */
#include "guest-driver/link/guest_link_priv.h"
#include "protocol/sync_page.h"

#include <errno.h>
#include <stdio.h>
#include <sys/mman.h>

static pthread_mutex_t fork_lock = PTHREAD_MUTEX_INITIALIZER; /* guards all below */
static struct sl_guest_link *fork_links;
static bool is_registered;

static void lock_list(void)
{
	pthread_mutex_lock(&fork_lock);
}

static void unlock_list(void)
{
	pthread_mutex_unlock(&fork_lock);
}

/* Only this thread exists; locks of the links may be held by threads that do not. */
static void abandon_links(void)
{
	for (struct sl_guest_link *link = fork_links; link != NULL; link = link->next) {
		link->is_abandoned = true;
		/* A private sync page in place of the shared one, on which the parent goes on. If
		 * there is no memory for it, the parent's own is still better than a crash. */
		void *page = mmap(link->sync, SL_SYNC_PAGE_SIZE, PROT_READ | PROT_WRITE,
				  MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
		if (page != MAP_FAILED) {
			sl_sync_set_lost(link->sync, SL_LOST_RENDERER,
					 "this process was forked from the one that connected");
		}
		link->ops->abandon(link->carrier);
	}
	fork_links = NULL;
	pthread_mutex_unlock(&fork_lock);
}

int sl_guest_link_watch_fork(struct sl_guest_link *link)
{
	int r = 0;

	lock_list();
	if (!is_registered) {
		/* The C library forgets it when the driver is unloaded. */
		r = -pthread_atfork(lock_list, unlock_list, abandon_links);
		is_registered = r == 0;
	}
	if (r == 0) {
		link->next = fork_links;
		fork_links = link;
	}
	unlock_list();
	return r;
}

void sl_guest_link_unwatch_fork(struct sl_guest_link *link)
{
	lock_list();
	for (struct sl_guest_link **at = &fork_links; *at != NULL; at = &(*at)->next) {
		if (*at == link) {
			*at = link->next;
			break;
		}
	}
	unlock_list();
}
