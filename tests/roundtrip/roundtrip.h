/* SPDX-License-Identifier: MIT */
/* Random arguments for every command, and the table of what is tested with them. The functions
 * that fill structs are generated; these are their tools. */
#ifndef SL_TESTS_ROUNDTRIP_ROUNDTRIP_H
#define SL_TESTS_ROUNDTRIP_ROUNDTRIP_H

#include "protocol/codec.h"
#include "protocol/conditions.h"
#include "protocol/sl_codec.h"
#include "protocol/sl_enums.h"

#include <stdio.h>

#define RT_MAX_HANDLES 512

enum rt_mode {
	RT_MINIMAL, /* nothing optional, empty arrays, empty chains */
	RT_FULL,    /* everything optional, arrays of 2, every struct in every chain */
	RT_RANDOM,  /* anything; chains in any order */
	RT_DIRTY,   /* the same; chains also hold repeated and unknown structs */
};

struct rt_object {
	struct sl_handle handle;
	uint32_t type;
};

/* Makes arguments; the same seed and mode make the same. */
struct rt {
	uint64_t random;
	enum rt_mode mode;
	void **blocks; /* of rt_alloc() */
	size_t block_count;
	size_t block_room;
	struct rt_object *objects; /* RT_MAX_HANDLES; they stay from one reset to the next */
	uint32_t object_count;
	uint32_t seen[SL_CAPS_STRUCT_WORDS]; /* structs that were put into chains */
};

void rt_init(struct rt *rt);
void rt_finish(struct rt *rt);
/* Free what was allocated, and begin again. */
void rt_reset(struct rt *rt, uint64_t seed, enum rt_mode mode);
const struct sl_resolver *rt_get_resolver(struct rt *rt, struct sl_resolver *resolver);

/* Of just that size, so that the address sanitizer sees who reads on; filled with a pattern. */
void *rt_alloc(struct rt *rt, size_t count, size_t size);
uint64_t rt_u64(struct rt *rt);
uint32_t rt_u32(struct rt *rt);
float rt_f32(struct rt *rt);
/* An array's length. */
uint32_t rt_count(struct rt *rt);
uint64_t rt_upto(struct rt *rt, uint64_t max);
/* Whether something optional is there. */
bool rt_optional(struct rt *rt);
/* Whether a result is there. */
bool rt_chance(struct rt *rt);
uint64_t rt_bits(struct rt *rt, uint64_t known);
int rt_pick(struct rt *rt, const int *values, size_t count);
void rt_bytes(struct rt *rt, void *data, size_t size);
char *rt_string(struct rt *rt);
void *rt_handle(struct rt *rt, uint32_t type, bool nullable);
/* What an ignored pointer or handle may hold: to look at it is to crash. */
#define RT_GARBAGE ((void *)(uintptr_t)0xdead0001)

/* A chain of structs out of the list; fill is one of the generated functions below. */
void *rt_chain(struct rt *rt, const VkStructureType *types, size_t count, const void *context,
	       void (*fill)(struct rt *rt, VkBaseOutStructure *item, const void *context));

/* Generated: one struct of a chain. fill: to be read; skeleton: to be filled by the
 * implementation; result: as the implementation has filled it. */
void rt_fill_chained(struct rt *rt, VkBaseOutStructure *item, const void *context);
void rt_skeleton_chained(struct rt *rt, VkBaseOutStructure *item, const void *context);
void rt_result_chained(struct rt *rt, const VkBaseOutStructure *item);
/* Put garbage where the struct is not read; what it depends on has been filled. */
void rt_garble_chained(VkBaseOutStructure *item, const void *context);

/* The same for all structs of a chain. */
void rt_result_chain(struct rt *rt, const void *next);
void rt_garble_chain(const void *next, const void *context);

struct roundtrip_command {
	const char *name;
	size_t args_size;
	bool is_recorded;
	void (*fill)(struct rt *rt, void *args);
	size_t (*size)(const struct sl_caps *caps, const void *args);
	void (*encode)(struct sl_writer *out, const void *args);
	void (*decode)(struct sl_reader *in, void *args);
	void (*dump)(FILE *out, const void *args);
	/* NULL: it has no reply. */
	void (*result)(struct rt *rt, void *args);
	size_t (*reply_size)(const struct sl_caps *caps, const void *args);
	void (*reply_encode)(struct sl_writer *out, const void *args);
	void (*reply_decode)(struct sl_reader *in, void *args);
};

/* Generated. */
extern const struct roundtrip_command roundtrip_commands[];
extern const size_t roundtrip_command_count;
/* The structs that chains hold. */
extern const VkStructureType roundtrip_chained[];
extern const size_t roundtrip_chained_count;

/* Functions of one type for each command, and its line in the table. */
#define ROUNDTRIP_REQUEST(X)                                                 \
	static size_t size_##X(const struct sl_caps *caps, const void *args) \
	{                                                                    \
		return sl_size_##X(caps, args);                              \
	}                                                                    \
	static void encode_##X(struct sl_writer *out, const void *args)      \
	{                                                                    \
		sl_encode_##X(out, args);                                    \
	}                                                                    \
	static void decode_##X(struct sl_reader *in, void *args)             \
	{                                                                    \
		sl_decode_##X(in, args);                                     \
	}                                                                    \
	static void dump_##X(FILE *out, const void *args)                    \
	{                                                                    \
		sl_dump_##X(out, args);                                      \
	}
#define ROUNDTRIP_REPLY(X)                                                         \
	static size_t reply_size_##X(const struct sl_caps *caps, const void *args) \
	{                                                                          \
		return sl_reply_size_##X(caps, args);                              \
	}                                                                          \
	static void reply_encode_##X(struct sl_writer *out, const void *args)      \
	{                                                                          \
		sl_reply_encode_##X(out, args);                                    \
	}                                                                          \
	static void reply_decode_##X(struct sl_reader *in, void *args)             \
	{                                                                          \
		sl_reply_decode_##X(in, args);                                     \
	}
#define ROUNDTRIP_LINE(X)	  #X, sizeof(struct sl_##X)
#define ROUNDTRIP_REQUEST_LINE(X) fill_##X, size_##X, encode_##X, decode_##X, dump_##X
#define ROUNDTRIP_REPLY_LINE(X)	  result_##X, reply_size_##X, reply_encode_##X, reply_decode_##X

#endif
