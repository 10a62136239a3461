/* SPDX-License-Identifier: MIT */
/* The log: one line per event, saying who, what and why, on standard error. Where standard
 * error is the systemd journal each line carries its priority. */
#ifndef SL_HOST_BASE_LOG_H
#define SL_HOST_BASE_LOG_H

#include <stddef.h>
#include <stdint.h>

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

/* How much of the log others may fill: SL_LOG_AT_ONCE lines, then two a second. Begins zeroed. */
#define SL_LOG_AT_ONCE 256
struct sl_log_rate {
	uint64_t due_ns;   /* when nothing of it is used any more */
	uint64_t left_out; /* lines since the last one that was written */
};

/* The same for a line that somebody can bring about as often as he likes; one after lines that were
 * left out says how many. One thread. */
void sl_log_rated(struct sl_log_rate *rate, const char *who, enum sl_log_level level,
		  const char *format, ...) __attribute__((format(printf, 4, 5)));
/* From now on sl_log() is such, but for what debuggers asked for. NULL: no more. */
void sl_log_set_rate(struct sl_log_rate *rate);

/* "error", "warning", "info", "debug" to a level. Returns 0 or -EINVAL. */
int sl_log_parse_level(const char *name, enum sl_log_level *ret_level);
const char *sl_log_level_name(enum sl_log_level level);

#endif
