/* SPDX-License-Identifier: MIT */
/* The daemon's configuration: one table of keys serves the file and the flags. */
#include "host/daemon/config.h"

#include <ctype.h>
#include <errno.h>
#include <grp.h>
#include <libconfig.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host/base/paths.h"
#include "host/base/quantity.h"
#include "host/base/quota.h"

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

enum key_kind {
	KEY_PATH,   /* char[max] */
	KEY_NAME,   /* char[SL_CONFIG_NAME_SIZE] */
	KEY_NUMBER, /* uint32_t within min..max */
	KEY_BYTES,  /* uint64_t of at least min */
	KEY_BOOL,
	KEY_LEVEL,   /* enum sl_log_level */
	KEY_MODE,    /* enum sl_renderer_memory */
	KEY_WHEN,    /* enum sl_renderer_when */
	KEY_SANDBOX, /* enum sl_sandbox_mode */
	KEY_QUOTA,   /* uint64_t, bytes of at least min; "none": UINT64_MAX */
	KEY_CAP,     /* uint32_t, thousandths from min to max */
	KEY_CLASS,   /* enum sl_sched_class */
	KEY_POLICY,  /* enum sl_sched_policy */
	KEY_FRAME,   /* uint64_t, ns from min to max, or a rate; "none": 0 */
	KEY_TIME,    /* uint64_t, ns from min to max */
	KEY_SLICE,   /* the same; "default": 0 */
	KEY_USERS,   /* struct sl_config_access; one more each time */
	KEY_GROUPS,
	KEY_MATCH,  /* struct sl_match */
	KEY_LIMITS, /* a group of limit_keys */
	KEY_GUESTS, /* a list of groups of guest_keys */
};

struct key {
	const char *name;
	enum key_kind kind;
	size_t offset; /* into the struct that the table is for */
	uint64_t min;
	uint64_t max;
};

static const struct key limit_keys[] = {
	{ "programs", KEY_NUMBER, offsetof(struct sl_config_limits, programs), 1, SL_QUOTA_SLOTS },
	{ "regions", KEY_NUMBER, offsetof(struct sl_config_limits, regions), 1, 65536 },
	{ "shared_memory", KEY_BYTES, offsetof(struct sl_config_limits, shared_memory), 1 << 20,
	  UINT64_MAX },
	{ "objects", KEY_NUMBER, offsetof(struct sl_config_limits, objects), 1000, UINT32_MAX },
	{ NULL },
};

/* What a guest may have of the GPU: of all guests, and of each. */
#define SHARE_KEYS(type)                                                                         \
	{ "weight", KEY_NUMBER, offsetof(type, sched.weight), 1, SL_SCHED_WEIGHT_MAX },          \
		{ "cap", KEY_CAP, offsetof(type, sched.cap_permille), 5, 1000 },                 \
		{ "class", KEY_CLASS, offsetof(type, sched.class), 0, 0 },                       \
		{ "deadline", KEY_FRAME, offsetof(type, sched.period_ns), 1000000, 1000000000 }, \
		{ "slice", KEY_SLICE, offsetof(type, sched.slice_ns), SL_SCHED_SLICE_MIN_NS,     \
		  SL_SCHED_SLICE_MAX_NS },                                                       \
	{                                                                                        \
		"memory", KEY_QUOTA, offsetof(type, memory), 1 << 20, UINT64_MAX                 \
	}

static const struct key share_keys[] = {
	SHARE_KEYS(struct sl_config_guest),
	{ NULL },
};

static const struct key guest_keys[] = {
	{ "name", KEY_NAME, offsetof(struct sl_config_guest, name), 0, SL_CONFIG_NAME_SIZE },
	{ "socket", KEY_PATH, offsetof(struct sl_config_guest, socket), 0, SL_CONFIG_SOCKET_SIZE },
	{ "match", KEY_MATCH, offsetof(struct sl_config_guest, match), 0, 0 },
	{ "allow_users", KEY_USERS, offsetof(struct sl_config_guest, access), 0, 0 },
	{ "allow_groups", KEY_GROUPS, offsetof(struct sl_config_guest, access), 0, 0 },
	{ "limits", KEY_LIMITS, offsetof(struct sl_config_guest, limits), 0, 0 },
	SHARE_KEYS(struct sl_config_guest),
	{ NULL },
};

static const struct key top_keys[] = {
	{ "socket", KEY_PATH, offsetof(struct sl_config, guests[0].socket), 0,
	  SL_CONFIG_SOCKET_SIZE },
	{ "control", KEY_PATH, offsetof(struct sl_config, control), 0, SL_CONFIG_SOCKET_SIZE },
	{ "driver", KEY_PATH, offsetof(struct sl_config, driver), 0, PATH_MAX },
	{ "renderer", KEY_PATH, offsetof(struct sl_config, renderer), 0, PATH_MAX },
	{ "opengl", KEY_BOOL, offsetof(struct sl_config, opengl), 0, 0 },
	{ "pool", KEY_NUMBER, offsetof(struct sl_config, pool), 0, 64 },
	{ "max_programs", KEY_NUMBER, offsetof(struct sl_config, max_programs), 1, 65536 },
	{ "spin_us", KEY_NUMBER, offsetof(struct sl_config, spin_us), 0, 100000 },
	{ "memory_mode", KEY_MODE, offsetof(struct sl_config, memory_mode), 0, 0 },
	{ "cut", KEY_WHEN, offsetof(struct sl_config, cut), 0, 0 },
	{ "timestamps", KEY_WHEN, offsetof(struct sl_config, timestamps), 0, 0 },
	{ "sandbox", KEY_SANDBOX, offsetof(struct sl_config, sandbox), 0, 0 },
	{ "renderer_memory", KEY_QUOTA, offsetof(struct sl_config, renderer_memory), 64 << 20,
	  UINT64_MAX },
	{ "log_level", KEY_LEVEL, offsetof(struct sl_config, log_level), 0, 0 },
	{ "validate", KEY_BOOL, offsetof(struct sl_config, validate), 0, 0 },
	{ "record", KEY_PATH, offsetof(struct sl_config, record), 0, PATH_MAX },
	{ "trace", KEY_BOOL, offsetof(struct sl_config, trace), 0, 0 },
	{ "allow_users", KEY_USERS, offsetof(struct sl_config, access), 0, 0 },
	{ "allow_groups", KEY_GROUPS, offsetof(struct sl_config, access), 0, 0 },
	{ "limits", KEY_LIMITS, offsetof(struct sl_config, limits), 0, 0 },
	{ "policy", KEY_POLICY, offsetof(struct sl_config, policy), 0, 0 },
	{ "run_limit", KEY_TIME, offsetof(struct sl_config, run_limit_ns), 10000000,
	  3600000000000 },
	{ "metrics", KEY_PATH, offsetof(struct sl_config, metrics), 0, SL_CONFIG_SOCKET_SIZE },
	SHARE_KEYS(struct sl_config),
	{ "guests", KEY_GUESTS, 0, 0, 0 },
	{ NULL },
};

static const char *const mode_names[] = {
	[SL_RENDERER_MEMORY_AUTO] = "auto",
	[SL_RENDERER_MEMORY_IMPORT] = "import",
	[SL_RENDERER_MEMORY_COPY] = "copy",
	NULL,
};

static const char *const when_names[] = {
	[SL_RENDERER_AUTO] = "auto",
	[SL_RENDERER_ALWAYS] = "always",
	[SL_RENDERER_NEVER] = "never",
	NULL,
};

static const char *const class_names[] = {
	[SL_SCHED_REALTIME] = "realtime",
	[SL_SCHED_NORMAL] = "normal",
	[SL_SCHED_BACKGROUND] = "background",
	NULL,
};
#define CLASS_UNSET ((enum sl_sched_class)ARRAY_SIZE(class_names))

static const char *const policy_names[] = {
	[SL_SCHED_BEST_EFFORT] = "best-effort",
	[SL_SCHED_EQUAL] = "equal",
	[SL_SCHED_FIXED] = "fixed",
	NULL,
};

const char *sl_config_class_name(enum sl_sched_class class)
{
	return class_names[class];
}

const char *sl_config_policy_name(enum sl_sched_policy policy)
{
	return policy_names[policy];
}

/* Where in the file a setting stands; without a file, just its key. */
struct place {
	const config_setting_t *setting; /* NULL: the command line */
	const char *key;
};

static int fail(char *ret_why, const struct place *place, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static int fail(char *ret_why, const struct place *place, const char *format, ...)
{
	size_t used = 0;
	va_list args;

	if (place->setting != NULL) {
		used = (size_t)snprintf(ret_why, SL_CONFIG_WHY_SIZE,
					"%s:%u: ", config_setting_source_file(place->setting),
					config_setting_source_line(place->setting));
	}
	if (used < SL_CONFIG_WHY_SIZE) {
		used += (size_t)snprintf(ret_why + used, SL_CONFIG_WHY_SIZE - used,
					 "%s: ", place->key);
	}
	if (used < SL_CONFIG_WHY_SIZE) {
		va_start(args, format);
		vsnprintf(ret_why + used, SL_CONFIG_WHY_SIZE - used, format, args);
		va_end(args);
	}
	return -EINVAL;
}

bool sl_config_name_is_valid(const char *name)
{
	size_t length = strlen(name);

	if (length == 0 || length >= SL_CONFIG_NAME_SIZE || !isalnum((unsigned char)name[0])) {
		return false;
	}
	for (size_t i = 0; i < length; i++) {
		if (!isalnum((unsigned char)name[i]) && strchr("._-", name[i]) == NULL) {
			return false;
		}
	}
	return true;
}

static int allow_user(struct sl_config_access *access, const char *user, const struct place *place,
		      char *ret_why)
{
	uint64_t number;

	if (access->uid_count == SL_CONFIG_MAX_IDS) {
		return fail(ret_why, place, "more than %d users", SL_CONFIG_MAX_IDS);
	}
	if (sl_quantity_parse_number(user, UINT32_MAX - 1, &number) < 0) {
		const struct passwd *entry = getpwnam(user);

		if (entry == NULL) {
			return fail(ret_why, place, "no user '%s' (allowed: names, numbers)", user);
		}
		number = entry->pw_uid;
	}
	access->uids[access->uid_count++] = (uid_t)number;
	return 0;
}

static int allow_group(struct sl_config_access *access, const char *group,
		       const struct place *place, char *ret_why)
{
	uint64_t number;

	if (access->gid_count == SL_CONFIG_MAX_IDS) {
		return fail(ret_why, place, "more than %d groups", SL_CONFIG_MAX_IDS);
	}
	if (sl_quantity_parse_number(group, UINT32_MAX - 1, &number) < 0) {
		const struct group *entry = getgrnam(group);

		if (entry == NULL) {
			return fail(ret_why, place, "no group '%s' (allowed: names, numbers)",
				    group);
		}
		number = entry->gr_gid;
	}
	access->gids[access->gid_count++] = (gid_t)number;
	return 0;
}

int sl_config_allow_user(struct sl_config_access *access, const char *user, char *ret_why)
{
	const struct place place = { .key = "user" };

	return allow_user(access, user, &place, ret_why);
}

static int set_text(char *field, size_t size, const char *text, const struct place *place,
		    char *ret_why)
{
	if (text[0] == '\0') {
		return fail(ret_why, place, "must not be empty");
	}
	if (strlen(text) >= size) {
		return fail(ret_why, place, "longer than %zu bytes", size - 1);
	}
	strcpy(field, text);
	return 0;
}

static int set_number(uint32_t *field, const struct key *key, const char *text,
		      const struct place *place, char *ret_why)
{
	uint64_t number;

	if (sl_quantity_parse_number(text, key->max, &number) < 0 || number < key->min) {
		return fail(ret_why, place, "'%s' is not a whole number from %llu to %llu", text,
			    (unsigned long long)key->min, (unsigned long long)key->max);
	}
	*field = (uint32_t)number;
	return 0;
}

static int set_bytes(uint64_t *field, const struct key *key, const char *text,
		     const struct place *place, char *ret_why)
{
	uint64_t bytes;

	if (sl_quantity_parse_bytes(text, &bytes) < 0 || bytes < key->min) {
		return fail(ret_why, place,
			    "'%s' is not a size of at least %lluM (allowed: bytes, or a whole "
			    "number and K, M, G or T, like \"512M\"%s)",
			    text, (unsigned long long)key->min >> 20,
			    key->kind == KEY_QUOTA ? ", or \"none\"" : "");
	}
	*field = bytes;
	return 0;
}

static int set_bool(bool *field, const char *text, const struct place *place, char *ret_why)
{
	if (strcmp(text, "true") != 0 && strcmp(text, "false") != 0) {
		return fail(ret_why, place, "'%s' is neither true nor false", text);
	}
	*field = text[0] == 't';
	return 0;
}

/* Returns the index of the name in a list that ends with NULL, or -EINVAL. */
static int find_name(const char *const *names, const char *text, const struct place *place,
		     char *ret_why)
{
	char allowed[128] = "";
	size_t used = 0;

	for (int i = 0; names[i] != NULL; i++) {
		if (strcmp(text, names[i]) == 0) {
			return i;
		}
		used += (size_t)snprintf(allowed + used, sizeof(allowed) - used, "%s%s",
					 i == 0 ? "" : ", ", names[i]);
	}
	return fail(ret_why, place, "'%s' is not one of: %s", text, allowed);
}

static int set_name(unsigned int *field, const char *const *names, const char *text,
		    const struct place *place, char *ret_why)
{
	int index = find_name(names, text, place, ret_why);

	if (index < 0) {
		return index;
	}
	*field = (unsigned int)index;
	return 0;
}

static int set_cap(uint32_t *field, const struct key *key, const char *text,
		   const struct place *place, char *ret_why)
{
	uint64_t permille = 1000;

	if (strcmp(text, "none") != 0 && (sl_quantity_parse_percent(text, &permille) < 0 ||
					  permille < key->min || permille > key->max)) {
		return fail(ret_why, place,
			    "'%s' is not a part of the GPU (allowed: \"0.5%%\" to \"100%%\" in "
			    "steps of 0.1%%, or \"none\")",
			    text);
	}
	*field = (uint32_t)permille;
	return 0;
}

static int set_frame(uint64_t *field, const struct key *key, const char *text,
		     const struct place *place, char *ret_why)
{
	uint64_t period_ns = 0;

	if (strcmp(text, "none") != 0 && ((sl_quantity_parse_rate(text, &period_ns) < 0 &&
					   sl_quantity_parse_time(text, &period_ns) < 0) ||
					  period_ns < key->min || period_ns > key->max)) {
		return fail(ret_why, place,
			    "'%s' is not a frame's time (allowed: \"1fps\" to \"1000fps\", or "
			    "\"1ms\" to \"1s\", or \"none\")",
			    text);
	}
	*field = period_ns;
	return 0;
}

static int set_time(uint64_t *field, const struct key *key, const char *text,
		    const struct place *place, char *ret_why)
{
	bool may_be_default = key->kind == KEY_SLICE;
	uint64_t time_ns = 0;

	if (!(may_be_default && strcmp(text, "default") == 0) &&
	    (sl_quantity_parse_time(text, &time_ns) < 0 || time_ns < key->min ||
	     time_ns > key->max)) {
		return fail(ret_why, place,
			    "'%s' is not a time from %g ms to %g ms (allowed: a number and us, ms "
			    "or s, like \"2ms\"%s)",
			    text, (double)key->min / 1e6, (double)key->max / 1e6,
			    may_be_default ? ", or \"default\"" : "");
	}
	*field = time_ns;
	return 0;
}

/* Set a key that holds one value from its text. */
static int set_value(void *base, const struct key *key, const char *text, const struct place *place,
		     char *ret_why)
{
	void *field = (char *)base + key->offset;

	switch (key->kind) {
	case KEY_PATH:
		return set_text(field, key->max, text, place, ret_why);
	case KEY_NAME:
		if (!sl_config_name_is_valid(text)) {
			return fail(ret_why, place,
				    "'%s' is not a name (allowed: 1 to %u letters, digits, '.', "
				    "'_', '-', beginning with a letter or digit)",
				    text, SL_CONFIG_NAME_SIZE - 1);
		}
		return set_text(field, key->max, text, place, ret_why);
	case KEY_NUMBER:
		return set_number(field, key, text, place, ret_why);
	case KEY_BYTES:
		return set_bytes(field, key, text, place, ret_why);
	case KEY_BOOL:
		return set_bool(field, text, place, ret_why);
	case KEY_LEVEL:
		if (sl_log_parse_level(text, field) < 0) {
			return fail(ret_why, place,
				    "'%s' is not one of: error, warning, info, debug", text);
		}
		return 0;
	case KEY_SANDBOX:
		if (sl_sandbox_parse_mode(text, field) < 0) {
			return fail(ret_why, place, "'%s' is not one of: auto, required, off",
				    text);
		}
		return 0;
	case KEY_MODE:
		return set_name(field, mode_names, text, place, ret_why);
	case KEY_WHEN:
		return set_name(field, when_names, text, place, ret_why);
	case KEY_CLASS:
		return set_name(field, class_names, text, place, ret_why);
	case KEY_POLICY:
		return set_name(field, policy_names, text, place, ret_why);
	case KEY_QUOTA:
		if (strcmp(text, "none") == 0) {
			*(uint64_t *)field = UINT64_MAX;
			return 0;
		}
		return set_bytes(field, key, text, place, ret_why);
	case KEY_CAP:
		return set_cap(field, key, text, place, ret_why);
	case KEY_FRAME:
		return set_frame(field, key, text, place, ret_why);
	case KEY_TIME:
	case KEY_SLICE:
		return set_time(field, key, text, place, ret_why);
	case KEY_USERS:
		return allow_user(field, text, place, ret_why);
	case KEY_GROUPS:
		return allow_group(field, text, place, ret_why);
	case KEY_MATCH:
		if (sl_match_parse(text, field) < 0) {
			return fail(ret_why, place,
				    "'%s' tells nobody (allowed: \"user:NAME\" or a number, "
				    "\"cgroup:/PATH\" with *, \"vm:NAME\"; the user must exist)",
				    text);
		}
		return 0;
	case KEY_LIMITS:
	case KEY_GUESTS:
		break;
	}
	return fail(ret_why, place, "holds other settings, not one value");
}

static const struct key *find_key(const struct key *keys, const char *name)
{
	for (const struct key *key = keys; key->name != NULL; key++) {
		if (strcmp(key->name, name) == 0) {
			return key;
		}
	}
	return NULL;
}

int sl_config_set(struct sl_config *config, const char *key_name, const char *value, char *ret_why)
{
	static const char limits[] = "limits.";
	const struct place place = { .key = key_name };
	const struct key *key;
	void *base = config;

	if (strncmp(key_name, limits, sizeof(limits) - 1) == 0) {
		key = find_key(limit_keys, key_name + sizeof(limits) - 1);
		base = &config->limits;
	} else {
		key = find_key(top_keys, key_name);
	}
	if (key == NULL) {
		return fail(ret_why, &place, "no such key");
	}
	return set_value(base, key, value, &place, ret_why);
}

int sl_config_set_guest(struct sl_config_guest *guest, const char *key_name, const char *value,
			char *ret_why)
{
	const struct place place = { .key = key_name };
	const struct key *key = find_key(share_keys, key_name);

	if (key == NULL) {
		return fail(ret_why, &place,
			    "no such key (allowed: weight, cap, class, deadline, slice, memory)");
	}
	return set_value(guest, key, value, &place, ret_why);
}

/* The text of a setting that is a string, a number or a boolean; NULL for anything else. */
static const char *setting_text(const config_setting_t *setting, char number[32])
{
	switch (config_setting_type(setting)) {
	case CONFIG_TYPE_STRING:
		return config_setting_get_string(setting);
	case CONFIG_TYPE_INT:
	case CONFIG_TYPE_INT64:
		snprintf(number, 32, "%lld", (long long)config_setting_get_int64(setting));
		return number;
	case CONFIG_TYPE_FLOAT:
		snprintf(number, 32, "%.10g", config_setting_get_float(setting));
		return number;
	case CONFIG_TYPE_BOOL:
		return config_setting_get_bool(setting) ? "true" : "false";
	default:
		return NULL;
	}
}

static int load_keys(void *base, const struct key *keys, const config_setting_t *group,
		     char *ret_why);

static int load_list(void *base, const struct key *key, const config_setting_t *list,
		     const struct place *place, char *ret_why)
{
	if (!config_setting_is_array(list) && !config_setting_is_list(list)) {
		return fail(ret_why, place, "is not a list like [ \"alice\", 1000 ]");
	}
	for (int i = 0; i < config_setting_length(list); i++) {
		char number[32];
		const char *text =
			setting_text(config_setting_get_elem(list, (unsigned int)i), number);

		if (text == NULL) {
			return fail(ret_why, place, "holds something that is no name or number");
		}
		int r = set_value(base, key, text, place, ret_why);
		if (r < 0) {
			return r;
		}
	}
	return 0;
}

/* What a guest says nothing of, until sl_config_complete(). */
static const struct sl_config_guest unset_guest = {
	.sched = { .class = CLASS_UNSET, .slice_ns = UINT64_MAX, .period_ns = UINT64_MAX },
};

static int load_guest(struct sl_config *config, const config_setting_t *group, char *ret_why)
{
	const struct place place = { .setting = group, .key = "guests" };
	struct sl_config_guest guest = unset_guest;

	if (!config_setting_is_group(group)) {
		return fail(ret_why, &place, "holds something that is not { name = \"…\"; … }");
	}
	int r = load_keys(&guest, guest_keys, group, ret_why);
	if (r < 0) {
		return r;
	}
	if (guest.name[0] == '\0') {
		return fail(ret_why, &place, "this guest has no name");
	}
	if (strcmp(guest.name, SL_CONFIG_DEFAULT_GUEST) == 0) {
		if (guest.socket[0] == '\0') {
			strcpy(guest.socket, config->guests[0].socket);
		}
		config->guests[0] = guest;
		return 0;
	}
	if (config->guest_count == SL_CONFIG_MAX_GUESTS) {
		return fail(ret_why, &place, "more than %d guests", SL_CONFIG_MAX_GUESTS);
	}
	config->guests[config->guest_count++] = guest;
	return 0;
}

static int load_guests(struct sl_config *config, const config_setting_t *list, char *ret_why)
{
	const struct place place = { .setting = list, .key = "guests" };

	if (!config_setting_is_list(list)) {
		return fail(ret_why, &place, "is not a list like ( { name = \"…\"; … }, … )");
	}
	for (int i = 0; i < config_setting_length(list); i++) {
		int r = load_guest(config, config_setting_get_elem(list, (unsigned int)i), ret_why);

		if (r < 0) {
			return r;
		}
	}
	return 0;
}

static int load_setting(void *base, const struct key *key, const config_setting_t *setting,
			char *ret_why)
{
	const struct place place = { .setting = setting, .key = key->name };
	char number[32];

	switch (key->kind) {
	case KEY_USERS:
	case KEY_GROUPS:
		return load_list(base, key, setting, &place, ret_why);
	case KEY_GUESTS:
		return load_guests(base, setting, ret_why);
	case KEY_LIMITS:
		if (!config_setting_is_group(setting)) {
			return fail(ret_why, &place, "is not a group like { programs = 8; }");
		}
		return load_keys((char *)base + key->offset, limit_keys, setting, ret_why);
	default:
		break;
	}
	const char *text = setting_text(setting, number);
	if (text == NULL) {
		return fail(ret_why, &place, "is not a string, a number, true or false");
	}
	return set_value(base, key, text, &place, ret_why);
}

static int fail_unknown(const config_setting_t *setting, const struct key *keys, char *ret_why)
{
	const struct place place = { .setting = setting, .key = config_setting_name(setting) };
	char allowed[SL_CONFIG_WHY_SIZE / 2] = "";
	size_t used = 0;

	for (const struct key *key = keys; key->name != NULL && used < sizeof(allowed); key++) {
		used += (size_t)snprintf(allowed + used, sizeof(allowed) - used, "%s%s",
					 key == keys ? "" : ", ", key->name);
	}
	return fail(ret_why, &place, "unknown key (allowed here: %s)", allowed);
}

/* The recursion is as deep as the tables nest, never as the file does. */
static int load_keys(void *base, const struct key *keys, const config_setting_t *group,
		     char *ret_why)
{
	for (int i = 0; i < config_setting_length(group); i++) {
		const config_setting_t *setting = config_setting_get_elem(group, (unsigned int)i);
		const struct key *key = find_key(keys, config_setting_name(setting));

		if (key == NULL) {
			return fail_unknown(setting, keys, ret_why);
		}
		int r = load_setting(base, key, setting, ret_why);
		if (r < 0) {
			return r;
		}
	}
	return 0;
}

int sl_config_load(struct sl_config *config, const char *path, char *ret_why)
{
	config_t file;
	int r;

	/* libconfig says no more than "file I/O error". */
	if (access(path, R_OK) < 0) {
		r = -errno;
		snprintf(ret_why, SL_CONFIG_WHY_SIZE, "%s: %s", path, strerror(-r));
		return r;
	}
	config_init(&file);
	if (!config_read_file(&file, path)) {
		const char *at = config_error_file(&file);

		snprintf(ret_why, SL_CONFIG_WHY_SIZE, "%s:%d: %s", at != NULL ? at : path,
			 config_error_line(&file), config_error_text(&file));
		r = -EINVAL;
	} else {
		r = load_keys(config, top_keys, config_root_setting(&file), ret_why);
	}
	config_destroy(&file);
	return r;
}

int sl_config_init(struct sl_config *config, char *ret_why)
{
	struct sl_config_guest *guest = &config->guests[0];
	uint64_t memory = (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE);

	memset(config, 0, sizeof(*config));
	config->opengl = true;
	config->pool = 2;
	config->max_programs = 256;
	config->spin_us = 50;
	config->memory_mode = SL_RENDERER_MEMORY_AUTO;
	config->memory = UINT64_MAX;
	config->renderer_memory = memory / 2;
	config->log_level = SL_LOG_INFO;
	config->limits = (struct sl_config_limits){
		.programs = 64,
		.regions = 65536,
		.objects = UINT32_MAX,
		.shared_memory = memory,
	};
	config->sched = (struct sl_sched_guest_params){
		.weight = 1,
		.cap_permille = 1000,
		.class = SL_SCHED_NORMAL,
		.slice_ns = SL_SCHED_SLICE_DEFAULT_NS,
	};
	config->policy = SL_SCHED_BEST_EFFORT;
	config->run_limit_ns = 10000000000;
	const char *driver = getenv("VK_DRIVER_FILES");
	if (driver == NULL || driver[0] == '\0') {
		driver = getenv("VK_ICD_FILENAMES"); /* its name in older loaders */
	}
	snprintf(config->driver, sizeof(config->driver), "%s", driver != NULL ? driver : "");
	config->guest_count = 1;
	*guest = unset_guest;
	strcpy(guest->name, SL_CONFIG_DEFAULT_GUEST);
	int r = sl_paths_default_socket("guest.sock", guest->socket, sizeof(guest->socket));
	if (r == 0) {
		r = sl_paths_default_socket("control.sock", config->control,
					    sizeof(config->control));
	}
	if (r < 0) {
		snprintf(ret_why, SL_CONFIG_WHY_SIZE, "XDG_RUNTIME_DIR is too long for a socket");
	}
	return r;
}

int sl_config_guest_socket(const struct sl_config *config, const char *name,
			   char ret_socket[SL_CONFIG_SOCKET_SIZE])
{
	char path[SL_CONFIG_SOCKET_SIZE]; /* ret_socket may be a part of config */
	const char *beside = config->guests[0].socket;
	const char *slash = strrchr(beside, '/');
	int length = slash != NULL ? (int)(slash - beside + 1) : 0;
	int n = snprintf(path, sizeof(path), "%.*s%s.sock", length, beside, name);

	if (n < 0 || (size_t)n >= sizeof(path)) {
		return -ENAMETOOLONG;
	}
	memcpy(ret_socket, path, sizeof(path));
	return 0;
}

static void inherit_share(const struct sl_config *config, struct sl_config_guest *guest)
{
	const struct sl_sched_guest_params *common = &config->sched;
	struct sl_sched_guest_params *own = &guest->sched;

	own->weight = own->weight != 0 ? own->weight : common->weight;
	own->cap_permille = own->cap_permille != 0 ? own->cap_permille : common->cap_permille;
	own->class = own->class != CLASS_UNSET ? own->class : common->class;
	own->period_ns = own->period_ns != UINT64_MAX ? own->period_ns : common->period_ns;
	/* The common slice is the scheduler's. */
	own->slice_ns = own->slice_ns != UINT64_MAX ? own->slice_ns : 0;
	guest->memory = guest->memory != 0 ? guest->memory : config->memory;
}

static void inherit(const struct sl_config *config, struct sl_config_guest *guest)
{
	const struct sl_config_limits *common = &config->limits;
	struct sl_config_limits *own = &guest->limits;

	if (guest->access.uid_count == 0 && guest->access.gid_count == 0) {
		guest->access = config->access;
	}
	own->programs = own->programs != 0 ? own->programs : common->programs;
	own->regions = own->regions != 0 ? own->regions : common->regions;
	own->shared_memory = own->shared_memory != 0 ? own->shared_memory : common->shared_memory;
	own->objects = own->objects != 0 ? own->objects : common->objects;
	inherit_share(config, guest);
}

void sl_config_init_guest(const struct sl_config *config, struct sl_config_guest *ret_guest)
{
	*ret_guest = unset_guest;
	ret_guest->limits = config->limits;
	inherit_share(config, ret_guest);
}

int sl_config_complete(struct sl_config *config, char *ret_why)
{
	if (config->sched.slice_ns == 0) {
		config->sched.slice_ns = SL_SCHED_SLICE_DEFAULT_NS;
	}
	for (uint32_t i = 0; i < config->guest_count; i++) {
		struct sl_config_guest *guest = &config->guests[i];

		inherit(config, guest);
		if (guest->socket[0] == '\0' &&
		    sl_config_guest_socket(config, guest->name, guest->socket) < 0) {
			snprintf(ret_why, SL_CONFIG_WHY_SIZE, "guest %s: socket path is too long",
				 guest->name);
			return -EINVAL;
		}
		for (uint32_t j = 0; j < i; j++) {
			const struct sl_config_guest *other = &config->guests[j];

			if (strcmp(guest->name, other->name) == 0) {
				snprintf(ret_why, SL_CONFIG_WHY_SIZE, "two guests are named %s",
					 guest->name);
				return -EINVAL;
			}
			if (strcmp(guest->socket, other->socket) == 0) {
				snprintf(ret_why, SL_CONFIG_WHY_SIZE,
					 "guests %s and %s have the same socket %s", other->name,
					 guest->name, guest->socket);
				return -EINVAL;
			}
		}
	}
	return 0;
}
