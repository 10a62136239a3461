/* SPDX-License-Identifier: MIT */
/* The log: formats a line in memory and writes it with one system call, so that lines of several
 * processes on the same terminal or pipe do not mix. */
#include "host/base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/base/clock.h"

#define LINE_SIZE 1024
#define WHO_SIZE  192
#define GAP_NS	  UINT64_C(500000000)

static struct {
	const char *program; /* NULL: silent */
	enum sl_log_level level;
	bool has_priority; /* standard error is the journal */
	char who[WHO_SIZE];
	struct sl_log_rate *rate; /* of sl_log(); NULL: any */
} sink = { .level = SL_LOG_INFO };

static const struct {
	const char *name;
	enum sl_log_level level;
} level_names[] = {
	{ "error", SL_LOG_ERROR },
	{ "warning", SL_LOG_WARNING },
	{ "info", SL_LOG_INFO },
	{ "debug", SL_LOG_DEBUG },
};

/* systemd sets JOURNAL_STREAM to device:inode of the stream it connected. */
static bool stderr_is_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	unsigned long long device = 0;
	unsigned long long inode = 0;
	struct stat st;

	return stream != NULL && sscanf(stream, "%llu:%llu", &device, &inode) == 2 &&
	       fstat(STDERR_FILENO, &st) == 0 && st.st_dev == device && st.st_ino == inode;
}

void sl_log_init(const char *program, enum sl_log_level level)
{
	sink.program = program;
	sink.level = level;
	sink.has_priority = stderr_is_journal();
	sink.who[0] = '\0';
}

void sl_log_set_level(enum sl_log_level level)
{
	sink.level = level;
}

enum sl_log_level sl_log_get_level(void)
{
	return sink.level;
}

void sl_log_set_who(const char *who)
{
	snprintf(sink.who, sizeof(sink.who), "%s", who);
}

static size_t append(char *line, size_t used, const char *text)
{
	size_t length = strlen(text);
	size_t left = LINE_SIZE - 1 - used; /* keeps room for the newline */

	if (length > left) {
		length = left;
	}
	memcpy(line + used, text, length);
	return used + length;
}

static void write_line(const char *who, enum sl_log_level level, const char *format, va_list args)
{
	char line[LINE_SIZE];
	char text[LINE_SIZE];
	int saved_errno = errno;
	size_t used = 0;

	if (sink.program == NULL || level > sink.level) {
		return;
	}
	vsnprintf(text, sizeof(text), format, args);
	if (sink.has_priority) {
		char priority[8];

		snprintf(priority, sizeof(priority), "<%d>", (int)level);
		used = append(line, used, priority);
	} else {
		used = append(line, used, sink.program);
		used = append(line, used, ": ");
		if (level <= SL_LOG_WARNING) {
			used = append(line, used, sl_log_level_name(level));
			used = append(line, used, ": ");
		}
	}
	if (who != NULL && who[0] != '\0') {
		used = append(line, used, who);
		used = append(line, used, ": ");
	}
	used = append(line, used, text);
	for (size_t i = 0; i < used; i++) {
		if ((unsigned char)line[i] < 0x20 || line[i] == 0x7f) {
			line[i] = '?';
		}
	}
	line[used++] = '\n';
	/* A log that cannot be written has nobody left to tell. */
	ssize_t written = write(STDERR_FILENO, line, used);
	(void)written;
	errno = saved_errno;
}

void sl_log_set_rate(struct sl_log_rate *rate)
{
	sink.rate = rate;
}

/* True if the line may be written. */
static bool take_line(struct sl_log_rate *rate, uint64_t now_ns)
{
	uint64_t due_ns = rate->due_ns > now_ns ? rate->due_ns : now_ns;

	if (due_ns - now_ns > (SL_LOG_AT_ONCE - 1) * GAP_NS) {
		rate->left_out++;
		return false;
	}
	rate->due_ns = due_ns + GAP_NS;
	return true;
}

static void write_rated(struct sl_log_rate *rate, const char *who, enum sl_log_level level,
			const char *format, va_list args)
{
	char text[LINE_SIZE];
	char note[64] = "";

	if (level > sink.level || !take_line(rate, sl_clock_now_ns())) {
		return;
	}
	if (rate->left_out > 0) {
		snprintf(note, sizeof(note), " (%llu lines before this one were left out)",
			 (unsigned long long)rate->left_out);
		rate->left_out = 0;
	}
	vsnprintf(text, sizeof(text) - sizeof(note), format, args);
	sl_log_for(who, level, "%s%s", text, note);
}

void sl_log(enum sl_log_level level, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	if (sink.rate != NULL && level != SL_LOG_DEBUG) {
		write_rated(sink.rate, sink.who, level, format, args);
	} else {
		write_line(sink.who, level, format, args);
	}
	va_end(args);
}

void sl_log_for(const char *who, enum sl_log_level level, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	write_line(who, level, format, args);
	va_end(args);
}

void sl_log_rated(struct sl_log_rate *rate, const char *who, enum sl_log_level level,
		  const char *format, ...)
{
	va_list args;

	va_start(args, format);
	write_rated(rate, who, level, format, args);
	va_end(args);
}

int sl_log_parse_level(const char *name, enum sl_log_level *ret_level)
{
	for (size_t i = 0; i < sizeof(level_names) / sizeof(level_names[0]); i++) {
		if (strcmp(name, level_names[i].name) == 0) {
			*ret_level = level_names[i].level;
			return 0;
		}
	}
	return -EINVAL;
}

const char *sl_log_level_name(enum sl_log_level level)
{
	for (size_t i = 0; i < sizeof(level_names) / sizeof(level_names[0]); i++) {
		if (level_names[i].level == level) {
			return level_names[i].name;
		}
	}
	return "unknown";
}
