/* SPDX-License-Identifier: MIT */
/* The lists of tests, each ended by an entry without a name. */
#ifndef SL_TESTS_INTEGRATION_CASES_H
#define SL_TESTS_INTEGRATION_CASES_H

#include "tests/vkt/vkt.h"

extern const struct vkt_case compute_cases[];
extern const struct vkt_case descriptor_cases[];
extern const struct vkt_case draw_cases[];
extern const struct vkt_case output_cases[];
extern const struct vkt_case pass_cases[];
extern const struct vkt_case state_cases[];
extern const struct vkt_case transfer_cases[];
extern const struct vkt_case image_copy_cases[];
extern const struct vkt_case fence_cases[];
extern const struct vkt_case semaphore_cases[];
extern const struct vkt_case query_cases[];
extern const struct vkt_case memory_cases[];
extern const struct vkt_case object_cases[];
extern const struct vkt_case property_cases[];
extern const struct vkt_case thread_cases[];
extern const struct vkt_case extension_cases[];
extern const struct vkt_case process_cases[];

#endif
