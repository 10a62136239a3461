/* SPDX-License-Identifier: MIT */
/* A virtio device as a PCI function (virtio 1.2, section 4.1, without the legacy interface): its
 * configuration space and registers. It knows what a driver has set; what follows from that is the
 * front end's. Whatever is written, the state stays one that a driver could have set. One thread
 * only. */
#ifndef SL_HOST_VGPU_VIRTIO_PCI_H
#define SL_HOST_VGPU_VIRTIO_PCI_H

#include "host/vgpu/pci_config.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SL_VIRTIO_PCI_MAX_QUEUES 2u
/* One for changes of the configuration, one for each queue. */
#define SL_VIRTIO_PCI_VECTOR_COUNT (1u + SL_VIRTIO_PCI_MAX_QUEUES)

/* Which BAR is what. */
#define SL_VIRTIO_PCI_BAR_REGISTERS 0u
#define SL_VIRTIO_PCI_BAR_MSIX	    1u
#define SL_VIRTIO_PCI_BAR_WINDOW    2u /* and 3 */

/* Within the BAR of the registers. */
#define SL_VIRTIO_PCI_COMMON 0x0000u
#define SL_VIRTIO_PCI_ISR    0x1000u
#define SL_VIRTIO_PCI_DEVICE 0x2000u
#define SL_VIRTIO_PCI_NOTIFY 0x3000u
#define SL_VIRTIO_PCI_SIZE   0x4000u

#define SL_VIRTIO_PCI_NOTIFY_STEP 4u /* bytes from queue to queue */

/* Within the BAR of MSI-X. */
#define SL_VIRTIO_PCI_MSIX_TABLE   0x000u
#define SL_VIRTIO_PCI_MSIX_PENDING 0x800u
#define SL_VIRTIO_PCI_MSIX_SIZE	   0x1000u

struct sl_virtio_pci_ops {
	/* What is offered; VERSION_1 is then required of the driver. */
	uint64_t (*get_features)(void *data);
	/* The device's own configuration as it is now. */
	void (*read_config)(void *data, void *dst, size_t offset, size_t size);
	/* The driver gave the device up: all that it set is forgotten. */
	void (*reset)(void *data);
	/* Status, the queues' state or bus mastering changed. */
	void (*update)(void *data);
	void (*notify)(void *data, uint32_t queue);
	/* Bit: a vector whose interrupt could not be delivered. */
	uint32_t (*get_pending)(void *data);
};

struct sl_virtio_pci_options {
	struct sl_pci_identity identity;
	uint32_t queue_count;	 /* up to SL_VIRTIO_PCI_MAX_QUEUES */
	uint32_t queue_max_size; /* a power of two */
	size_t config_size;	 /* of the device's own configuration, in bytes */
	uint64_t window_size;	 /* of shared memory, a power of two; 0: none */
	uint8_t window_id;	 /* by which the driver finds it */
	const struct sl_virtio_pci_ops *ops;
	void *data;
};

struct sl_virtio_pci_queue {
	uint32_t size;
	uint16_t vector;
	bool enabled;
	uint64_t descriptors; /* guest-physical */
	uint64_t available;
	uint64_t used;
};

struct sl_virtio_pci {
	struct sl_virtio_pci_options options;
	struct sl_pci_config config;
	uint32_t access_offset; /* of the capability by which registers are reached without BARs */
	uint8_t msix_table[16 * SL_VIRTIO_PCI_VECTOR_COUNT];

	uint8_t status;
	uint8_t isr;
	uint64_t driver_features;
	uint32_t device_feature_select;
	uint32_t driver_feature_select;
	uint16_t config_vector;
	uint16_t queue_select;
	struct sl_virtio_pci_queue queues[SL_VIRTIO_PCI_MAX_QUEUES];
};

void sl_virtio_pci_init(struct sl_virtio_pci *pci, const struct sl_virtio_pci_options *options);

/* Access a region: a BAR, or the configuration space (VFIO_PCI_CONFIG_REGION_INDEX). The window is
 * the front end's. Return 0, or -EINVAL: there is no such region, or it is not that large. */
int sl_virtio_pci_read(struct sl_virtio_pci *pci, uint32_t region, uint64_t offset, void *dst,
		       size_t size);
int sl_virtio_pci_write(struct sl_virtio_pci *pci, uint32_t region, uint64_t offset,
			const void *src, size_t size);

/* The function as after power-on. ops->reset() is called. */
void sl_virtio_pci_reset(struct sl_virtio_pci *pci);

/* The driver is ready and the device may use memory. */
bool sl_virtio_pci_is_running(const struct sl_virtio_pci *pci);

/* Both return the vector to interrupt with, or SL_VIRTIO_PCI_NO_VECTOR: the driver wants none. */
#define SL_VIRTIO_PCI_NO_VECTOR 0xffffu
uint32_t sl_virtio_pci_raise_queue(struct sl_virtio_pci *pci, uint32_t queue);
/* The driver must reset the device before it can go on. */
uint32_t sl_virtio_pci_raise_broken(struct sl_virtio_pci *pci);

#endif
