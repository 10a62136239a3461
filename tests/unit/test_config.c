/* SPDX-License-Identifier: MIT */
/* The daemon's configuration: what is read, and what a person is told about mistakes. */
#include "sl_test.h"

#include "host/daemon/config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct fixture {
	struct sl_config config;
	char path[64];
	char why[SL_CONFIG_WHY_SIZE];
};

static int set_up(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));

	setenv("XDG_RUNTIME_DIR", "/run/user/7", 1);
	unsetenv("VK_DRIVER_FILES");
	unsetenv("VK_ICD_FILENAMES");
	strcpy(fixture->path, "/tmp/sluice-config-XXXXXX");
	close(mkstemp(fixture->path));
	assert_int_equal(sl_config_init(&fixture->config, fixture->why), 0);
	*state = fixture;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;

	unlink(fixture->path);
	free(fixture);
	return 0;
}

static int load(struct fixture *fixture, const char *text)
{
	FILE *file = fopen(fixture->path, "w");

	fputs(text, file);
	fclose(file);
	int r = sl_config_load(&fixture->config, fixture->path, fixture->why);
	return r < 0 ? r : sl_config_complete(&fixture->config, fixture->why);
}

/* The text must name the file and the line, and hold what is given. */
static void assert_refused(struct fixture *fixture, const char *text, int line, const char *part)
{
	char place[96];

	assert_int_equal(load(fixture, text), -EINVAL);
	snprintf(place, sizeof(place), "%s:%d: ", fixture->path, line);
	assert_ptr_equal(strstr(fixture->why, place), fixture->why);
	if (strstr(fixture->why, part) == NULL) {
		fail_msg("'%s' does not say '%s'", fixture->why, part);
	}
}

static void test_defaults_follow_the_runtime_dir(void **state)
{
	struct fixture *fixture = *state;
	struct sl_config *config = &fixture->config;

	assert_int_equal(load(fixture, ""), 0);
	assert_int_equal(config->guest_count, 1);
	assert_string_equal(config->guests[0].name, "default");
	assert_string_equal(config->guests[0].socket, "/run/user/7/sluice/guest.sock");
	assert_string_equal(config->control, "/run/user/7/sluice/control.sock");
	assert_string_equal(config->driver, "");
	assert_int_equal(config->guests[0].limits.programs, 64);
}

static void test_environment_names_the_driver(void **state)
{
	struct fixture *fixture = *state;

	setenv("VK_ICD_FILENAMES", "/old.json", 1);
	assert_int_equal(sl_config_init(&fixture->config, fixture->why), 0);
	assert_string_equal(fixture->config.driver, "/old.json");
	setenv("VK_DRIVER_FILES", "/new.json", 1);
	assert_int_equal(sl_config_init(&fixture->config, fixture->why), 0);
	assert_string_equal(fixture->config.driver, "/new.json");
}

static void test_all_keys_are_read(void **state)
{
	static const char text[] =
		"socket = \"/s/g.sock\"; control = \"/s/c.sock\";\n"
		"driver = \"/d.json\"; renderer = \"/r\"; pool = 5;\n"
		"max_programs = 9; spin_us = 0; memory = \"copy\"; sandbox = \"required\";\n"
		"log_level = \"debug\"; validate = true; trace = true;\n"
		"allow_users = [ \"root\", \"4000\" ]; allow_groups = [ 44 ];\n"
		"limits = { programs = 3; regions = 4;\n"
		"           shared_memory = \"2G\"; device_memory = 1048576; };\n"
		"guests = ( { name = \"web\"; },\n"
		"  { name = \"ci\"; socket = \"/ci\"; allow_users = ( 5 );\n"
		"    limits = { programs = 1; }; } );\n";
	struct fixture *fixture = *state;
	struct sl_config *config = &fixture->config;

	assert_int_equal(load(fixture, text), 0);
	assert_string_equal(config->control, "/s/c.sock");
	assert_string_equal(config->driver, "/d.json");
	assert_string_equal(config->renderer, "/r");
	assert_int_equal(config->pool, 5);
	assert_int_equal(config->max_programs, 9);
	assert_int_equal(config->spin_us, 0);
	assert_int_equal(config->memory, SL_RENDERER_MEMORY_COPY);
	assert_int_equal(config->sandbox, SL_SANDBOX_REQUIRED);
	assert_int_equal(config->log_level, SL_LOG_DEBUG);
	assert_true(config->validate);
	assert_true(config->trace);
	assert_int_equal(config->guest_count, 3);
	assert_string_equal(config->guests[0].socket, "/s/g.sock");
	assert_int_equal(config->guests[0].access.uid_count, 2);
	assert_int_equal(config->guests[0].access.uids[1], 4000);
	assert_int_equal(config->guests[0].access.gids[0], 44);
	assert_string_equal(config->guests[1].socket, "/s/web.sock");
	assert_int_equal(config->guests[1].limits.programs, 3);
	assert_int_equal(config->guests[1].limits.device_memory, 1 << 20);
	assert_string_equal(config->guests[2].socket, "/ci");
	assert_int_equal(config->guests[2].access.uid_count, 1);
	assert_int_equal(config->guests[2].access.gid_count, 0);
	assert_int_equal(config->guests[2].limits.programs, 1);
	assert_true(config->guests[2].limits.shared_memory == UINT64_C(2) << 30);
}

static void test_the_default_guest_may_be_set(void **state)
{
	struct fixture *fixture = *state;

	assert_int_equal(
		load(fixture, "guests = ( { name = \"default\"; allow_users = [ 6 ]; } );"), 0);
	assert_int_equal(fixture->config.guest_count, 1);
	assert_int_equal(fixture->config.guests[0].access.uids[0], 6);
	assert_string_equal(fixture->config.guests[0].socket, "/run/user/7/sluice/guest.sock");
}

static void test_unknown_keys_are_refused(void **state)
{
	assert_refused(*state, "pool = 1;\npols = 2;\n", 2,
		       "pols: unknown key (allowed here: socket, control, driver");
}

static void test_unknown_nested_keys_are_refused(void **state)
{
	assert_refused(*state, "limits = {\n program = 2;\n};\n", 2,
		       "allowed here: programs, regions, shared_memory, device_memory");
}

static void test_wrong_numbers_are_refused(void **state)
{
	assert_refused(*state, "pool = 65;\n", 1, "'65' is not a whole number from 0 to 64");
	assert_refused(*state, "pool = 1.5;\n", 1, "not a string, a whole number");
	assert_refused(*state, "\npool = -1;\n", 2, "from 0 to 64");
}

static void test_wrong_sizes_are_refused(void **state)
{
	assert_refused(*state, "limits = { device_memory = \"2X\"; };\n", 1, "like \"512M\"");
	assert_refused(*state, "limits = { device_memory = \"99999999T\"; };\n", 1,
		       "like \"512M\"");
}

static void test_wrong_words_are_refused(void **state)
{
	assert_refused(*state, "memory = \"shared\";\n", 1, "one of: auto, import, copy");
	assert_refused(*state, "sandbox = \"on\";\n", 1, "one of: auto, required, off");
	assert_refused(*state, "log_level = \"loud\";\n", 1, "one of: error, warning, info, debug");
	assert_refused(*state, "validate = \"maybe\";\n", 1, "neither true nor false");
}

static void test_unknown_users_are_refused(void **state)
{
	assert_refused(*state, "allow_users = [ \"no-such-user\" ];\n", 1,
		       "no user 'no-such-user'");
	assert_refused(*state, "allow_users = \"root\";\n", 1, "is not a list like");
	assert_refused(*state, "allow_groups = [ \"no-such-group\" ];\n", 1, "no group");
}

static void test_guests_need_names(void **state)
{
	assert_refused(*state, "guests = ( { socket = \"/x\"; } );\n", 1, "has no name");
	assert_refused(*state, "guests = ( { name = \"../x\"; } );\n", 1, "is not a name");
}

static void test_two_guests_of_one_name_are_refused(void **state)
{
	struct fixture *fixture = *state;

	assert_int_equal(load(fixture, "guests = ( { name = \"a\"; }, { name = \"a\"; } );"),
			 -EINVAL);
	assert_string_equal(fixture->why, "two guests are named a");
}

static void test_two_guests_of_one_socket_are_refused(void **state)
{
	struct fixture *fixture = *state;

	assert_int_equal(load(fixture, "guests = ( { name = \"a\"; socket = \"/x\"; },\n"
				       "           { name = \"b\"; socket = \"/x\"; } );"),
			 -EINVAL);
	assert_string_equal(fixture->why, "guests a and b have the same socket /x");
}

static void test_syntax_errors_name_the_line(void **state)
{
	assert_refused(*state, "pool = 1;\n\nsocket \"x\"\n", 3, "syntax error");
}

static void test_a_missing_file_is_named(void **state)
{
	struct fixture *fixture = *state;

	assert_int_equal(sl_config_load(&fixture->config, "/no/such/file", fixture->why), -ENOENT);
	assert_string_equal(fixture->why, "/no/such/file: No such file or directory");
}

static void test_flags_use_the_same_keys(void **state)
{
	struct fixture *fixture = *state;
	struct sl_config *config = &fixture->config;

	assert_int_equal(sl_config_set(config, "limits.regions", "12", fixture->why), 0);
	assert_int_equal(config->limits.regions, 12);
	assert_int_equal(sl_config_set(config, "pool", "many", fixture->why), -EINVAL);
	assert_string_equal(fixture->why, "pool: 'many' is not a whole number from 0 to 64");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_defaults_follow_the_runtime_dir, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_environment_names_the_driver, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_all_keys_are_read, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_the_default_guest_may_be_set, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_unknown_keys_are_refused, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_unknown_nested_keys_are_refused, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_wrong_numbers_are_refused, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_wrong_sizes_are_refused, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_wrong_words_are_refused, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_unknown_users_are_refused, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_guests_need_names, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_two_guests_of_one_name_are_refused, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_two_guests_of_one_socket_are_refused, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_syntax_errors_name_the_line, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_a_missing_file_is_named, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_flags_use_the_same_keys, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
