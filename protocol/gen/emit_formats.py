# SPDX-License-Identifier: MIT
"""sl_formats.[ch]: how the texels of each format lie in memory."""

from registry import GenError, read_registry
from writer import write_file

DEPTH_BYTES = {16: 2, 24: 4, 32: 4}


def emit(model, out):
    rows = "".join(row for _, row in sorted(read_formats(model)))
    write_file(model, out, "sl_formats.h", "How the texels of each format lie in memory.", HEADER)
    write_file(model, out, "sl_formats.c", "How the texels of each format lie in memory.",
               code(rows))


def read_formats(model):
    """(value, row of the table) of each format."""
    values = model.enums["VkFormat"].values
    root = read_registry(model.inputs[0])
    for group in root.children("formats"):
        for node in group.children("format"):
            if node.get("name") in values:
                yield values[node.get("name")], row_of(node)


def row_of(node):
    components = {c.get("name"): c.get("bits") for c in node.children("component")}
    extent = [int(n) for n in node.get("blockExtent", "1,1,1").split(",")]
    size = int(node.get("blockSize"))
    planes = node.children("plane")
    aspects = [f"VK_IMAGE_ASPECT_{name}_BIT"
               for name, letter in (("DEPTH", "D"), ("STENCIL", "S")) if letter in components]
    aspects = aspects or ["VK_IMAGE_ASPECT_COLOR_BIT"]
    aspects += [f"VK_IMAGE_ASPECT_PLANE_{i}_BIT" for i in range(len(planes))]
    sizes = [size]
    if "D" in components:
        sizes = [DEPTH_BYTES[int(components["D"])]]
    if planes:
        sizes = [plane_size(node, plane) for plane in planes]
    divisors = [(plane.get("widthDivisor"), plane.get("heightDivisor")) for plane in planes]
    rows = ", ".join(f"{{ {size}, {w}, {h} }}"
                     for size, (w, h) in zip(sizes, divisors or [(1, 1)]))
    return (f"\t{{ {node.get('name')},\n\t  {' | '.join(aspects)},\n"
            f"\t  {{ {', '.join(str(n) for n in extent)} }}, {{ {rows} }} }},\n")


def plane_size(node, plane):
    """Bytes of a texel of the single-plane format that a plane is compatible with."""
    bits = sum(int(c.get("bits")) for c in node.children("component")
               if c.get("planeIndex") == plane.get("index"))
    compatible = plane.get("compatible", "")
    pack = compatible.rpartition("PACK")[2]
    if pack.isdigit():
        bits = int(pack)
    elif "4PACK16" in compatible:
        bits = 64
    if bits % 8:
        raise GenError(node.place, f"{node.get('name')}: a plane of {bits} bits")
    # Two components of 10 or 12 bits lie in 16 bits each: R10X6G10X6_UNORM_2PACK16.
    count = compatible.rpartition("_")[2].partition("PACK")
    return bits // 8 * (int(count[0]) if count[1] and count[0] else 1)


HEADER = """#ifndef SL_PROTOCOL_FORMATS_H
#define SL_PROTOCOL_FORMATS_H

#include <stdint.h>
#include <vulkan/vulkan_core.h>

struct sl_format_plane {
	uint8_t block_size; /* bytes; depth: of its copies in buffers (stencil: 1) */
	uint8_t width_divisor;
	uint8_t height_divisor;
};

struct sl_format {
	VkFormat format;
	VkImageAspectFlags aspects; /* with those of planes */
	uint8_t block_extent[3];    /* texels */
	struct sl_format_plane planes[3];
};

/* NULL: not a format of the registry. */
const struct sl_format *sl_format_find(VkFormat format);

#endif
"""


def code(rows):
    return f"""#include "protocol/sl_formats.h"

#include <stdlib.h>

/* By value. */
static const struct sl_format formats[] = {{
{rows}}};

static int compare(const void *a, const void *b)
{{
	const struct sl_format *left = a, *right = b;

	return left->format < right->format ? -1 : left->format > right->format;
}}

const struct sl_format *sl_format_find(VkFormat format)
{{
	const struct sl_format key = {{ .format = format }};

	return bsearch(&key, formats, sizeof(formats) / sizeof(formats[0]), sizeof(key), compare);
}}
"""
