/* SPDX-License-Identifier: MIT */
/* The registers of a virtio device on PCI. An access may have any size and offset: what is read
 * comes from an image of the registers, what is written goes into one, and each register that was
 * touched takes its new value from there. */
#include "host/vgpu/virtio_pci.h"

#include <assert.h>
#include <errno.h>
#include <linux/pci_regs.h>
#include <linux/vfio.h>
#include <linux/virtio_config.h>
#include <linux/virtio_pci.h>
#include <string.h>

#define ISR_QUEUE 1u

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "virtio is little-endian");

static void add_structure(struct sl_virtio_pci *pci, uint8_t type, uint32_t offset, uint32_t length)
{
	const struct virtio_pci_cap cap = {
		.cap_len = sizeof(cap),
		.cfg_type = type,
		.bar = SL_VIRTIO_PCI_BAR_REGISTERS,
		.offset = offset,
		.length = length,
	};

	sl_pci_config_add_capability(&pci->config, PCI_CAP_ID_VNDR, &cap, sizeof(cap));
}

static void add_notify(struct sl_virtio_pci *pci)
{
	const struct virtio_pci_notify_cap cap = {
		.cap = { .cap_len = sizeof(cap),
			 .cfg_type = VIRTIO_PCI_CAP_NOTIFY_CFG,
			 .bar = SL_VIRTIO_PCI_BAR_REGISTERS,
			 .offset = SL_VIRTIO_PCI_NOTIFY,
			 .length = SL_VIRTIO_PCI_NOTIFY_STEP * pci->options.queue_count },
		.notify_off_multiplier = SL_VIRTIO_PCI_NOTIFY_STEP,
	};

	sl_pci_config_add_capability(&pci->config, PCI_CAP_ID_VNDR, &cap, sizeof(cap));
}

static void add_access(struct sl_virtio_pci *pci)
{
	const struct virtio_pci_cfg_cap cap = {
		.cap = { .cap_len = sizeof(cap), .cfg_type = VIRTIO_PCI_CAP_PCI_CFG },
	};
	uint32_t at =
		sl_pci_config_add_capability(&pci->config, PCI_CAP_ID_VNDR, &cap, sizeof(cap));

	sl_pci_config_allow(&pci->config, at + VIRTIO_PCI_CAP_BAR, 1, UINT8_MAX);
	sl_pci_config_allow(&pci->config, at + VIRTIO_PCI_CAP_OFFSET, 4, UINT32_MAX);
	sl_pci_config_allow(&pci->config, at + VIRTIO_PCI_CAP_LENGTH, 4, UINT32_MAX);
	pci->access_offset = at;
}

static void add_window(struct sl_virtio_pci *pci)
{
	const uint64_t size = pci->options.window_size;
	const struct virtio_pci_cap64 cap = {
		.cap = { .cap_len = sizeof(cap),
			 .cfg_type = VIRTIO_PCI_CAP_SHARED_MEMORY_CFG,
			 .bar = SL_VIRTIO_PCI_BAR_WINDOW,
			 .id = pci->options.window_id,
			 .length = (uint32_t)size },
		.length_hi = (uint32_t)(size >> 32),
	};

	sl_pci_config_add_bar(&pci->config, SL_VIRTIO_PCI_BAR_WINDOW, size, true);
	sl_pci_config_add_capability(&pci->config, PCI_CAP_ID_VNDR, &cap, sizeof(cap));
}

static void add_msix(struct sl_virtio_pci *pci)
{
	struct __attribute__((packed)) {
		uint8_t id;
		uint8_t next;
		uint16_t control;
		uint32_t table;
		uint32_t pending;
	} cap = {
		.control = SL_VIRTIO_PCI_VECTOR_COUNT - 1,
		.table = SL_VIRTIO_PCI_MSIX_TABLE | SL_VIRTIO_PCI_BAR_MSIX,
		.pending = SL_VIRTIO_PCI_MSIX_PENDING | SL_VIRTIO_PCI_BAR_MSIX,
	};

	static_assert(sizeof(cap) == PCI_CAP_MSIX_SIZEOF, "PCI capability");
	uint32_t at =
		sl_pci_config_add_capability(&pci->config, PCI_CAP_ID_MSIX, &cap, sizeof(cap));
	sl_pci_config_allow(&pci->config, at + PCI_MSIX_FLAGS, 2,
			    PCI_MSIX_FLAGS_MASKALL | PCI_MSIX_FLAGS_ENABLE);
}

static void forget_driver(struct sl_virtio_pci *pci)
{
	pci->status = 0;
	pci->isr = 0;
	pci->driver_features = 0;
	pci->device_feature_select = 0;
	pci->driver_feature_select = 0;
	pci->config_vector = VIRTIO_MSI_NO_VECTOR;
	pci->queue_select = 0;
	for (uint32_t i = 0; i < SL_VIRTIO_PCI_MAX_QUEUES; i++) {
		pci->queues[i] = (struct sl_virtio_pci_queue){
			.size = pci->options.queue_max_size,
			.vector = VIRTIO_MSI_NO_VECTOR,
		};
	}
}

/* A vector's control word says that it is masked. */
static void mask_vectors(struct sl_virtio_pci *pci)
{
	memset(pci->msix_table, 0, sizeof(pci->msix_table));
	for (uint32_t i = 0; i < SL_VIRTIO_PCI_VECTOR_COUNT; i++) {
		pci->msix_table[PCI_MSIX_ENTRY_SIZE * i + PCI_MSIX_ENTRY_VECTOR_CTRL] =
			PCI_MSIX_ENTRY_CTRL_MASKBIT;
	}
}

void sl_virtio_pci_init(struct sl_virtio_pci *pci, const struct sl_virtio_pci_options *options)
{
	assert(options->queue_count <= SL_VIRTIO_PCI_MAX_QUEUES);
	*pci = (struct sl_virtio_pci){ .options = *options };
	sl_pci_config_init(&pci->config, &options->identity);
	sl_pci_config_add_bar(&pci->config, SL_VIRTIO_PCI_BAR_REGISTERS, SL_VIRTIO_PCI_SIZE, false);
	sl_pci_config_add_bar(&pci->config, SL_VIRTIO_PCI_BAR_MSIX, SL_VIRTIO_PCI_MSIX_SIZE, false);
	add_msix(pci);
	add_structure(pci, VIRTIO_PCI_CAP_COMMON_CFG, SL_VIRTIO_PCI_COMMON,
		      sizeof(struct virtio_pci_common_cfg));
	add_structure(pci, VIRTIO_PCI_CAP_ISR_CFG, SL_VIRTIO_PCI_ISR, 1);
	add_structure(pci, VIRTIO_PCI_CAP_DEVICE_CFG, SL_VIRTIO_PCI_DEVICE,
		      (uint32_t)options->config_size);
	add_notify(pci);
	add_access(pci);
	if (options->window_size > 0) {
		add_window(pci);
	}
	forget_driver(pci);
	mask_vectors(pci);
}

static struct sl_virtio_pci_queue *selected_queue(struct sl_virtio_pci *pci)
{
	return pci->queue_select < pci->options.queue_count ? &pci->queues[pci->queue_select]
							    : NULL;
}

static struct virtio_pci_common_cfg make_image(struct sl_virtio_pci *pci)
{
	const struct sl_virtio_pci_queue *queue = selected_queue(pci);
	const uint32_t device_shift = pci->device_feature_select * 32;
	const uint32_t driver_shift = pci->driver_feature_select * 32;
	struct virtio_pci_common_cfg image = {
		.device_feature_select = pci->device_feature_select,
		.guest_feature_select = pci->driver_feature_select,
		.msix_config = pci->config_vector,
		.num_queues = (uint16_t)pci->options.queue_count,
		.device_status = pci->status,
		.queue_select = pci->queue_select,
	};

	if (pci->device_feature_select < 2) {
		image.device_feature =
			(uint32_t)(pci->options.ops->get_features(pci->options.data) >>
				   device_shift);
	}
	if (pci->driver_feature_select < 2) {
		image.guest_feature = (uint32_t)(pci->driver_features >> driver_shift);
	}
	if (queue != NULL) {
		image.queue_size = (uint16_t)queue->size;
		image.queue_msix_vector = queue->vector;
		image.queue_enable = queue->enabled ? 1 : 0;
		image.queue_notify_off = pci->queue_select;
		image.queue_desc_lo = (uint32_t)queue->descriptors;
		image.queue_desc_hi = (uint32_t)(queue->descriptors >> 32);
		image.queue_avail_lo = (uint32_t)queue->available;
		image.queue_avail_hi = (uint32_t)(queue->available >> 32);
		image.queue_used_lo = (uint32_t)queue->used;
		image.queue_used_hi = (uint32_t)(queue->used >> 32);
	}
	return image;
}

static uint16_t check_vector(uint16_t guest_vector)
{
	return guest_vector < SL_VIRTIO_PCI_VECTOR_COUNT ? guest_vector : VIRTIO_MSI_NO_VECTOR;
}

static void set_driver_feature(struct sl_virtio_pci *pci, uint32_t guest_bits)
{
	const uint32_t shift = pci->driver_feature_select * 32;

	if (pci->driver_feature_select < 2 && (pci->status & VIRTIO_CONFIG_S_FEATURES_OK) == 0) {
		pci->driver_features &= ~((uint64_t)UINT32_MAX << shift);
		pci->driver_features |= (uint64_t)guest_bits << shift;
	}
}

/* Bits are set one after the other and go only with a reset. */
static void set_status(struct sl_virtio_pci *pci, uint8_t guest_status)
{
	const uint8_t needs_reset = VIRTIO_CONFIG_S_NEEDS_RESET;
	const uint64_t offered = pci->options.ops->get_features(pci->options.data);
	const uint64_t version = 1ull << VIRTIO_F_VERSION_1;

	if (guest_status == 0) {
		forget_driver(pci);
		pci->options.ops->reset(pci->options.data);
		return;
	}
	if ((pci->driver_features & ~offered) != 0 || (pci->driver_features & version) == 0) {
		guest_status &=
			(uint8_t) ~(VIRTIO_CONFIG_S_FEATURES_OK | VIRTIO_CONFIG_S_DRIVER_OK);
	}
	pci->status |= guest_status & (uint8_t)~needs_reset;
	pci->options.ops->update(pci->options.data);
}

static bool is_touched(size_t field, size_t field_size, uint64_t offset, size_t size)
{
	return field < offset + size && offset < field + field_size;
}

#define TOUCHED(member)                                            \
	is_touched(offsetof(struct virtio_pci_common_cfg, member), \
		   sizeof(((struct virtio_pci_common_cfg *)0)->member), offset, size)

static void set_queue(struct sl_virtio_pci *pci, struct sl_virtio_pci_queue *queue,
		      const struct virtio_pci_common_cfg *image, uint64_t offset, size_t size)
{
	const uint16_t guest_size = image->queue_size;

	if (TOUCHED(queue_msix_vector)) {
		queue->vector = check_vector(image->queue_msix_vector);
	}
	if (queue->enabled) {
		return;
	}
	if (TOUCHED(queue_size) && guest_size != 0 && guest_size <= pci->options.queue_max_size &&
	    (guest_size & (guest_size - 1)) == 0) {
		queue->size = guest_size;
	}
	queue->descriptors = (uint64_t)image->queue_desc_hi << 32 | image->queue_desc_lo;
	queue->available = (uint64_t)image->queue_avail_hi << 32 | image->queue_avail_lo;
	queue->used = (uint64_t)image->queue_used_hi << 32 | image->queue_used_lo;
	if (TOUCHED(queue_enable) && image->queue_enable == 1) {
		queue->enabled = true;
		pci->options.ops->update(pci->options.data);
	}
}

static void write_common(struct sl_virtio_pci *pci, uint64_t offset, const void *src, size_t size)
{
	struct virtio_pci_common_cfg image = make_image(pci);
	struct sl_virtio_pci_queue *queue = selected_queue(pci);

	memcpy((uint8_t *)&image + offset, src, size);
	if (queue != NULL) {
		set_queue(pci, queue, &image, offset, size);
	}
	if (TOUCHED(guest_feature)) {
		set_driver_feature(pci, image.guest_feature);
	}
	if (TOUCHED(msix_config)) {
		pci->config_vector = check_vector(image.msix_config);
	}
	pci->device_feature_select = image.device_feature_select;
	pci->driver_feature_select = image.guest_feature_select;
	pci->queue_select = image.queue_select;
	if (TOUCHED(device_status)) {
		set_status(pci, image.device_status);
	}
}

/* How much of an access at offset lies within a structure of its own size. */
static size_t part_within(uint64_t offset, size_t size, size_t structure_size)
{
	if (offset >= structure_size) {
		return 0;
	}
	return size < structure_size - offset ? size : structure_size - (size_t)offset;
}

/* What lies between the structures is zeros. */
static void read_registers(struct sl_virtio_pci *pci, uint64_t offset, void *dst, size_t size)
{
	if (offset < SL_VIRTIO_PCI_ISR) {
		const struct virtio_pci_common_cfg image = make_image(pci);
		size_t part = part_within(offset, size, sizeof(image));

		if (part > 0) {
			memcpy(dst, (const uint8_t *)&image + offset, part);
		}
	} else if (offset == SL_VIRTIO_PCI_ISR && size > 0) {
		memcpy(dst, &pci->isr, 1);
		pci->isr = 0;
	} else if (offset >= SL_VIRTIO_PCI_DEVICE && offset < SL_VIRTIO_PCI_NOTIFY) {
		offset -= SL_VIRTIO_PCI_DEVICE;
		pci->options.ops->read_config(pci->options.data, dst, offset,
					      part_within(offset, size, pci->options.config_size));
	}
}

static void write_registers(struct sl_virtio_pci *pci, uint64_t offset, const void *src,
			    size_t size)
{
	if (offset < SL_VIRTIO_PCI_ISR) {
		size_t part = part_within(offset, size, sizeof(struct virtio_pci_common_cfg));

		if (part > 0) {
			write_common(pci, offset, src, part);
		}
	} else if (offset >= SL_VIRTIO_PCI_NOTIFY) {
		uint64_t queue = (offset - SL_VIRTIO_PCI_NOTIFY) / SL_VIRTIO_PCI_NOTIFY_STEP;

		if (queue < pci->options.queue_count) {
			pci->options.ops->notify(pci->options.data, (uint32_t)queue);
		}
	}
}

static void read_msix(struct sl_virtio_pci *pci, uint64_t offset, void *dst, size_t size)
{
	if (offset >= SL_VIRTIO_PCI_MSIX_PENDING) {
		const uint64_t pending = pci->options.ops->get_pending(pci->options.data);

		offset -= SL_VIRTIO_PCI_MSIX_PENDING;
		if (offset < sizeof(pending)) {
			memcpy(dst, (const uint8_t *)&pending + offset,
			       part_within(offset, size, sizeof(pending)));
		}
		return;
	}
	if (offset < sizeof(pci->msix_table)) {
		memcpy(dst, pci->msix_table + offset,
		       part_within(offset, size, sizeof(pci->msix_table)));
	}
}

static void write_msix(struct sl_virtio_pci *pci, uint64_t offset, const void *src, size_t size)
{
	if (offset < sizeof(pci->msix_table)) {
		memcpy(pci->msix_table + offset, src,
		       part_within(offset, size, sizeof(pci->msix_table)));
	}
}

/* The access that the driver has described in the configuration space, of at most 4 bytes.
 * Returns its region, or -EINVAL. */
static int get_described(const struct sl_virtio_pci *pci, uint32_t *ret_offset, size_t *ret_size)
{
	struct virtio_pci_cap cap;

	memcpy(&cap, pci->config.bytes + pci->access_offset, sizeof(cap));
	if (cap.bar != SL_VIRTIO_PCI_BAR_REGISTERS ||
	    (cap.length != 1 && cap.length != 2 && cap.length != 4)) {
		return -EINVAL;
	}
	*ret_offset = cap.offset;
	*ret_size = cap.length;
	return cap.bar;
}

static bool touches_described(const struct sl_virtio_pci *pci, uint64_t offset, size_t size)
{
	return is_touched(pci->access_offset + offsetof(struct virtio_pci_cfg_cap, pci_cfg_data), 4,
			  offset, size);
}

static int read_config_space(struct sl_virtio_pci *pci, uint64_t offset, void *dst, size_t size)
{
	const size_t data_at =
		pci->access_offset + offsetof(struct virtio_pci_cfg_cap, pci_cfg_data);
	uint32_t at;
	size_t length;

	if (touches_described(pci, offset, size)) {
		int region = get_described(pci, &at, &length);

		if (region >= 0) {
			(void)sl_virtio_pci_read(pci, (uint32_t)region, at,
						 pci->config.bytes + data_at, length);
		}
	}
	return sl_pci_config_read(&pci->config, offset, dst, size);
}

static int write_config_space(struct sl_virtio_pci *pci, uint64_t offset, const void *src,
			      size_t size)
{
	const size_t data_at =
		pci->access_offset + offsetof(struct virtio_pci_cfg_cap, pci_cfg_data);
	bool was_master = sl_pci_config_is_bus_master(&pci->config);
	uint32_t at;
	size_t length;
	int r = sl_pci_config_write(&pci->config, offset, src, size);

	/* The data is what the access writes, not a register. */
	if (r == 0 && offset == data_at && get_described(pci, &at, &length) >= 0 &&
	    length <= size) {
		(void)sl_virtio_pci_write(pci, SL_VIRTIO_PCI_BAR_REGISTERS, at, src, length);
	}
	if (was_master != sl_pci_config_is_bus_master(&pci->config)) {
		pci->options.ops->update(pci->options.data);
	}
	return r;
}

/* The size of a region whose accesses are handled here; 0: none. */
static uint64_t region_size(uint32_t region)
{
	switch (region) {
	case SL_VIRTIO_PCI_BAR_REGISTERS:
		return SL_VIRTIO_PCI_SIZE;
	case SL_VIRTIO_PCI_BAR_MSIX:
		return SL_VIRTIO_PCI_MSIX_SIZE;
	default:
		return region == VFIO_PCI_CONFIG_REGION_INDEX ? SL_PCI_CONFIG_SIZE : 0;
	}
}

static bool is_inside(uint32_t region, uint64_t offset, size_t size)
{
	return offset <= region_size(region) && size <= region_size(region) - offset;
}

int sl_virtio_pci_read(struct sl_virtio_pci *pci, uint32_t region, uint64_t offset, void *dst,
		       size_t size)
{
	if (size == 0 || !is_inside(region, offset, size)) {
		return -EINVAL;
	}
	memset(dst, 0, size);
	switch (region) {
	case SL_VIRTIO_PCI_BAR_REGISTERS:
		read_registers(pci, offset, dst, size);
		return 0;
	case SL_VIRTIO_PCI_BAR_MSIX:
		read_msix(pci, offset, dst, size);
		return 0;
	default:
		return read_config_space(pci, offset, dst, size);
	}
}

int sl_virtio_pci_write(struct sl_virtio_pci *pci, uint32_t region, uint64_t offset,
			const void *src, size_t size)
{
	if (size == 0 || !is_inside(region, offset, size)) {
		return -EINVAL;
	}
	switch (region) {
	case SL_VIRTIO_PCI_BAR_REGISTERS:
		write_registers(pci, offset, src, size);
		return 0;
	case SL_VIRTIO_PCI_BAR_MSIX:
		write_msix(pci, offset, src, size);
		return 0;
	default:
		return write_config_space(pci, offset, src, size);
	}
}

void sl_virtio_pci_reset(struct sl_virtio_pci *pci)
{
	sl_pci_config_reset(&pci->config);
	mask_vectors(pci);
	forget_driver(pci);
	pci->options.ops->reset(pci->options.data);
}

bool sl_virtio_pci_is_running(const struct sl_virtio_pci *pci)
{
	const uint8_t wanted = VIRTIO_CONFIG_S_FEATURES_OK | VIRTIO_CONFIG_S_DRIVER_OK;
	const uint8_t unwanted = VIRTIO_CONFIG_S_NEEDS_RESET | VIRTIO_CONFIG_S_FAILED;

	return (pci->status & wanted) == wanted && (pci->status & unwanted) == 0 &&
	       sl_pci_config_is_bus_master(&pci->config);
}

uint32_t sl_virtio_pci_raise_queue(struct sl_virtio_pci *pci, uint32_t queue)
{
	pci->isr |= ISR_QUEUE;
	return pci->queues[queue].vector;
}

uint32_t sl_virtio_pci_raise_broken(struct sl_virtio_pci *pci)
{
	pci->status |= VIRTIO_CONFIG_S_NEEDS_RESET;
	pci->isr |= VIRTIO_PCI_ISR_CONFIG;
	return pci->config_vector;
}
