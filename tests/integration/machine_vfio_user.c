/* SPDX-License-Identifier: MIT */
/* QEMU's part of machine.c, and of the guest's kernel: vfio-user. There is no display. */
#include "tests/integration/machine.h"

#include "host/base/fd.h"
#include "host/vgpu/vfio_user_msg.h"
#include "host/vgpu/virtio_pci.h"

#include <errno.h>
#include <linux/pci_regs.h>
#include <linux/vfio.h>
#include <linux/virtio_config.h>
#include <linux/virtio_pci.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#define FEATURES                                                                               \
	(1ull << VIRTIO_F_VERSION_1 | 1ull << VIRTIO_GPU_F_VIRGL | 1ull << VIRTIO_GPU_F_EDID | \
	 1ull << VIRTIO_GPU_F_RESOURCE_BLOB | 1ull << VIRTIO_GPU_F_CONTEXT_INIT)

static void send_message(struct machine *machine, uint16_t command, uint32_t flags,
			 const void *payload, uint32_t size, const int *fds, unsigned int fd_count)
{
	struct {
		struct sl_vfio_user_header header;
		uint8_t payload[64];
	} message = { .header = { .id = ++machine->message_id,
				  .command = command,
				  .size = (uint32_t)sizeof(message.header) + size,
				  .flags = flags } };

	memcpy(message.payload, payload, size);
	if (sl_fd_send(machine->fd, &message, message.header.size, fds, fd_count) < 0) {
		machine_end();
	}
}

static void receive(struct machine *machine, void *data, size_t size)
{
	if (size > 0 && recv(machine->fd, data, size, MSG_WAITALL) != (ssize_t)size) {
		machine_end();
	}
}

/* Waits until it is done; what the answer says else is thrown away. */
static void ask(struct machine *machine, uint16_t command, const void *payload, uint32_t size,
		const int *fds, unsigned int fd_count)
{
	struct pollfd wait = { .fd = machine->fd, .events = POLLIN };
	struct sl_vfio_user_header header;
	union sl_vfio_user_payload answer;

	send_message(machine, command, 0, payload, size, fds, fd_count);
	if (poll(&wait, 1, ANSWER_MS) == 0) {
		machine_fail("the monitor's message %u is not answered", command);
	}
	receive(machine, &header, sizeof(header));
	if (header.size < sizeof(header) || header.size - sizeof(header) > sizeof(answer)) {
		machine_fail("the answer to message %u has %u bytes", command, header.size);
	}
	receive(machine, &answer, header.size - sizeof(header));
	if ((header.flags & SL_VFIO_USER_ERROR) != 0 && header.error == ENOMEM) {
		/* QEMU ends then, too: it cannot give the device the guest's memory. */
		machine_end();
	}
	if ((header.flags & SL_VFIO_USER_ERROR) != 0) {
		machine_fail("message %u: %s", command, strerror((int)header.error));
	}
}

struct register_write {
	struct sl_vfio_user_access access;
	uint64_t value;
};

static void put(struct machine *machine, uint32_t region, uint64_t offset, uint64_t value,
		uint32_t size)
{
	const struct register_write message = { { offset, region, size }, value };

	ask(machine, SL_VFIO_USER_REGION_WRITE, &message, (uint32_t)sizeof(message.access) + size,
	    NULL, 0);
}

static void put_common(struct machine *machine, uint64_t offset, uint64_t value, uint32_t size)
{
	put(machine, SL_VIRTIO_PCI_BAR_REGISTERS, offset, value, size);
}

static uint64_t guest_address(const struct machine *machine, const void *at)
{
	return FAKE_RAM_ADDR + (uint64_t)((const uint8_t *)at - machine->guest.memory);
}

/* As Linux's driver. */
static void start_driver(struct machine *machine)
{
	const struct fake_guest *guest = &machine->guest;

	put_common(machine, VIRTIO_PCI_COMMON_STATUS, 0, 1);
	put_common(machine, VIRTIO_PCI_COMMON_STATUS, 3, 1);
	put_common(machine, VIRTIO_PCI_COMMON_GFSELECT, 0, 4);
	put_common(machine, VIRTIO_PCI_COMMON_GF, FEATURES & UINT32_MAX, 4);
	put_common(machine, VIRTIO_PCI_COMMON_GFSELECT, 1, 4);
	put_common(machine, VIRTIO_PCI_COMMON_GF, FEATURES >> 32, 4);
	put_common(machine, VIRTIO_PCI_COMMON_STATUS, 11, 1);
	put_common(machine, VIRTIO_PCI_COMMON_MSIX, 0, 2);
	put_common(machine, VIRTIO_PCI_COMMON_Q_SELECT, SL_VGPU_QUEUE_CONTROL, 2);
	put_common(machine, VIRTIO_PCI_COMMON_Q_MSIX, 1, 2);
	put_common(machine, VIRTIO_PCI_COMMON_Q_SIZE, FAKE_RING_SIZE, 2);
	put_common(machine, VIRTIO_PCI_COMMON_Q_DESCLO, guest_address(machine, guest->desc), 8);
	put_common(machine, VIRTIO_PCI_COMMON_Q_AVAILLO, guest_address(machine, guest->avail), 8);
	put_common(machine, VIRTIO_PCI_COMMON_Q_USEDLO, guest_address(machine, guest->used), 8);
	put_common(machine, VIRTIO_PCI_COMMON_Q_ENABLE, 1, 2);
	put_common(machine, VIRTIO_PCI_COMMON_STATUS, 15, 1);
}

void machine_start_vfio_user(struct machine *machine)
{
	static const struct {
		uint16_t major;
		uint16_t minor;
		char text[20];
	} version = { 0, 1, "{\"capabilities\":{}}" };
	const struct sl_vfio_user_dma_map map = {
		.argsz = sizeof(map),
		.flags = SL_VFIO_USER_DMA_READ | SL_VFIO_USER_DMA_WRITE,
		.address = FAKE_RAM_ADDR,
		.size = FAKE_RAM_SIZE,
	};
	const struct sl_vfio_user_irq_set irqs = {
		.argsz = sizeof(irqs),
		.flags = VFIO_IRQ_SET_ACTION_TRIGGER | VFIO_IRQ_SET_DATA_EVENTFD,
		.index = VFIO_PCI_MSIX_IRQ_INDEX,
		.count = SL_VIRTIO_PCI_VECTOR_COUNT,
	};
	const int calls[SL_VIRTIO_PCI_VECTOR_COUNT] = { machine->call, machine->call,
							machine->call };

	ask(machine, SL_VFIO_USER_VERSION, &version, sizeof(version), NULL, 0);
	ask(machine, SL_VFIO_USER_DMA_MAP, &map, sizeof(map), &machine->guest.fd, 1);
	ask(machine, SL_VFIO_USER_DEVICE_SET_IRQS, &irqs, sizeof(irqs), calls,
	    SL_VIRTIO_PCI_VECTOR_COUNT);
	put(machine, VFIO_PCI_CONFIG_REGION_INDEX, PCI_COMMAND, PCI_COMMAND_MASTER, 2);
	start_driver(machine);
}

void machine_kick_vfio_user(struct machine *machine)
{
	const struct register_write message = {
		{ SL_VIRTIO_PCI_NOTIFY, SL_VIRTIO_PCI_BAR_REGISTERS, 2 }, SL_VGPU_QUEUE_CONTROL
	};

	send_message(machine, SL_VFIO_USER_REGION_WRITE, SL_VFIO_USER_NO_REPLY, &message,
		     (uint32_t)sizeof(message.access) + 2, NULL, 0);
}
