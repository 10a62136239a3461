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
		"max_programs = 9; spin_us = 0; memory_mode = \"copy\"; sandbox = \"required\";\n"
		"log_level = \"debug\"; validate = true; trace = true;\n"
		"allow_users = [ \"root\", \"4000\" ]; allow_groups = [ 44 ];\n"
		"limits = { programs = 3; regions = 4;\n"
		"           shared_memory = \"2G\"; objects = 5000; };\n"
		"memory = \"1M\";\n"
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
	assert_int_equal(config->memory_mode, SL_RENDERER_MEMORY_COPY);
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
	assert_int_equal(config->guests[1].limits.objects, 5000);
	assert_int_equal(config->guests[1].memory, 1 << 20);
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
		       "allowed here: programs, regions, shared_memory, objects");
}

static void test_wrong_numbers_are_refused(void **state)
{
	assert_refused(*state, "pool = 65;\n", 1, "'65' is not a whole number from 0 to 64");
	assert_refused(*state, "pool = 1.5;\n", 1, "'1.5' is not a whole number");
	assert_refused(*state, "\npool = -1;\n", 2, "from 0 to 64");
}

static void test_wrong_sizes_are_refused(void **state)
{
	assert_refused(*state, "limits = { shared_memory = \"2X\"; };\n", 1, "like \"512M\"");
	assert_refused(*state, "memory = \"99999999T\";\n", 1, "like \"512M\"");
}

static void test_wrong_words_are_refused(void **state)
{
	assert_refused(*state, "memory_mode = \"shared\";\n", 1, "one of: auto, import, copy");
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

static void test_matches_are_read(void **state)
{
	struct fixture *fixture = *state;

	assert_int_equal(load(fixture, "guests = ( { name = \"a\"; match = \"user:root\"; },\n"
				       "  { name = \"b\"; match = \"cgroup:/x/*\"; } );"),
			 0);
	assert_int_equal(fixture->config.guests[1].match.kind, SL_MATCH_USER);
	assert_int_equal(fixture->config.guests[1].match.uid, 0);
	assert_string_equal(fixture->config.guests[2].match.pattern, "/x/*");
	assert_refused(fixture, "guests = ( { name = \"a\";\n match = \"pid:7\"; } );\n", 2,
		       "match: 'pid:7' tells nobody (allowed: \"user:NAME\"");
	assert_refused(fixture, "guests = ( { name = \"a\"; match = \"user:no-such-user\"; } );\n",
		       1, "the user must exist");
	assert_refused(fixture, "guests = ( { name = \"a\"; match = \"cgroup:x\"; } );\n", 1,
		       "tells nobody");
	assert_refused(fixture, "guests = ( { name = \"a\"; match = \"vm:\"; } );\n", 1,
		       "tells nobody");
}

static void test_matches_fit(void **state)
{
	static const struct {
		const char *match;
		const char *cgroup;
		bool fits;
	} cases[] = {
		{ "user:1000", "", true },
		{ "user:1001", "/user.slice", false },
		{ "cgroup:/system.slice/docker-*", "/system.slice/docker-0a.scope", true },
		{ "cgroup:/system.slice/docker-*", "/system.slice/docker-0a.scope/x", true },
		{ "cgroup:/system.slice/docker-*", "/evil/system.slice/docker-0a.scope", false },
		{ "cgroup:/a", "", false },
		{ "vm:web", "/machine.slice/machine-qemu\\x2d3\\x2dweb.scope/libvirt", true },
		{ "vm:web-2", "/machine.slice/machine-qemu\\x2d12\\x2dweb\\x2d2.scope", true },
		{ "vm:web", "/machine.slice/machine-qemu\\x2d12\\x2dweb\\x2d2.scope", false },
		{ "vm:web", "/machine.slice/machine-qemu\\x2dweb.scope", false },
		{ "vm:web", "/machine.slice/machine-qemu\\x2d3\\x2dweb", false },
		{ "vm:web",
		  "/machine.slice/machine-production.slice/machine-qemu\\x2d3\\x2dweb.scope",
		  true },
		{ "vm:web", "", false },
		/* Groups that users and containers make below their own. */
		{ "vm:web",
		  "/user.slice/user-1000.slice/user@1000.service/machine-qemu\\x2d3\\x2dweb.scope",
		  false },
		{ "vm:web", "/system.slice/docker-0a.scope/machine-qemu\\x2d3\\x2dweb.scope",
		  false },
		{ "vm:web",
		  "/system.slice/docker-0a.scope/a.slice/machine-qemu\\x2d3\\x2dweb.scope", false },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct sl_match match;

		assert_int_equal(sl_match_parse(cases[i].match, &match), 0);
		assert_int_equal(sl_match_fits(&match, 1000, cases[i].cgroup), cases[i].fits);
	}
	(void)state;
}

static int read_cgroup(const char *text, char ret_cgroup[SL_MATCH_GROUP_SIZE])
{
	FILE *file = fmemopen((void *)(uintptr_t)text, strlen(text), "r");

	assert_non_null(file);
	int r = sl_match_read_cgroup(file, ret_cgroup);

	fclose(file);
	return r;
}

static void test_control_groups_are_read(void **state)
{
	char cgroup[SL_MATCH_GROUP_SIZE];
	char text[3 * SL_MATCH_GROUP_SIZE];

	assert_int_equal(read_cgroup("0::/a\n", cgroup), 0);
	assert_string_equal(cgroup, "/a");
	assert_int_equal(read_cgroup("2:memory:/x\n1:name=systemd:/b\n", cgroup), 0);
	assert_string_equal(cgroup, "/b");
	assert_int_equal(read_cgroup("2:memory:/x\n", cgroup), -ENOENT);
	/* A path that goes on like another line, wherever it may be cut. */
	size_t used = (size_t)snprintf(text, sizeof(text), "2:memory:/");

	while (used < sizeof(text) - 32) {
		used += (size_t)snprintf(text + used, sizeof(text) - used, "0::/machine.slice/");
	}
	for (int i = 0; i < 18; i++) {
		assert_int_equal(read_cgroup(text, cgroup), -ENOENT);
		memmove(text + 11, text + 10, strlen(text + 10) + 1);
		text[10] = 'x';
	}
	memcpy(text, "0::/xxxxxx", 10);
	assert_int_equal(read_cgroup(text, cgroup), -ENAMETOOLONG);
	assert_string_equal(cgroup, "");
	(void)state;
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

static void test_shares_are_read_and_inherited(void **state)
{
	struct fixture *fixture = *state;
	const struct sl_config *config = &fixture->config;

	assert_int_equal(load(fixture,
			      "weight = 2; cap = 80; deadline = \"60fps\"; slice = \"4ms\";\n"
			      "class = \"background\"; policy = \"fixed\";\n"
			      "run_limit = \"1.5s\"; metrics = \"127.0.0.1:9464\";\n"
			      "guests = ( { name = \"a\"; weight = 3; cap = \"12.5%\"; },\n"
			      "  { name = \"b\"; class = \"realtime\"; deadline = \"none\";\n"
			      "    slice = \"500us\"; cap = \"none\"; memory = \"none\"; } );"),
			 0);
	const struct sl_sched_guest_params *a = &config->guests[1].sched;
	const struct sl_sched_guest_params *b = &config->guests[2].sched;

	assert_int_equal(config->policy, SL_SCHED_FIXED);
	assert_int_equal(config->run_limit_ns, 1500000000);
	assert_int_equal(config->sched.slice_ns, 4000000);
	assert_string_equal(config->metrics, "127.0.0.1:9464");
	assert_int_equal(config->guests[0].sched.weight, 2);
	assert_int_equal(a->weight, 3);
	assert_int_equal(a->cap_permille, 125);
	assert_int_equal(a->class, SL_SCHED_BACKGROUND);
	assert_int_equal(a->period_ns, 16666666);
	assert_int_equal(a->slice_ns, 0);
	assert_int_equal(b->weight, 2);
	assert_int_equal(b->cap_permille, 1000);
	assert_int_equal(b->class, SL_SCHED_REALTIME);
	assert_int_equal(b->period_ns, 0);
	assert_int_equal(b->slice_ns, 500000);
	assert_true(config->guests[2].memory == UINT64_MAX);
}

static void test_wrong_shares_are_refused(void **state)
{
	assert_refused(*state, "weight = 0;\n", 1,
		       "weight: '0' is not a whole number from 1 to 10000");
	assert_refused(*state, "cap = \"0.4%\";\n", 1, "\"0.5%\" to \"100%\"");
	assert_refused(*state, "cap = \"50.05%\";\n", 1, "in steps of 0.1%");
	assert_refused(*state, "cap = \"101\";\n", 1, "\"0.5%\" to \"100%\"");
	assert_refused(*state, "class = \"fast\";\n", 1, "one of: realtime, normal, background");
	assert_refused(*state, "\ndeadline = \"0fps\";\n", 2, "\"1fps\" to \"1000fps\"");
	assert_refused(*state, "deadline = 60;\n", 1, "or \"none\"");
	assert_refused(*state, "guests = ( { name = \"a\";\n slice = \"31ms\"; } );\n", 2,
		       "slice: '31ms' is not a time from 0.5 ms to 30 ms");
	assert_refused(*state, "policy = \"fair\";\n", 1, "one of: best-effort, equal, fixed");
	assert_refused(*state, "run_limit = \"1ms\";\n", 1, "from 10 ms to 3.6e+06 ms");
	assert_refused(*state, "memory = \"import\";\n", 1, "'import' is not a size");
}

static void test_a_guest_is_changed_by_key(void **state)
{
	struct fixture *fixture = *state;
	struct sl_config_guest guest;

	sl_config_init_guest(&fixture->config, &guest);
	assert_int_equal(guest.sched.weight, 1);
	assert_int_equal(sl_config_set_guest(&guest, "weight", "9", fixture->why), 0);
	assert_int_equal(guest.sched.weight, 9);
	assert_int_equal(sl_config_set_guest(&guest, "slice", "default", fixture->why), 0);
	assert_int_equal(sl_config_set_guest(&guest, "name", "x", fixture->why), -EINVAL);
	assert_non_null(strstr(fixture->why, "allowed: weight, cap, class"));
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
		cmocka_unit_test_setup_teardown(test_matches_are_read, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_matches_fit, set_up, tear_down),
		cmocka_unit_test(test_control_groups_are_read),
		cmocka_unit_test_setup_teardown(test_guests_need_names, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_two_guests_of_one_name_are_refused, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_two_guests_of_one_socket_are_refused, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_syntax_errors_name_the_line, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_a_missing_file_is_named, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_flags_use_the_same_keys, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_shares_are_read_and_inherited, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_wrong_shares_are_refused, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_guest_is_changed_by_key, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
