/* SPDX-License-Identifier: MIT */
/* A PCI function's configuration space (PCI Local Bus Specification 3.0, chapter 6). */
#include "host/vgpu/pci_config.h"

#include <assert.h>
#include <errno.h>
#include <linux/pci_regs.h>
#include <string.h>

static void put(uint8_t *at, uint64_t value, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		at[i] = (uint8_t)(value >> 8 * i);
	}
}

void sl_pci_config_init(struct sl_pci_config *config, const struct sl_pci_identity *identity)
{
	*config = (struct sl_pci_config){
		.end = PCI_STD_HEADER_SIZEOF,
		.last = PCI_CAPABILITY_LIST,
	};
	put(config->bytes + PCI_VENDOR_ID, identity->vendor_id, 2);
	put(config->bytes + PCI_DEVICE_ID, identity->device_id, 2);
	put(config->bytes + PCI_SUBSYSTEM_VENDOR_ID, identity->subsystem_vendor_id, 2);
	put(config->bytes + PCI_SUBSYSTEM_ID, identity->subsystem_id, 2);
	put(config->bytes + PCI_REVISION_ID, identity->revision, 1);
	put(config->bytes + PCI_CLASS_PROG, identity->class_code, 3);
	sl_pci_config_allow(config, PCI_COMMAND, 2,
			    PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER | PCI_COMMAND_INTX_DISABLE);
	sl_pci_config_allow(config, PCI_CACHE_LINE_SIZE, 1, UINT8_MAX);
	sl_pci_config_allow(config, PCI_INTERRUPT_LINE, 1, UINT8_MAX);
}

void sl_pci_config_allow(struct sl_pci_config *config, uint32_t offset, uint32_t size,
			 uint32_t bits)
{
	assert(offset + size <= SL_PCI_CONFIG_SIZE && size <= sizeof(bits));
	put(config->writable + offset, bits, size);
}

/* The bits of an address below its alignment cannot be written: so software finds the size. */
void sl_pci_config_add_bar(struct sl_pci_config *config, uint32_t index, uint64_t size,
			   bool is_wide)
{
	const uint32_t at = PCI_BASE_ADDRESS_0 + 4 * index;
	const uint64_t address_bits = ~(size - 1);

	assert(index + (is_wide ? 1 : 0) < SL_PCI_BAR_COUNT && size >= 16 &&
	       (size & (size - 1)) == 0 && (is_wide || size <= 1u << 31));
	config->bar_sizes[index] = size;
	if (is_wide) {
		put(config->bytes + at,
		    PCI_BASE_ADDRESS_MEM_TYPE_64 | PCI_BASE_ADDRESS_MEM_PREFETCH, 4);
		sl_pci_config_allow(config, at + 4, 4, (uint32_t)(address_bits >> 32));
	}
	sl_pci_config_allow(config, at, 4, (uint32_t)address_bits);
}

uint32_t sl_pci_config_add_capability(struct sl_pci_config *config, uint8_t id, const void *data,
				      size_t size)
{
	const uint32_t offset = config->end;

	assert(size >= 2 && offset + size <= SL_PCI_CONFIG_SIZE);
	memcpy(config->bytes + offset, data, size);
	config->bytes[offset + PCI_CAP_LIST_ID] = id;
	config->bytes[offset + PCI_CAP_LIST_NEXT] = 0;
	config->bytes[config->last] = (uint8_t)offset;
	config->bytes[PCI_STATUS] |= PCI_STATUS_CAP_LIST;
	config->last = offset + PCI_CAP_LIST_NEXT;
	config->end = (uint32_t)(offset + size + 3) & ~3u;
	return offset;
}

static bool is_inside(uint64_t offset, size_t size)
{
	return offset <= SL_PCI_CONFIG_SIZE && size <= SL_PCI_CONFIG_SIZE - offset;
}

int sl_pci_config_read(const struct sl_pci_config *config, uint64_t offset, void *dst, size_t size)
{
	if (!is_inside(offset, size)) {
		return -EINVAL;
	}
	memcpy(dst, config->bytes + offset, size);
	return 0;
}

int sl_pci_config_write(struct sl_pci_config *config, uint64_t offset, const void *src, size_t size)
{
	const uint8_t *from = src;

	if (!is_inside(offset, size)) {
		return -EINVAL;
	}
	for (size_t i = 0; i < size; i++) {
		const uint8_t bits = config->writable[offset + i];
		uint8_t *byte = &config->bytes[offset + i];

		*byte = (uint8_t)((*byte & ~bits) | (from[i] & bits));
	}
	return 0;
}

bool sl_pci_config_is_bus_master(const struct sl_pci_config *config)
{
	return (config->bytes[PCI_COMMAND] & PCI_COMMAND_MASTER) != 0;
}

void sl_pci_config_reset(struct sl_pci_config *config)
{
	for (size_t i = 0; i < SL_PCI_CONFIG_SIZE; i++) {
		config->bytes[i] &= (uint8_t)~config->writable[i];
	}
}
