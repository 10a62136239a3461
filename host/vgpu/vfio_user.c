/* SPDX-License-Identifier: MIT */
/* The vfio-user protocol, server side: messages in, answers out. A message that is not one ends the
 * connection; one that asks for what cannot be is answered with an error. */
#include "host/vgpu/vfio_user.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/vfio.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host/base/fd.h"
#include "host/base/log.h"
#include "host/vgpu/vfio_user_priv.h"

static int answer_version(struct sl_vfio_user *vfio, size_t size,
			  struct sl_vfio_user_answer *answer)
{
	const struct sl_vfio_user_version *version = &vfio->payload.version;
	const size_t head = offsetof(struct sl_vfio_user_version, text);
	struct sl_vfio_user_version *own = &answer->payload.version;

	/* Nothing of what the text may offer is needed; still it must be a text. */
	if (vfio->greeted || version->major != SL_VFIO_USER_MAJOR ||
	    (size > head && version->text[size - head - 1] != '\0')) {
		sl_log(SL_LOG_ERROR, "vfio-user version %u.%u: not understood", version->major,
		       version->minor);
		return -EBADMSG;
	}
	own->major = SL_VFIO_USER_MAJOR;
	own->minor = version->minor < SL_VFIO_USER_MINOR ? version->minor : SL_VFIO_USER_MINOR;
	int n = snprintf(own->text, sizeof(own->text),
			 "{\"capabilities\":{\"max_msg_fds\":%u,\"max_data_xfer_size\":%u,"
			 "\"max_dma_maps\":%u}}",
			 SL_VFIO_USER_MAX_FDS, SL_VFIO_USER_MAX_DATA, SL_GUEST_RAM_MAX_SLOTS);
	answer->size = (uint32_t)(head + (size_t)n + 1);
	vfio->greeted = true;
	return 0;
}

static int answer_info(struct sl_vfio_user_answer *answer)
{
	answer->payload.device_info = (struct sl_vfio_user_device_info){
		.argsz = sizeof(answer->payload.device_info),
		.flags = VFIO_DEVICE_FLAGS_RESET | VFIO_DEVICE_FLAGS_PCI,
		.region_count = VFIO_PCI_NUM_REGIONS,
		.irq_count = VFIO_PCI_MSIX_IRQ_INDEX + 1,
	};
	answer->size = sizeof(answer->payload.device_info);
	return 0;
}

/* The payload that a message has at least; SIZE_MAX: the command is not known. */
static size_t payload_size(uint16_t command)
{
	switch (command) {
	case SL_VFIO_USER_VERSION:
		return offsetof(struct sl_vfio_user_version, text);
	case SL_VFIO_USER_DMA_MAP:
		return sizeof(struct sl_vfio_user_dma_map);
	case SL_VFIO_USER_DMA_UNMAP:
		return sizeof(struct sl_vfio_user_dma_unmap);
	case SL_VFIO_USER_DEVICE_GET_INFO:
		return sizeof(struct sl_vfio_user_device_info);
	case SL_VFIO_USER_DEVICE_GET_REGION_INFO:
		return sizeof(struct sl_vfio_user_region_info);
	case SL_VFIO_USER_DEVICE_GET_IRQ_INFO:
		return sizeof(struct sl_vfio_user_irq_info);
	case SL_VFIO_USER_DEVICE_SET_IRQS:
		return sizeof(struct sl_vfio_user_irq_set);
	case SL_VFIO_USER_REGION_READ:
	case SL_VFIO_USER_REGION_WRITE:
		return sizeof(struct sl_vfio_user_access);
	case SL_VFIO_USER_DEVICE_RESET:
		return 0;
	default:
		return SIZE_MAX;
	}
}

static int handle(struct sl_vfio_user *vfio, struct sl_vfio_user_answer *answer)
{
	const uint16_t command = vfio->header.command;
	const size_t size = vfio->header.size - sizeof(vfio->header);
	const size_t fixed = payload_size(command);

	if (fixed == SIZE_MAX) {
		return -ENOTSUP;
	}
	if (size < fixed) {
		return -EINVAL;
	}
	switch (command) {
	case SL_VFIO_USER_VERSION:
		return answer_version(vfio, size, answer);
	case SL_VFIO_USER_DMA_MAP:
		return sl_vfio_user_map(vfio);
	case SL_VFIO_USER_DMA_UNMAP:
		return sl_vfio_user_unmap(vfio, answer);
	case SL_VFIO_USER_DEVICE_GET_INFO:
		return answer_info(answer);
	case SL_VFIO_USER_DEVICE_GET_REGION_INFO:
		return sl_vfio_user_get_region_info(vfio, answer);
	case SL_VFIO_USER_DEVICE_GET_IRQ_INFO:
		return sl_vfio_user_get_irq_info(vfio, answer);
	case SL_VFIO_USER_DEVICE_SET_IRQS:
		return sl_vfio_user_set_irqs(vfio, size - fixed);
	case SL_VFIO_USER_REGION_READ:
		return sl_vfio_user_read(vfio, answer);
	case SL_VFIO_USER_REGION_WRITE:
		return sl_vfio_user_write(vfio, size - fixed, answer);
	default:
		sl_vfio_user_reset_device(vfio);
		return 0;
	}
}

static int send_answer(struct sl_vfio_user *vfio, const struct sl_vfio_user_answer *answer, int r)
{
	struct {
		struct sl_vfio_user_header header;
		union sl_vfio_user_payload payload;
	} message;
	const uint32_t size = r < 0 ? 0 : answer->size;
	bool have_fd = r >= 0 && answer->fd >= 0;

	message.header = (struct sl_vfio_user_header){
		.id = vfio->header.id,
		.command = vfio->header.command,
		.size = (uint32_t)sizeof(message.header) + size,
		.flags = SL_VFIO_USER_REPLY | (r < 0 ? SL_VFIO_USER_ERROR : 0),
		.error = r < 0 ? (uint32_t)-r : 0,
	};
	memcpy(&message.payload, &answer->payload, size);
	return sl_fd_send(vfio->fd, &message, message.header.size, &answer->fd, have_fd ? 1 : 0);
}

static void close_fds(struct sl_vfio_user *vfio)
{
	for (unsigned int i = 0; i < vfio->fd_count; i++) {
		sl_fd_close(vfio->fds[i]);
		vfio->fds[i] = -1;
	}
	vfio->fd_count = 0;
}

static void complain(struct sl_vfio_user *vfio, int r)
{
	const uint32_t bit = vfio->header.command < 32 ? vfio->header.command : 0;
	/* QEMU asks about interrupts that few devices have. */
	bool is_question = vfio->header.command == SL_VFIO_USER_DEVICE_GET_IRQ_INFO;

	if (!is_question && (vfio->complained >> bit & 1) == 0) {
		vfio->complained |= 1u << bit;
		sl_log(SL_LOG_INFO, "vfio-user command %u failed: %s (said once)",
		       vfio->header.command, strerror(-r));
	}
}

/* A whole message has arrived. Returns 0, or -errno if the connection cannot go on. */
static int handle_message(struct sl_vfio_user *vfio)
{
	struct sl_vfio_user_answer answer;
	int r = -EBADMSG;

	answer.size = 0;
	answer.fd = -1;
	if ((vfio->header.flags & SL_VFIO_USER_TYPE_MASK) == 0 &&
	    (vfio->greeted || vfio->header.command == SL_VFIO_USER_VERSION)) {
		r = handle(vfio, &answer);
	}
	close_fds(vfio);
	if (r == -EBADMSG) {
		sl_log(SL_LOG_ERROR, "vfio-user command %u is malformed or out of order",
		       vfio->header.command);
		return r;
	}
	if (r < 0) {
		complain(vfio, r);
	}
	return (vfio->header.flags & SL_VFIO_USER_NO_REPLY) != 0 ? 0
								 : send_answer(vfio, &answer, r);
}

/* Receive what there is of the current message, and not a byte of the next.
 * Returns 1 (a message is whole), 0 (later), -EPIPE (closed) or -errno. */
static int receive(struct sl_vfio_user *vfio)
{
	const size_t head = sizeof(vfio->header);
	bool in_header = vfio->received < head;
	uint8_t *dst = in_header ? (uint8_t *)&vfio->header + vfio->received
				 : (uint8_t *)&vfio->payload + (vfio->received - head);
	size_t wanted = (in_header ? head : vfio->header.size) - vfio->received;
	unsigned int fd_count = 0;
	ssize_t n = sl_fd_receive(vfio->fd, dst, wanted, vfio->fds + vfio->fd_count,
				  SL_VFIO_USER_MAX_FDS - vfio->fd_count, &fd_count);

	if (n <= 0) {
		return n == 0 ? -EPIPE : n == -EAGAIN ? 0 : (int)n;
	}
	vfio->fd_count += fd_count;
	vfio->received += (size_t)n;
	if (vfio->received < head) {
		return 0;
	}
	if (vfio->header.size < head || vfio->header.size > head + sizeof(vfio->payload)) {
		sl_log(SL_LOG_ERROR, "vfio-user command %u has %u bytes", vfio->header.command,
		       vfio->header.size);
		return -EBADMSG;
	}
	return vfio->received == vfio->header.size ? 1 : 0;
}

static void end_connection(struct sl_vfio_user *vfio, int r)
{
	if (vfio->ended) {
		return;
	}
	vfio->ended = true;
	vfio->end_result = r == -EPIPE ? 0 : r;
	sd_event_source_set_enabled(vfio->source, SD_EVENT_OFF);
	sl_vfio_user_reset_device(vfio);
	sd_event_source_set_enabled(vfio->end_source, SD_EVENT_ONESHOT);
}

static int on_message(sd_event_source *source, int fd, uint32_t events, void *data)
{
	struct sl_vfio_user *vfio = data;
	int r = receive(vfio);

	if (r > 0) {
		r = handle_message(vfio);
		vfio->received = 0;
	}
	if (r < 0) {
		end_connection(vfio, r);
	}
	return 0;
}

static int on_end(sd_event_source *source, void *data)
{
	struct sl_vfio_user *vfio = data;

	if (vfio->options.ended != NULL) {
		vfio->options.ended(vfio->options.data, vfio->end_result);
	}
	return 0;
}

static int init_sources(struct sl_vfio_user *vfio)
{
	int flags = fcntl(vfio->fd, F_GETFL);

	if (flags < 0 || fcntl(vfio->fd, F_SETFL, flags | O_NONBLOCK) < 0) {
		return -errno;
	}
	int r = sd_event_add_defer(vfio->event, &vfio->end_source, on_end, vfio);
	if (r >= 0) {
		r = sd_event_source_set_enabled(vfio->end_source, SD_EVENT_OFF);
	}
	if (r < 0) {
		return r;
	}
	return sd_event_add_io(vfio->event, &vfio->source, vfio->fd, EPOLLIN, on_message, vfio);
}

int sl_vfio_user_create(sd_event *event, int fd, const struct sl_vfio_user_options *options,
			struct sl_vfio_user **ret_vfio)
{
	struct sl_vfio_user *vfio = calloc(1, sizeof(*vfio));

	if (vfio == NULL) {
		sl_fd_close(fd);
		return -ENOMEM;
	}
	vfio->options = *options;
	vfio->event = sd_event_ref(event);
	vfio->fd = fd;
	int r = sl_vfio_user_init_device(vfio);
	if (r >= 0) {
		r = init_sources(vfio);
	}
	if (r < 0) {
		sl_vfio_user_destroy(vfio);
		return r;
	}
	*ret_vfio = vfio;
	return 0;
}

void sl_vfio_user_release_device(struct sl_vfio_user *vfio)
{
	if (vfio->vgpu != NULL) {
		sl_vfio_user_reset_device(vfio);
	}
	sl_vgpu_destroy(vfio->vgpu);
	vfio->vgpu = NULL;
}

void sl_vfio_user_destroy(struct sl_vfio_user *vfio)
{
	if (vfio == NULL) {
		return;
	}
	sl_vfio_user_release_device(vfio);
	sl_vfio_user_finish_device(vfio);
	sd_event_source_disable_unref(vfio->source);
	sd_event_source_disable_unref(vfio->end_source);
	close_fds(vfio);
	sl_fd_close(vfio->fd);
	sd_event_unref(vfio->event);
	free(vfio);
}

struct sl_vgpu *sl_vfio_user_get_device(struct sl_vfio_user *vfio)
{
	return vfio->vgpu;
}

struct sl_guest_ram *sl_vfio_user_get_ram(struct sl_vfio_user *vfio)
{
	return &vfio->ram;
}
