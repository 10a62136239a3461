/* SPDX-License-Identifier: MIT */
/* The account of the GPU's time as JSON: every number with its unit in its name. */
#include "host/daemon/ledger.h"

#include "host/base/quota.h"
#include "host/daemon/arbiter.h"
#include "host/daemon/config.h"
#include "host/daemon/daemon.h"
#include "host/daemon/guest.h"

/* JSON integers have 63 bits here. */
static json_int_t number(uint64_t value)
{
	return value > INT64_MAX ? INT64_MAX : (json_int_t)value;
}

const char *sl_ledger_state_name(enum sl_sched_state state)
{
	static const char *const names[] = {
		[SL_SCHED_IDLE] = "idle",     [SL_SCHED_WAITS] = "waits",
		[SL_SCHED_CAPPED] = "capped", [SL_SCHED_HOLDS] = "runs",
		[SL_SCHED_PAUSED] = "paused",
	};

	return names[state];
}

/* The counts of a histogram, so that whoever asks twice can tell what happened between. */
static json_t *pack_histogram(const struct sl_histogram *histogram)
{
	json_t *counts = json_array();

	for (uint32_t i = 0; i < SL_HISTOGRAM_BUCKETS; i++) {
		json_array_append_new(counts, json_integer(number(histogram->counts[i])));
	}
	return counts;
}

json_t *sl_ledger_pack_share(const struct sl_guest *guest)
{
	const struct sl_sched_guest_params *params = &guest->config.sched;
	struct sl_arbiter_guest_account account =
		sl_arbiter_get_guest(guest->daemon->arbiter, guest->arbitrated);
	bool has_quota = guest->config.memory != UINT64_MAX;

	return json_pack("{s:i, s:f, s:s, s:I, s:I, s:o, s:f, s:s, s:b}", "weight",
			 (int)params->weight, "cap_percent", params->cap_permille / 10.0, "class",
			 sl_config_class_name(params->class), "deadline_ns",
			 number(params->period_ns), "slice_ns",
			 number(params->slice_ns != 0
					? params->slice_ns
					: sl_arbiter_get_options(guest->daemon->arbiter)->slice_ns),
			 "memory_quota_bytes",
			 has_quota ? json_integer(number(guest->config.memory)) : json_null(),
			 "entitlement_percent", account.entitlement_permille / 10.0, "state",
			 sl_ledger_state_name(account.state), "paused",
			 (int)sl_arbiter_is_paused(guest->arbitrated));
}

/* How much GPU time was measured by what. */
static json_t *pack_measured(uint64_t used_ns, uint64_t stamped_ns)
{
	return json_pack("{s:I, s:I}", "timestamps_ns", number(stamped_ns), "completion_ns",
			 number(used_ns - stamped_ns));
}

static json_t *pack_guest(const struct sl_guest *guest)
{
	struct sl_arbiter_guest_account account =
		sl_arbiter_get_guest(guest->daemon->arbiter, guest->arbitrated);
	const struct sl_sched_usage *usage = account.usage;
	struct sl_usage totals;

	sl_guest_sum_usage(guest, &totals);
	return json_pack(
		"{s:s, s:o, s:I, s:o, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:o}",
		"name", guest->config.name, "share", sl_ledger_pack_share(guest), "used_ns",
		number(account.used_ns), "measured",
		pack_measured(account.used_ns, account.stamped_ns), "gap_ns",
		number(account.gap_ns), "held_ns", number(account.used_ns + account.gap_ns),
		"wait_ns", number(usage->wait_ns), "wait_p50_ns",
		number(sl_histogram_get_quantile(&usage->waits, 500)), "wait_p99_ns",
		number(sl_histogram_get_quantile(&usage->waits, 990)), "wait_max_ns",
		number(usage->wait_max_ns), "grants", number(usage->grants), "overshoot_ns",
		number(usage->overshoot_ns), "submissions", number(totals.submissions),
		"program_count", number(guest->context_count), "memory_bytes",
		number(sl_quota_get_used(guest->quota)), "wait_histogram",
		pack_histogram(&usage->waits));
}

json_t *sl_ledger_pack(struct sl_daemon *daemon)
{
	const struct sl_arbiter_account *account = sl_arbiter_get_account(daemon->arbiter);
	const struct sl_histogram *handovers = &account->handover_times;
	const struct sl_guest *guest;
	json_t *guests = json_array();

	TAILQ_FOREACH(guest, &daemon->guests, link)
	{
		json_array_append_new(guests, pack_guest(guest));
	}
	return json_pack("{s:b, s:o, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:o}",
			 "ok", 1, "measured", pack_measured(account->used_ns, account->stamped_ns),
			 "policy", sl_config_policy_name(daemon->config->policy), "slice_ns",
			 number(sl_arbiter_get_options(daemon->arbiter)->slice_ns), "wall_ns",
			 number(account->wall_ns), "used_ns", number(account->used_ns), "gap_ns",
			 number(account->gap_ns), "idle_ns", number(account->idle_ns),
			 "removed_used_ns", number(account->removed_used_ns), "removed_gap_ns",
			 number(account->removed_gap_ns), "handovers", number(account->handovers),
			 "handover_p50_ns", number(sl_histogram_get_quantile(handovers, 500)),
			 "handover_p99_ns", number(sl_histogram_get_quantile(handovers, 990)),
			 "guests", guests);
}
