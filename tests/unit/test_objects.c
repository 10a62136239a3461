/* SPDX-License-Identifier: MIT */
/* The object table and creation records. */
#include "host/objects/objects.h"
#include "host/objects/record.h"
#include "tests/unit/sl_test.h"

#include <errno.h>
#include <string.h>

#define MAX_OBJECTS 1000u

static uint64_t make_id(uint64_t serial, uint32_t index)
{
	return serial << SL_OBJECTS_INDEX_BITS | index;
}

static struct sl_objects *create_table(void)
{
	struct sl_objects *objects = NULL;

	assert_int_equal(sl_objects_create(MAX_OBJECTS, &objects), 0);
	return objects;
}

static struct sl_object *add(struct sl_objects *objects, uint64_t id, VkObjectType type,
			     struct sl_object *owner)
{
	struct sl_object *object = NULL;

	assert_int_equal(sl_objects_add(objects, id, type, &object), 0);
	sl_objects_set_owner(object, owner);
	return object;
}

static void test_find_wants_the_whole_id(void **state)
{
	struct sl_objects *objects = create_table();
	struct sl_object *buffer = add(objects, make_id(3, 7), VK_OBJECT_TYPE_BUFFER, NULL);

	assert_ptr_equal(sl_objects_find(objects, make_id(3, 7)), buffer);
	assert_null(sl_objects_find(objects, make_id(2, 7)));
	assert_null(sl_objects_find(objects, make_id(4, 7)));
	assert_null(sl_objects_find(objects, make_id(3, 8)));
	assert_null(sl_objects_find(objects, make_id(3, 0xffffff)));
	assert_null(sl_objects_find(objects, 0));
	assert_int_equal(sl_objects_get_count(objects), 1);
	sl_objects_destroy(objects);
}

static void test_index_is_used_once_at_a_time(void **state)
{
	struct sl_objects *objects = create_table();
	struct sl_object *object = add(objects, make_id(1, 5), VK_OBJECT_TYPE_BUFFER, NULL);
	struct sl_object *other = NULL;

	assert_int_equal(sl_objects_add(objects, make_id(1, 5), VK_OBJECT_TYPE_IMAGE, &other),
			 -EEXIST);
	assert_int_equal(sl_objects_add(objects, make_id(2, 5), VK_OBJECT_TYPE_IMAGE, &other),
			 -EEXIST);
	sl_objects_remove(objects, object);
	assert_null(sl_objects_find(objects, make_id(1, 5)));
	other = add(objects, make_id(2, 5), VK_OBJECT_TYPE_IMAGE, NULL);
	assert_ptr_equal(sl_objects_find(objects, make_id(2, 5)), other);
	assert_null(sl_objects_find(objects, make_id(1, 5)));
	sl_objects_destroy(objects);
}

static void test_index_has_bounds(void **state)
{
	struct sl_objects *objects = create_table();
	struct sl_object *object = NULL;

	assert_int_equal(sl_objects_add(objects, 0, VK_OBJECT_TYPE_BUFFER, &object), -EINVAL);
	assert_int_equal(sl_objects_add(objects, make_id(9, 0), VK_OBJECT_TYPE_BUFFER, &object),
			 -EINVAL);
	assert_int_equal(sl_objects_add(objects, make_id(1, MAX_OBJECTS + 1), VK_OBJECT_TYPE_BUFFER,
					&object),
			 -EINVAL);
	assert_int_equal(
		sl_objects_add(objects, make_id(1, 0xffffff), VK_OBJECT_TYPE_BUFFER, &object),
		-EINVAL);
	add(objects, make_id(1, MAX_OBJECTS), VK_OBJECT_TYPE_BUFFER, NULL);
	sl_objects_destroy(objects);
}

static void test_owned_inherit_and_go_with_their_owner(void **state)
{
	struct sl_objects *objects = create_table();
	struct sl_object *instance = add(objects, 1, VK_OBJECT_TYPE_INSTANCE, NULL);
	instance->vki = (const void *)0x1000;
	struct sl_object *gpu = add(objects, 2, VK_OBJECT_TYPE_PHYSICAL_DEVICE, instance);
	struct sl_object *device = add(objects, 3, VK_OBJECT_TYPE_DEVICE, gpu);
	device->vkd = (const void *)0x2000;
	struct sl_object *pool = add(objects, 4, VK_OBJECT_TYPE_COMMAND_POOL, device);
	struct sl_object *buffer = add(objects, 5, VK_OBJECT_TYPE_BUFFER, device);
	struct sl_object *commands = add(objects, 6, VK_OBJECT_TYPE_COMMAND_BUFFER, pool);

	add(objects, 7, VK_OBJECT_TYPE_COMMAND_BUFFER, pool);
	assert_ptr_equal(gpu->vki, instance->vki);
	assert_null(gpu->device);
	assert_ptr_equal(device->device, device);
	assert_ptr_equal(commands->device, device);
	assert_ptr_equal(commands->vkd, device->vkd);
	assert_ptr_equal(commands->vki, instance->vki);

	/* One of two siblings, then what is left of the pool, then the device. */
	sl_objects_remove(objects, commands);
	assert_null(sl_objects_find(objects, 6));
	sl_objects_remove_owned(objects, pool);
	assert_ptr_equal(sl_objects_find(objects, 4), pool);
	assert_null(sl_objects_find(objects, 7));
	assert_ptr_equal(sl_objects_find(objects, 5), buffer);
	sl_objects_remove(objects, device);
	assert_null(sl_objects_find(objects, 5));
	assert_int_equal(sl_objects_get_count(objects), 2);
	sl_objects_destroy(objects);
}

static void test_walk_is_in_order(void **state)
{
	struct sl_objects *objects = create_table();

	assert_null(sl_objects_get_next(objects, NULL));
	struct sl_object *last = add(objects, make_id(1, 900), VK_OBJECT_TYPE_BUFFER, NULL);
	struct sl_object *first = add(objects, make_id(5, 2), VK_OBJECT_TYPE_BUFFER, NULL);

	assert_ptr_equal(sl_objects_get_next(objects, NULL), first);
	assert_ptr_equal(sl_objects_get_next(objects, first), last);
	assert_null(sl_objects_get_next(objects, last));
	sl_objects_destroy(objects);
}

static void test_record_is_shared(void **state)
{
	struct sl_objects *objects = create_table();
	struct sl_object *first = add(objects, 1, VK_OBJECT_TYPE_PIPELINE, NULL);
	struct sl_object *second = add(objects, 2, VK_OBJECT_TYPE_PIPELINE, NULL);
	struct sl_record *record = sl_record_create(17, (const uint8_t *)"payload", 8, 2);

	assert_non_null(record);
	record->dependencies[0] = 11;
	record->dependencies[1] = 12;
	assert_memory_equal(record->payload, "payload", 8);
	first->record = record;
	second->record = sl_record_ref(record);
	sl_objects_remove(objects, first);
	assert_int_equal(second->record->refs, 1);
	assert_int_equal(second->record->dependencies[1], 12);
	assert_memory_equal(second->record->payload, "payload", 8);
	sl_objects_destroy(objects);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_find_wants_the_whole_id),
		cmocka_unit_test(test_index_is_used_once_at_a_time),
		cmocka_unit_test(test_index_has_bounds),
		cmocka_unit_test(test_owned_inherit_and_go_with_their_owner),
		cmocka_unit_test(test_walk_is_in_order),
		cmocka_unit_test(test_record_is_shared),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
