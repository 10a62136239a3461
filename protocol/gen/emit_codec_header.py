# SPDX-License-Identifier: MIT
"""sl_codec.h: what callers see of the codec."""

from c_code import Code

from writer import guard, write_file


def emit_header(model, plan, out):
    fixed = "".join(f"\tSL_SIZE_{c.name} = {c.fixed_size},\n" for c in plan.commands
                    if c.fixed_size is not None)
    commands = "\n".join(prototypes(c) for c in plan.commands)
    body = f"""#ifndef {guard("sl_codec.h")}
#define {guard("sl_codec.h")}

#include "protocol/caps.h"
#include "protocol/reader.h"
#include "protocol/sl_args.h"
#include "protocol/writer.h"

#include <stddef.h>
#include <stdio.h>

/* For each command that travels:
 *
 * sl_size_X(): the bytes of the request's payload, a multiple of 4. Where they are always the
 * same, SL_SIZE_X is their number.
 * sl_encode_X(): write just that many bytes.
 * sl_decode_X(): read them into args, which then points into the reader's arena and into the
 * message. Check sl_reader_failed() before args is used. Leaves alone self, created, ret and, of
 * recorded commands, the command buffer.
 * sl_dump_X(): a readable line, for the guest's trace (handles are the guest's).
 *
 * For commands with a result or with outputs:
 *
 * sl_reply_size_X(): the host gets the bytes of the reply from it after the call; the guest,
 * before the call, an upper bound.
 * sl_reply_encode_X(): the host writes just that many bytes.
 * sl_reply_decode_X(): the guest reads them into the application's memory and args->ret. */

enum sl_fixed_size {{
{fixed}}};

{commands}
#endif
"""
    write_file(model, out, "sl_codec.h", "Encoders and decoders of every command that travels.",
               body)


def prototypes(plan):
    name = plan.name
    read = f"const struct sl_{name} *args);"
    code = Code(0)
    code.add(f"size_t sl_size_{name}(const struct sl_caps *caps, {read}")
    code.add(f"void sl_encode_{name}(struct sl_writer *out, {read}")
    code.add(f"void sl_decode_{name}(struct sl_reader *in, struct sl_{name} *args);")
    if plan.has_reply:
        code.add(f"size_t sl_reply_size_{name}(const struct sl_caps *caps, {read}")
        code.add(f"void sl_reply_encode_{name}(struct sl_writer *out, {read}")
        code.add(f"void sl_reply_decode_{name}(struct sl_reader *in, struct sl_{name} *args);")
    code.add(f"void sl_dump_{name}(FILE *out, {read}")
    return code.text()
