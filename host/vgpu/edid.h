/* SPDX-License-Identifier: MIT */
/* An EDID 1.4 base block for a monitor that does not exist. */
#ifndef SL_HOST_VGPU_EDID_H
#define SL_HOST_VGPU_EDID_H

#include <stdint.h>

#define SL_EDID_SIZE 128u

/* Describe a monitor whose preferred mode is width x height pixels at 60 Hz. The serial number is
 * the scanout's, so that a guest can tell its monitors apart. */
void sl_edid_make(uint32_t width, uint32_t height, uint32_t scanout_id,
		  uint8_t ret_edid[SL_EDID_SIZE]);

#endif
