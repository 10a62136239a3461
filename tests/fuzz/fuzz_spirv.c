/* SPDX-License-Identifier: MIT */
/* A guest's shader, repaired where that can be, as far as the validator; and what it uses. */
#include "host/check/shader_use.h"
#include "host/replay/spirv.h"
#include "host/replay/spirv_repair.h"
#include "tests/fuzz/fuzz.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint32_t capabilities[SL_SPIRV_MAX_UNDECLARED];
	struct sl_spirv *spirv = NULL;
	struct sl_shader_use *use = NULL;
	char why[256];

	if (sl_spirv_create(&spirv) < 0) {
		return 0;
	}
	uint32_t *code = malloc(size + 1);
	uint32_t *repaired = malloc(size + sizeof(capabilities) * 2);
	if (code != NULL && repaired != NULL && size > 0) {
		memcpy(code, data, size);
		sl_spirv_check(spirv, code, size, why, sizeof(why));
		(void)sl_shader_use_find(code, size / 4, &use);
		size_t count = sl_spirv_find_undeclared(code, size / 4, capabilities);
		if (count > 0) {
			size = 4 * sl_spirv_declare(code, size / 4, capabilities, count, repaired);
			sl_spirv_check(spirv, repaired, size, why, sizeof(why));
		}
	}
	free(use);
	free(repaired);
	free(code);
	sl_spirv_destroy(spirv);
	return 0;
}
