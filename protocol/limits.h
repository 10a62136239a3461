/* SPDX-License-Identifier: MIT */
/* Caps on everything whose size a guest chooses. */
#ifndef SL_PROTOCOL_LIMITS_H
#define SL_PROTOCOL_LIMITS_H

/* Bytes. */
#define SL_RING_MIN_SIZE     (64u << 10)
#define SL_RING_MAX_SIZE     (16u << 20)
#define SL_RING_DEFAULT_SIZE (1u << 20)
#define SL_REPLY_AREA_SIZE   (1u << 20)
#define SL_MAX_MESSAGE_SIZE  (256u << 20)
#define SL_MAX_ARENA_SIZE    (512u << 20)

/* Elements. */
#define SL_MAX_OBJECTS		(1u << 20)
#define SL_MAX_QUEUES		112u
#define SL_MAX_PHYSICAL_DEVICES 16u
#define SL_MAX_CHAIN_LENGTH	256u
#define SL_MAX_ARRAY_COUNT	(16u << 20)
#define SL_MAX_STRING_LENGTH	(64u << 10)
#define SL_MAX_REGIONS		65536u
#define SL_MAX_PAGE_RUNS	16384u /* of one region */
#define SL_MAX_STRUCT_DEPTH	16u
#define SL_MAX_BINDINGS		65536u /* numbers in a descriptor set layout */

/* Shaders: bytes, blocks within blocks, types within types, places of inputs and outputs (more than
 * any device has; drivers keep arrays of them). */
#define SL_MAX_SHADER_SIZE	 (16u << 20)
#define SL_MAX_SHADER_NESTING	 256u
#define SL_MAX_SHADER_TYPE_DEPTH 64u
#define SL_MAX_SHADER_LOCATIONS	 64u

#endif
