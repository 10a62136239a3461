/* SPDX-License-Identifier: MIT */
/* Making an EDID: VESA Enhanced EDID Standard, release A, revision 2 (EDID 1.4), section 3. */
#include "host/vgpu/edid.h"

#include <string.h>

#define MAX_ACTIVE    4095u /* 12 bits in a detailed timing */
#define REFRESH_HZ    60u
#define PIXELS_PER_CM 38u /* about 96 dots per inch */

static void put_u16(uint8_t *at, uint32_t value)
{
	at[0] = (uint8_t)value;
	at[1] = (uint8_t)(value >> 8);
}

/* Section 3.10.2, with the reduced blanking of a flat panel. */
static void put_detailed_timing(uint8_t *at, uint32_t width, uint32_t height)
{
	const uint32_t hblank = 160;
	const uint32_t hfront = 48;
	const uint32_t hsync = 32;
	const uint32_t vblank = 35;
	const uint32_t vfront = 3;
	const uint32_t vsync = 6;
	const uint32_t width_mm = width * 10 / PIXELS_PER_CM;
	const uint32_t height_mm = height * 10 / PIXELS_PER_CM;
	uint64_t clock = (uint64_t)(width + hblank) * (height + vblank) * REFRESH_HZ / 10000;

	put_u16(at, clock > UINT16_MAX ? UINT16_MAX : (uint32_t)clock);
	at[2] = (uint8_t)width;
	at[3] = (uint8_t)hblank;
	at[4] = (uint8_t)((width >> 8) << 4 | hblank >> 8);
	at[5] = (uint8_t)height;
	at[6] = (uint8_t)vblank;
	at[7] = (uint8_t)((height >> 8) << 4 | vblank >> 8);
	at[8] = (uint8_t)hfront;
	at[9] = (uint8_t)hsync;
	at[10] = (uint8_t)((vfront & 15) << 4 | (vsync & 15));
	at[11] = 0;
	at[12] = (uint8_t)width_mm;
	at[13] = (uint8_t)height_mm;
	at[14] = (uint8_t)((width_mm >> 8) << 4 | height_mm >> 8);
	at[17] = 0x1a; /* digital separate sync, horizontal positive */
}

/* Section 3.10.3: a descriptor of 13 characters of text. */
static void put_text(uint8_t *at, uint8_t tag, const char *text)
{
	size_t length = strlen(text);

	at[3] = tag;
	memset(at + 5, ' ', 13);
	memcpy(at + 5, text, length);
	at[5 + length] = '\n';
}

static void put_range_limits(uint8_t *at)
{
	static const uint8_t limits[13] = { 50, 125, 30, 160, 255, 1, 10, 32, 32, 32, 32, 32, 32 };

	at[3] = 0xfd;
	memcpy(at + 5, limits, sizeof(limits));
}

void sl_edid_make(uint32_t width, uint32_t height, uint32_t scanout_id,
		  uint8_t ret_edid[SL_EDID_SIZE])
{
	static const uint8_t magic[8] = { 0, 255, 255, 255, 255, 255, 255, 0 };
	/* sRGB, section 3.7. */
	static const uint8_t colours[10] = { 0xee, 0x91, 0xa3, 0x54, 0x4c,
					     0x99, 0x26, 0x0f, 0x50, 0x54 };
	uint8_t *edid = ret_edid;
	uint8_t sum = 0;

	width = width > MAX_ACTIVE ? MAX_ACTIVE : width;
	height = height > MAX_ACTIVE ? MAX_ACTIVE : height;
	memset(edid, 0, SL_EDID_SIZE);
	memcpy(edid, magic, sizeof(magic));
	edid[8] = ('S' - '@') << 2 | ('L' - '@') >> 3; /* manufacturer: SLC, 5 bits a letter */
	edid[9] = (uint8_t)(('L' - '@') << 5) | ('C' - '@');
	put_u16(edid + 10, 1);
	put_u16(edid + 12, scanout_id);
	edid[16] = 1;  /* week */
	edid[17] = 36; /* of 2026 */
	edid[18] = 1;  /* EDID 1.4 */
	edid[19] = 4;
	edid[20] = 0xa0; /* digital, 8 bits a colour */
	edid[21] = (uint8_t)(width / PIXELS_PER_CM);
	edid[22] = (uint8_t)(height / PIXELS_PER_CM);
	edid[23] = 120;	 /* gamma 2.2 */
	edid[24] = 0x06; /* sRGB, and the first timing is the native one */
	memcpy(edid + 25, colours, sizeof(colours));
	edid[35] = 0x21; /* 640x480 and 800x600 at 60 Hz */
	edid[36] = 0x08; /* 1024x768 at 60 Hz */
	memset(edid + 38, 1, 16);
	put_detailed_timing(edid + 54, width, height);
	put_range_limits(edid + 72);
	put_text(edid + 90, 0xfc, "Sluice");
	edid[108 + 3] = 0x10; /* a descriptor that says nothing */
	for (uint32_t i = 0; i < SL_EDID_SIZE - 1; i++) {
		sum = (uint8_t)(sum + edid[i]);
	}
	edid[127] = (uint8_t)(0x100 - sum);
}
