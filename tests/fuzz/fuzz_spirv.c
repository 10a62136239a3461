/* SPDX-License-Identifier: MIT */
/* A guest's shader, as far as the validator. */
#include "host/replay/spirv.h"
#include "tests/fuzz/fuzz.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sl_spirv *spirv = NULL;
	char why[256];

	if (sl_spirv_create(&spirv) < 0) {
		return 0;
	}
	uint32_t *code = malloc(size + 1);
	if (code != NULL && size > 0) {
		memcpy(code, data, size);
		sl_spirv_check(spirv, code, size, why, sizeof(why));
	}
	free(code);
	sl_spirv_destroy(spirv);
	return 0;
}
