/* SPDX-License-Identifier: MIT */
/* The log: one line per event, saying who, what and why, on standard error. Where standard
 * error is the systemd journal each line carries its priority. */
#ifndef SL_HOST_BASE_LOG_H
#define SL_HOST_BASE_LOG_H

#include <stddef.h>

enum sl_log_level {
	SL_LOG_ERROR = 3, /* numbers as in syslog(3), which the journal reads */
	SL_LOG_WARNING = 4,
	SL_LOG_INFO = 6,
	SL_LOG_DEBUG = 7,
};

/* Start the log of this process. program: static text, e.g. "sluiced". Without this call the
 * log is silent. Main thread, before any other thread exists. */
void sl_log_init(const char *program, enum sl_log_level level);
void sl_log_set_level(enum sl_log_level level);
enum sl_log_level sl_log_get_level(void);

/* Who this process works for, e.g. "guest web, vkcube[1234]"; put before each line of
 * sl_log(). The text is copied, and cut if it is long. Before any other thread exists. */
void sl_log_set_who(const char *who);

/* Write one line: "program: who: text". Control characters in the text become '?', so that no
 * guest can forge a line; lines longer than 1 KiB are cut. Any thread. */
void sl_log(enum sl_log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The same for a process that works for several: who is NULL or goes before the text. */
void sl_log_for(const char *who, enum sl_log_level level, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* "error", "warning", "info", "debug" to a level. Returns 0 or -EINVAL. */
int sl_log_parse_level(const char *name, enum sl_log_level *ret_level);
const char *sl_log_level_name(enum sl_log_level level);

#endif
