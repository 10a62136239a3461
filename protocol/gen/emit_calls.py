# SPDX-License-Identifier: MIT
"""sl_calls_*.c: decode one message of a command, run it, keep the object table, reply.

sl_calls.c holds the tables by wire id.
"""

from layout import assign, join
from plan import make_plan
from tables import (FAMILIES, created_param, destroyed_param, family, key_param, owner_type,
                    wire_commands)
from writer import write_file

WHAT = "Decodes, runs and answers each command."
OPS = "decode->options.ops->"


def emit(model, out):
    wires = wire_commands(model)
    replies = {plan.name for plan in make_plan(model).commands if plan.has_reply}
    for name in FAMILIES:
        texts = [record_function(w) if w.guest == "record"
                 else call_function(model, w, w.name in replies)
                 for w in wires if family(model, model.commands[w.name]) == name]
        write_file(model, out, f"sl_calls_{name}.c", WHAT, includes() + "".join(texts))
    write_file(model, out, "sl_calls.c", "The functions of the commands, by wire id.",
               tables(wires))
    write_file(model, out, "sl_calls.h", "The functions that run the messages of each command.",
               header(wires))


def includes():
    return """#include "protocol/sl_calls.h"

#include "host/decode/decode_priv.h"
#include "protocol/sl_codec.h"
#include "protocol/sl_ops.h"
"""


def prototype(wire, end=""):
    if wire.guest == "record":
        return join(f"int sl_run_{wire.name}(",
                    ["struct sl_decode *decode", "struct sl_reader *in",
                     "struct sl_object *self"], ")" + end)
    return join(f"int sl_run_{wire.name}(",
                ["struct sl_decode *decode", "struct sl_decode_call *call"], ")" + end)


def header(wires):
    body = "".join(prototype(w, ";\n") for w in wires)
    return f"""#ifndef SL_PROTOCOL_CALLS_H
#define SL_PROTOCOL_CALLS_H

struct sl_decode;
struct sl_decode_call;
struct sl_object;
struct sl_reader;

{body}
#endif
"""


def tables(wires):
    calls = "".join(assign(f"\t[SL_COMMAND_{w.name}]", f"sl_run_{w.name},\n")
                    for w in wires if w.guest != "record")
    records = "".join(assign(f"\t[SL_COMMAND_{w.name}]", f"sl_run_{w.name},\n")
                      for w in wires if w.guest == "record")
    return f"""#include "protocol/sl_calls.h"

#include "host/decode/decode_priv.h"

const sl_decode_function sl_decode_functions[SL_COMMAND_COUNT] = {{
{calls}}};

const sl_decode_record_function sl_decode_record_functions[SL_COMMAND_COUNT] = {{
{records}}};
"""


def record_function(wire):
    op = join(f"\treturn {OPS}{wire.name}(", ["decode->options.replay", "&args"], ");\n")
    return f"""
{prototype(wire)}
{{
	struct sl_{wire.name} args = {{
		.self = self,
		.commandBuffer = (VkCommandBuffer)(uintptr_t)self->handle,
		.named = &decode->stream_scope.named,
	}};

	sl_decode_{wire.name}(in, &args);
	if (!sl_decode_is_complete(in)) {{
		return -EBADMSG;
	}}
{op}}}
"""


def call_function(model, wire, has_reply):
    command = model.commands[wire.name]
    created = created_param(model, command)
    destroyed = destroyed_param(model, command, wire)
    emptied = key_param(command, wire, "empties")
    text = f"\n{prototype(wire)}\n{{\n\tstruct sl_{wire.name} args = {{ 0 }};\n\n"
    if created or destroyed or emptied:
        text += "\tdecode->scope.keeps_used = true;\n"
    if destroyed:
        text += f"\tdecode->scope.failed_type = {object_type(model, destroyed)};\n"
    text += f"\tsl_decode_{wire.name}(&call->in, &args);\n"
    text += check(model, command, created)
    text += "\targs.self = decode->scope.self;\n"
    text += "\targs.named = &decode->scope.named;\n"
    if created:
        text += "\targs.created = (void **)decode->scope.created.items;\n"
    text += drop_failed(command, destroyed)
    text += run(command, wire, destroyed)
    if command.return_type == "VkResult":
        text += "\tcall->result = args.ret;\n"
    if created:
        text += f"\tr = sl_decode_settle(decode, call, args.{created.name});\n"
        text += "\tif (r < 0) {\n\t\treturn r;\n\t}\n"
    if destroyed:
        text += f"\tsl_scope_remove(&decode->scope, {object_type(model, destroyed)});\n"
    if emptied:
        text += f"\tsl_scope_remove_owned(&decode->scope, {object_type(model, emptied)});\n"
    return text + reply(command, has_reply) + "}\n"


def object_type(model, param):
    return model.handles[param.type].objtype


def check(model, command, created):
    if not created:
        return "\tif (!sl_decode_is_complete(&call->in)) {\n\t\treturn -EBADMSG;\n\t}\n"
    owner = owner_type(model, command)
    owner_object = model.handles[owner].objtype if owner else "VK_OBJECT_TYPE_UNKNOWN"
    adopt = join("\t    !sl_decode_adopt(", ["decode", "call", owner_object,
                                             f"args.{created.name}"], ")) {\n")
    return ("\tif (!sl_decode_is_complete(&call->in) ||\n"
            f"{adopt}\t\treturn -EBADMSG;\n\t}}\n")


def drop_failed(command, destroyed):
    """What could not be made in the host driver is not destroyed there either."""
    if destroyed is None or destroyed is command.params[0]:
        return ""
    if destroyed.pointers:
        return join("\tsl_decode_drop_failed(",
                    ["decode", f"args.{destroyed.name}", f"args.{destroyed.lens[0]}"], ");\n")
    return f"\tsl_decode_drop_failed(decode, &args.{destroyed.name}, 1);\n"


def run(command, wire, destroyed):
    if destroyed is not None and destroyed is command.params[0]:
        text = ("\tint r = 0;\n"
                "\tif (!decode->scope.has_failed) {\n"
                + join(f"\t\tr = {OPS}{wire.name}(", ["decode->options.replay", "&args"],
                       ");\n") + "\t}\n")
    else:
        text = join(f"\tint r = {OPS}{wire.name}(", ["decode->options.replay", "&args"], ");\n")
    stream = key_param(command, wire, "stream")
    if stream:
        text += ("\tif (r == 0) {\n"
                 + join("\t\tr = sl_decode_stream(",
                        ["decode", "decode->scope.self", f"args.{stream.name}",
                         f"args.{stream.lens[0]}"], ");\n")
                 + "\t}\n\tif (r == 0) {\n"
                 "\t\t/* Those of the whole stream, each once. */\n"
                 "\t\targs.named = &decode->stream_scope.used;\n"
                 + f"\t\tr = {OPS}{wire.keys['end']}(decode->options.replay, &args);\n\t}}\n")
    return text + "\tif (r < 0) {\n\t\treturn r;\n\t}\n"


def reply(command, has_reply):
    size, encode = "\tsize_t size = 0;", ""
    if has_reply:
        size = join(f"\tsize_t size = sl_reply_size_{command.name}(",
                    ["decode->options.caps", "&args"], ");")
        encode = f"\tsl_reply_encode_{command.name}(&out, &args);\n"
    return f"""	if (!call->wants_reply) {{
		return 0;
	}}
{size}
	struct sl_writer out;

	r = sl_decode_begin_reply(decode, call, size, &out);
	if (r < 0) {{
		return r;
	}}
{encode}	sl_decode_commit_reply(decode);
	return 0;
"""
