/* SPDX-License-Identifier: MIT */
/* The configuration space of a PCI function: header, BARs, capabilities. What is read-only, and the
 * size of a BAR, is a mask of bits that may be written. One thread only. */
#ifndef SL_HOST_VGPU_PCI_CONFIG_H
#define SL_HOST_VGPU_PCI_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SL_PCI_CONFIG_SIZE 256u
#define SL_PCI_BAR_COUNT   6u

struct sl_pci_config {
	uint8_t bytes[SL_PCI_CONFIG_SIZE];
	uint8_t writable[SL_PCI_CONFIG_SIZE]; /* bits */
	uint64_t bar_sizes[SL_PCI_BAR_COUNT]; /* 0: none, or the upper half of the one before */
	uint32_t end;			      /* of the capabilities so far */
	uint32_t last;			      /* where the last one's "next" goes */
};

struct sl_pci_identity {
	uint16_t vendor_id;
	uint16_t device_id;
	uint16_t subsystem_vendor_id;
	uint16_t subsystem_id;
	uint32_t class_code; /* 24 bits */
	uint8_t revision;
};

/* A function without BARs, interrupt pin and capabilities, switched off. */
void sl_pci_config_init(struct sl_pci_config *config, const struct sl_pci_identity *identity);

/* A BAR of memory. size: a power of two, 16 or more; is_wide: 64 bits and prefetchable, which takes
 * the BAR behind it too. */
void sl_pci_config_add_bar(struct sl_pci_config *config, uint32_t index, uint64_t size,
			   bool is_wide);

/* Append a capability: size bytes, the first two of which (id and next) are filled in. There must
 * be room. Returns its offset. */
uint32_t sl_pci_config_add_capability(struct sl_pci_config *config, uint8_t id, const void *data,
				      size_t size);
/* Let bits of a little-endian field be written. */
void sl_pci_config_allow(struct sl_pci_config *config, uint32_t offset, uint32_t size,
			 uint32_t bits);

/* What is written into read-only bits is dropped. Return 0, or -EINVAL if the range is not within
 * the space. */
int sl_pci_config_read(const struct sl_pci_config *config, uint64_t offset, void *dst, size_t size);
int sl_pci_config_write(struct sl_pci_config *config, uint64_t offset, const void *src,
			size_t size);

/* The function may read and write memory. */
bool sl_pci_config_is_bus_master(const struct sl_pci_config *config);
/* All that was written is undone. */
void sl_pci_config_reset(struct sl_pci_config *config);

#endif
