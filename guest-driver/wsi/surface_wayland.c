/* SPDX-License-Identifier: MIT */
/* Surfaces of a Wayland compositor, and which pixels it takes from shared memory. */
#include "guest-driver/wsi/surface_wayland.h"

#include <string.h>

#include "protocol/sl_entries.h"
#include "protocol/sl_entries_platform.h"

/* Tearing is not for a compositor's clients. */
static const VkPresentModeKHR modes[] = {
	VK_PRESENT_MODE_MAILBOX_KHR,
	VK_PRESENT_MODE_FIFO_KHR,
};

static const struct {
	uint32_t opaque;
	uint32_t alpha;
} shm_formats[SL_PIXEL_LAYOUT_COUNT] = {
	[SL_PIXEL_XRGB8888] = { WL_SHM_FORMAT_XRGB8888, WL_SHM_FORMAT_ARGB8888 },
	[SL_PIXEL_RGB565] = { WL_SHM_FORMAT_RGB565, WL_SHM_FORMAT_RGB565 },
	[SL_PIXEL_XBGR8888] = { WL_SHM_FORMAT_XBGR8888, WL_SHM_FORMAT_ABGR8888 },
	[SL_PIXEL_XRGB2101010] = { WL_SHM_FORMAT_XRGB2101010, WL_SHM_FORMAT_ARGB2101010 },
	[SL_PIXEL_XBGR2101010] = { WL_SHM_FORMAT_XBGR2101010, WL_SHM_FORMAT_ABGR2101010 },
};

uint32_t sl_wayland_shm_format(enum sl_pixel_layout layout, bool has_alpha)
{
	return has_alpha ? shm_formats[layout].alpha : shm_formats[layout].opaque;
}

/* What the compositor has announced so far, a bit per layout. */
struct announced {
	struct wl_shm *shm;
	struct sl_linux_dmabuf *dmabuf;
	uint32_t opaque;
	uint32_t alpha;
};

static void on_format(void *data, struct wl_shm *shm, uint32_t format)
{
	struct announced *announced = data;

	for (uint32_t i = 0; i < SL_PIXEL_LAYOUT_COUNT; i++) {
		announced->opaque |= (uint32_t)(shm_formats[i].opaque == format) << i;
		announced->alpha |= (uint32_t)(shm_formats[i].alpha == format) << i;
	}
}

static const struct wl_shm_listener shm_listener = { .format = on_format };

static void on_global(void *data, struct wl_registry *registry, uint32_t name,
		      const char *interface, uint32_t version)
{
	struct announced *announced = data;

	if (announced->shm == NULL && strcmp(interface, wl_shm_interface.name) == 0) {
		announced->shm = wl_registry_bind(registry, name, &wl_shm_interface, 1);
		if (announced->shm != NULL) {
			wl_shm_add_listener(announced->shm, &shm_listener, announced);
		}
	}
	sl_linux_dmabuf_bind(announced->dmabuf, registry, name, interface, version);
}

static void on_global_remove(void *data, struct wl_registry *registry, uint32_t name)
{
}

static const struct wl_registry_listener registry_listener = {
	.global = on_global,
	.global_remove = on_global_remove,
};

/* Its events go to the queue. */
static struct wl_registry *get_registry(struct wl_display *display, struct wl_event_queue *queue)
{
	struct wl_display *wrapper = wl_proxy_create_wrapper(display);

	if (wrapper == NULL) {
		return NULL;
	}
	wl_proxy_set_queue((struct wl_proxy *)wrapper, queue);
	struct wl_registry *registry = wl_display_get_registry(wrapper);
	wl_proxy_wrapper_destroy(wrapper);
	return registry;
}

VkResult sl_wayland_shm_init(struct sl_wayland_shm *shm, struct wl_display *display)
{
	struct announced announced = { .dmabuf = &shm->dmabuf };

	*shm = (struct sl_wayland_shm){ .queue = wl_display_create_queue(display) };
	if (shm->queue == NULL) {
		return VK_ERROR_OUT_OF_HOST_MEMORY;
	}
	struct wl_registry *registry = get_registry(display, shm->queue);
	if (registry == NULL) {
		return VK_ERROR_OUT_OF_HOST_MEMORY;
	}
	wl_registry_add_listener(registry, &registry_listener, &announced);
	/* First the globals, then the formats. */
	int r = wl_display_roundtrip_queue(display, shm->queue);
	if (r >= 0 && announced.shm != NULL) {
		r = wl_display_roundtrip_queue(display, shm->queue);
	}
	wl_registry_destroy(registry);
	shm->shm = announced.shm;
	shm->layouts = announced.opaque & announced.alpha;
	return r >= 0 && announced.shm != NULL ? VK_SUCCESS : VK_ERROR_SURFACE_LOST_KHR;
}

void sl_wayland_shm_finish(struct sl_wayland_shm *shm)
{
	sl_linux_dmabuf_finish(&shm->dmabuf);
	if (shm->shm != NULL) {
		wl_shm_destroy(shm->shm);
	}
	if (shm->queue != NULL) {
		wl_event_queue_destroy(shm->queue);
	}
}

static VkResult get_layouts(struct sl_surface *base, uint32_t *ret_layouts)
{
	struct sl_surface_wayland *surface = (struct sl_surface_wayland *)base;
	VkResult result = VK_SUCCESS;
	struct sl_wayland_shm shm;

	pthread_mutex_lock(&surface->lock);
	if (!surface->is_asked) {
		result = sl_wayland_shm_init(&shm, surface->display);
		surface->layouts = shm.layouts;
		surface->is_asked = result == VK_SUCCESS;
		sl_wayland_shm_finish(&shm);
	}
	*ret_layouts = surface->layouts;
	pthread_mutex_unlock(&surface->lock);
	return result;
}

static VkResult get_capabilities(struct sl_surface *base, VkSurfaceCapabilitiesKHR *caps)
{
	/* One on the screen, one that the compositor has next, one ready to replace that one, and
	 * one to draw to. */
	caps->minImageCount = 4;
	/* The swapchain decides how large the surface is. */
	caps->currentExtent = (VkExtent2D){ UINT32_MAX, UINT32_MAX };
	caps->supportedCompositeAlpha =
		VK_COMPOSITE_ALPHA_OPAQUE_BIT_KHR | VK_COMPOSITE_ALPHA_PRE_MULTIPLIED_BIT_KHR;
	return VK_SUCCESS;
}

static void destroy_surface(struct sl_surface *base)
{
	pthread_mutex_destroy(&((struct sl_surface_wayland *)base)->lock);
}

static const struct sl_surface_ops ops = {
	.get_layouts = get_layouts,
	.get_capabilities = get_capabilities,
	.modes = modes,
	.mode_count = sizeof(modes) / sizeof(modes[0]),
	.is_seen = true,
	.destroy = destroy_surface,
	.attach = sl_window_wayland_attach,
	.add_image = sl_window_wayland_add_image,
	.show = sl_window_wayland_show,
	.poll = sl_window_wayland_poll,
	.stop_waiting = sl_window_wayland_stop_waiting,
	.detach = sl_window_wayland_detach,
};

VKAPI_ATTR VkResult VKAPI_CALL
sl_vkCreateWaylandSurfaceKHR(VkInstance instance, const VkWaylandSurfaceCreateInfoKHR *pCreateInfo,
			     const VkAllocationCallbacks *pAllocator, VkSurfaceKHR *pSurface)
{
	struct sl_surface_wayland *surface =
		(struct sl_surface_wayland *)sl_surface_create(instance, &ops, sizeof(*surface));

	*pSurface = (VkSurfaceKHR)(uintptr_t)surface;
	if (surface == NULL) {
		return VK_ERROR_OUT_OF_HOST_MEMORY;
	}
	pthread_mutex_init(&surface->lock, NULL);
	surface->display = pCreateInfo->display;
	surface->surface = pCreateInfo->surface;
	return VK_SUCCESS;
}

VKAPI_ATTR VkBool32 VKAPI_CALL sl_vkGetPhysicalDeviceWaylandPresentationSupportKHR(
	VkPhysicalDevice physicalDevice, uint32_t queueFamilyIndex, struct wl_display *display)
{
	struct sl_wayland_shm shm;
	VkResult result = sl_wayland_shm_init(&shm, display);

	sl_wayland_shm_finish(&shm);
	return result == VK_SUCCESS && shm.layouts != 0;
}
