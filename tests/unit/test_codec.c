/* SPDX-License-Identifier: MIT */
/* The generated codec and protocol/codec: the bytes that docs/wire-format.md promises, what chains
 * drop and refuse, and which values are refused. (That every command survives the way is shown by
 * tests/roundtrip.) */
#include "protocol/codec.h"
#include "protocol/limits.h"
#include "protocol/sl_codec.h"
#include "protocol/sl_types.h"

#include "tests/unit/sl_test.h"

#define GARBAGE ((void *)(uintptr_t)0xdead0001)

struct fixture {
	struct sl_caps caps;
	struct sl_arena arena;
	struct sl_resolver resolver;
	struct sl_reader in;
	uint32_t words[4096];
	size_t size; /* bytes of words that are used */
	struct sl_handle device;
	struct sl_handle buffers[2];
};

static uint64_t find(void *data, uint32_t object_type, uint64_t id)
{
	struct fixture *f = data;

	if (object_type == VK_OBJECT_TYPE_DEVICE && id == f->device.id) {
		return SL_U64(&f->device);
	}
	for (size_t i = 0; i < 2; i++) {
		if (object_type == VK_OBJECT_TYPE_BUFFER && id == f->buffers[i].id) {
			return SL_U64(&f->buffers[i]);
		}
	}
	return 0;
}

static int set_up(void **state)
{
	static struct fixture fixture;
	struct fixture *f = &fixture;

	memset(f, 0, sizeof(*f));
	sl_stype_fill_caps(&f->caps);
	sl_arena_init(&f->arena, 1u << 20);
	f->resolver = (struct sl_resolver){ .find = find, .create = find, .data = f };
	f->device.id = 0x100000001;
	f->buffers[0].id = 0x200000002;
	f->buffers[1].id = 0x300000003;
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	sl_arena_finish(&f->arena);
	return 0;
}

static struct sl_writer writer(struct fixture *f, size_t size)
{
	assert_true(size <= sizeof(f->words));
	f->size = size;
	return (struct sl_writer){ (uint8_t *)f->words, (uint8_t *)f->words + size, &f->caps };
}

static struct sl_reader *reader(struct fixture *f)
{
	sl_arena_reset(&f->arena);
	f->in = (struct sl_reader){ .cur = (uint8_t *)f->words,
				    .end = (uint8_t *)f->words + f->size,
				    .arena = &f->arena,
				    .resolver = &f->resolver };
	return &f->in;
}

static void encode_create_buffer(struct fixture *f, const VkBufferCreateInfo *info)
{
	VkBuffer buffer = SL_HANDLE(&f->buffers[0]);
	struct sl_vkCreateBuffer args = { .device = SL_HANDLE(&f->device),
					  .pCreateInfo = info,
					  .pBuffer = &buffer };
	struct sl_writer out = writer(f, sl_size_vkCreateBuffer(&f->caps, &args));

	sl_encode_vkCreateBuffer(&out, &args);
	assert_ptr_equal(out.cur, out.end);
}

static const char *decode_create_buffer(struct fixture *f, struct sl_vkCreateBuffer *ret_args)
{
	memset(ret_args, 0, sizeof(*ret_args));
	sl_decode_vkCreateBuffer(reader(f), ret_args);
	return f->in.why;
}

static void test_layout_of_a_recorded_command(void **state)
{
	struct fixture *f = *state;
	const VkBufferCopy region = { .srcOffset = 1, .dstOffset = 2, .size = 0x500000004 };
	struct sl_vkCmdCopyBuffer args = { .commandBuffer = GARBAGE,
					   .srcBuffer = SL_HANDLE(&f->buffers[0]),
					   .dstBuffer = SL_HANDLE(&f->buffers[1]),
					   .regionCount = 1,
					   .pRegions = &region };
	const uint32_t expected[] = { 2, 2, 3, 3, 1, 1, 0, 2, 0, 4, 5 };
	struct sl_writer out = writer(f, sl_size_vkCmdCopyBuffer(&f->caps, &args));

	sl_encode_vkCmdCopyBuffer(&out, &args);
	assert_int_equal(f->size, sizeof(expected));
	assert_memory_equal(f->words, expected, sizeof(expected));
}

static void test_layout_of_a_chain(void **state)
{
	struct fixture *f = *state;
	const VkBufferOpaqueCaptureAddressCreateInfo address = {
		.sType = VK_STRUCTURE_TYPE_BUFFER_OPAQUE_CAPTURE_ADDRESS_CREATE_INFO,
		.opaqueCaptureAddress = 0x700000006,
	};
	const uint32_t indices[] = { 8, 9 };
	VkBufferCreateInfo info = { .sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO,
				    .pNext = &address,
				    .size = 64,
				    .usage = VK_BUFFER_USAGE_TRANSFER_DST_BIT,
				    .sharingMode = VK_SHARING_MODE_CONCURRENT,
				    .queueFamilyIndexCount = 2,
				    .pQueueFamilyIndices = indices };
	const uint32_t expected[] = {
		1,
		1, /* device */
		1, /* structs in the chain */
		(uint32_t)address.sType,
		6,
		7, /* opaqueCaptureAddress */
		0, /* flags */
		64,
		0, /* size */
		2, /* usage */
		1, /* sharingMode */
		2,
		1,
		8,
		9, /* queueFamilyIndexCount, pQueueFamilyIndices */
		2,
		2, /* the new buffer */
	};

	encode_create_buffer(f, &info);
	assert_int_equal(f->size, sizeof(expected));
	assert_memory_equal(f->words, expected, sizeof(expected));
}

static void test_ignored_members_are_not_read(void **state)
{
	struct fixture *f = *state;
	const VkBufferCreateInfo info = { .sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO,
					  .size = 64,
					  .sharingMode = VK_SHARING_MODE_EXCLUSIVE,
					  .queueFamilyIndexCount = 2,
					  .pQueueFamilyIndices = GARBAGE };
	struct sl_vkCreateBuffer args;

	encode_create_buffer(f, &info);
	assert_null(decode_create_buffer(f, &args));
	assert_null(args.pCreateInfo->pQueueFamilyIndices);
	assert_int_equal(args.pCreateInfo->size, 64);
}

static void test_chain_drops_what_the_other_end_cannot_read(void **state)
{
	struct fixture *f = *state;
	VkBufferOpaqueCaptureAddressCreateInfo repeated = {
		.sType = VK_STRUCTURE_TYPE_BUFFER_OPAQUE_CAPTURE_ADDRESS_CREATE_INFO,
		.opaqueCaptureAddress = 2,
	};
	VkImageFormatListCreateInfo foreign = {
		.sType = VK_STRUCTURE_TYPE_IMAGE_FORMAT_LIST_CREATE_INFO,
		.pNext = &repeated,
		.viewFormatCount = 1,
		.pViewFormats = GARBAGE,
	};
	VkBufferOpaqueCaptureAddressCreateInfo address = {
		.sType = VK_STRUCTURE_TYPE_BUFFER_OPAQUE_CAPTURE_ADDRESS_CREATE_INFO,
		.pNext = &foreign,
		.opaqueCaptureAddress = 1,
	};
	VkBaseInStructure unknown = { .sType = VK_STRUCTURE_TYPE_LOADER_INSTANCE_CREATE_INFO,
				      .pNext = (const VkBaseInStructure *)&address };
	const VkBufferCreateInfo info = { .sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO,
					  .pNext = &unknown };
	struct sl_vkCreateBuffer args;

	encode_create_buffer(f, &info);
	assert_null(decode_create_buffer(f, &args));
	const VkBufferOpaqueCaptureAddressCreateInfo *decoded = args.pCreateInfo->pNext;
	assert_int_equal(decoded->sType, address.sType);
	assert_int_equal(decoded->opaqueCaptureAddress, 1);
	assert_null(decoded->pNext);

	uint32_t index = (uint32_t)sl_stype_index(address.sType);
	f->caps.structs[index / 32] &= ~(1u << (index % 32));
	encode_create_buffer(f, &info);
	assert_null(decode_create_buffer(f, &args));
	assert_null(args.pCreateInfo->pNext);
}

/* A vkCreateBuffer message whose chain is the given words. */
static const char *decode_chain(struct fixture *f, const uint32_t *chain, size_t count)
{
	const uint32_t rest[] = { 0, 64, 0, 2, 0, 0, 0, 2, 2 };
	struct sl_vkCreateBuffer args;

	f->words[0] = 1;
	f->words[1] = 1;
	memcpy(&f->words[2], chain, count * 4);
	memcpy(&f->words[2 + count], rest, sizeof(rest));
	f->size = (2 + count) * 4 + sizeof(rest);
	return decode_create_buffer(f, &args);
}

static void test_chain_refuses_what_does_not_belong_there(void **state)
{
	struct fixture *f = *state;
	const uint32_t address = VK_STRUCTURE_TYPE_BUFFER_OPAQUE_CAPTURE_ADDRESS_CREATE_INFO;
	const uint32_t good[] = { 1, address, 1, 0 };
	const uint32_t twice[] = { 2, address, 1, 0, address, 1, 0 };
	const uint32_t foreign[] = { 1, VK_STRUCTURE_TYPE_IMAGE_FORMAT_LIST_CREATE_INFO, 0 };
	const uint32_t unknown[] = { 1, 0x7ffffff0, 0 };
	const uint32_t too_many[] = { SL_MAX_CHAIN_LENGTH + 1, address, 1, 0 };

	assert_null(decode_chain(f, good, SL_ARRAY_COUNT(good)));
	assert_string_equal(decode_chain(f, twice, SL_ARRAY_COUNT(twice)),
			    "struct is twice in a pNext chain");
	assert_string_equal(decode_chain(f, foreign, SL_ARRAY_COUNT(foreign)),
			    "struct does not belong into this pNext chain");
	assert_string_equal(decode_chain(f, unknown, SL_ARRAY_COUNT(unknown)),
			    "struct does not belong into this pNext chain");
	assert_string_equal(decode_chain(f, too_many, SL_ARRAY_COUNT(too_many)),
			    "count is past its limit");
}

static void test_unknown_values_are_refused(void **state)
{
	struct fixture *f = *state;
	VkBufferCreateInfo info = { .sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO };
	struct sl_vkCreateBuffer args;

	encode_create_buffer(f, &info);
	assert_null(decode_create_buffer(f, &args));
	f->words[6] = 1u << 31; /* usage */
	assert_string_equal(decode_create_buffer(f, &args), "unknown flag bit");
	f->words[6] = 0;
	f->words[7] = 2; /* sharingMode */
	assert_string_equal(decode_create_buffer(f, &args), "VkSharingMode has no such value");
	f->words[7] = 0;
	f->words[0] = 0; /* device */
	assert_non_null(decode_create_buffer(f, &args));
	f->words[1] = 0;
	assert_string_equal(decode_create_buffer(f, &args), "null handle");
}

static void test_booleans_are_0_or_1(void **state)
{
	struct fixture *f = *state;
	struct sl_vkCmdSetDepthTestEnable args = { .depthTestEnable = 4 };
	struct sl_writer out = writer(f, SL_SIZE_vkCmdSetDepthTestEnable);

	sl_encode_vkCmdSetDepthTestEnable(&out, &args);
	assert_int_equal(f->words[0], 1);
	f->words[0] = 0x80000000;
	sl_decode_vkCmdSetDepthTestEnable(reader(f), &args);
	assert_false(sl_reader_failed(&f->in));
	assert_int_equal(args.depthTestEnable, VK_TRUE);
}

static void test_reply_with_more_than_there_is_room_for_fails(void **state)
{
	struct fixture *f = *state;
	VkSparseImageMemoryRequirements requirements[2];
	uint32_t count = 1;
	struct sl_vkGetImageSparseMemoryRequirements args = {
		.pSparseMemoryRequirementCount = &count,
		.pSparseMemoryRequirements = requirements,
	};

	memset(requirements, 0x11, sizeof(requirements));
	memset(f->words, 0, sizeof(f->words));
	f->words[0] = 2;
	f->size = sizeof(f->words);
	sl_reply_decode_vkGetImageSparseMemoryRequirements(reader(f), &args);
	assert_string_equal(f->in.why, "more results than there is room for");
	assert_int_equal(count, 0);
	assert_int_equal(requirements[1].imageMipTailSize, 0x1111111111111111);
}

static void test_reply_fills_the_structs_of_the_applications_chain(void **state)
{
	struct fixture *f = *state;
	VkMemoryDedicatedRequirements host_dedicated = {
		.sType = VK_STRUCTURE_TYPE_MEMORY_DEDICATED_REQUIREMENTS,
		.requiresDedicatedAllocation = VK_TRUE,
	};
	VkMemoryRequirements2 host = { .sType = VK_STRUCTURE_TYPE_MEMORY_REQUIREMENTS_2,
				       .pNext = &host_dedicated,
				       .memoryRequirements = { .size = 64 } };
	VkMemoryDedicatedRequirements guest_dedicated = { .sType = host_dedicated.sType };
	VkBaseOutStructure unknown = { .sType = VK_STRUCTURE_TYPE_LOADER_DEVICE_CREATE_INFO,
				       .pNext = (VkBaseOutStructure *)&guest_dedicated };
	VkMemoryRequirements2 guest = { .sType = host.sType, .pNext = &unknown };
	struct sl_vkGetBufferMemoryRequirements2 args = { .pMemoryRequirements = &host };
	size_t size = sl_reply_size_vkGetBufferMemoryRequirements2(&f->caps, &args);
	struct sl_writer out = writer(f, size);

	sl_reply_encode_vkGetBufferMemoryRequirements2(&out, &args);
	assert_ptr_equal(out.cur, out.end);
	args.pMemoryRequirements = &guest;
	assert_int_equal(sl_reply_size_vkGetBufferMemoryRequirements2(&f->caps, &args), size);
	sl_reply_decode_vkGetBufferMemoryRequirements2(reader(f), &args);
	assert_null(f->in.why);
	assert_int_equal(guest.memoryRequirements.size, 64);
	assert_int_equal(guest_dedicated.requiresDedicatedAllocation, VK_TRUE);
	assert_ptr_equal(guest.pNext, &unknown);
	assert_ptr_equal(unknown.pNext, &guest_dedicated);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_layout_of_a_recorded_command),
		TEST(test_layout_of_a_chain),
		TEST(test_ignored_members_are_not_read),
		TEST(test_chain_drops_what_the_other_end_cannot_read),
		TEST(test_chain_refuses_what_does_not_belong_there),
		TEST(test_unknown_values_are_refused),
		TEST(test_booleans_are_0_or_1),
		TEST(test_reply_with_more_than_there_is_room_for_fails),
		TEST(test_reply_fills_the_structs_of_the_applications_chain),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
