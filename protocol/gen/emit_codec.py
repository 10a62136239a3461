# SPDX-License-Identifier: MIT
"""sl_codec.h and the codec's .c files: one for each family of objects, one for the structs that
several families share, one for pNext chains."""

from c_code import Code

from codec_chains import chain_functions, needs_functions
from codec_names import CHAINS, SHARED, Places, families
from codec_reply import Reply
from codec_request import Request
from emit_codec_header import emit_header
from plan import IN, make_plan
from writer import guard, write_file


def emit(model, out):
    plan = make_plan(model)
    emit_header(model, plan, out)
    places = Places(plan)
    for family, commands in families(plan).items():
        file = File(places)
        file.structs(family)
        for command in commands:
            file.command(command)
        file.write(model, out, f"sl_codec_{family}.c", f"Codec: the commands of {family}.")
    shared = File(places)
    shared.structs(SHARED)
    for struct in plan.structs.values():
        if struct.is_image and struct.fields:
            shared.images[struct.name] = struct.csize
    shared.write(model, out, "sl_codec_structs.c", "Codec: structs that several files need.")
    emit_shared_header(model, shared.code, out)
    chains = File(places)
    chains.structs(CHAINS)
    chain_functions(plan, places, chains)
    chains.write(model, out, "sl_codec_chains.c", "Codec: the structs of pNext chains.")


def emit_shared_header(model, code, out):
    heads = Code(0)
    for head in code.heads:
        heads.add(head + ";")
    body = f"""#ifndef {guard("sl_codec_structs.h")}
#define {guard("sl_codec_structs.h")}

#include "protocol/codec.h"

/* For each struct: the parts of requests, of their skeletons, and of replies. */

{heads.text()}
#endif
"""
    write_file(model, out, "sl_codec_structs.h", "Codec: structs that several files need.", body)


class File:
    """One .c file of the codec."""

    def __init__(self, places):
        self.places = places
        self.spans = set()
        self.images = {}
        self.request = Request(places, self.spans)
        self.reply = Reply(places, self.spans)
        self.code = Code(0)

    def structs(self, place):
        """The functions of the structs that live here."""
        lists = set()
        for struct in self.places.in_file(place):
            if not needs_functions(struct):
                continue
            self.chain_lists(struct, lists)
            self.request.struct_functions(struct, self.code)
            self.reply.struct_functions(struct, self.code)

    def chain_lists(self, struct, lists):
        if not struct.chain or not struct.is_base:
            return
        if struct.name not in lists:
            lists.add(struct.name)
            self.chain_list(f"chain_{struct.name}", struct.chain)
        outputs = [c for c in struct.chain if c.has_outputs]
        if struct.direction == IN and outputs:
            self.chain_list(f"outputs_{struct.name}", outputs)

    def chain_list(self, name, structs):
        self.code.open(f"static const VkStructureType {name}[] =")
        for struct in structs:
            self.code.add(f"{struct.struct.stype},")
        self.code.close(";")
        self.code.add()

    def command(self, plan):
        code = self.code
        name = plan.name
        read = f"const struct sl_{name} *args)"
        code.function(f"size_t sl_size_{name}(const struct sl_caps *caps, {read}",
                      self.request.command_size(plan))
        code.function(f"void sl_encode_{name}(struct sl_writer *out, {read}",
                      self.request.command_encode(plan))
        code.function(f"void sl_decode_{name}(struct sl_reader *in, struct sl_{name} *args)",
                      self.request.command_decode(plan))
        if not plan.has_reply:
            return
        code.function(f"size_t sl_reply_size_{name}(const struct sl_caps *caps, {read}",
                      self.reply.command_size(plan))
        code.function(f"void sl_reply_encode_{name}(struct sl_writer *out, {read}",
                      self.reply.command_encode(plan))
        code.function(f"void sl_reply_decode_{name}(struct sl_reader *in, struct sl_{name} *args)",
                      self.reply.command_decode(plan))

    def write(self, model, out, name, what):
        text = Code(0)
        for header in ("codec.h", "conditions.h", "sl_codec.h", "sl_codec_structs.h",
                       "sl_enums.h"):
            text.add(f'#include "protocol/{header}"')
        text.add()
        for struct, first, last, size in sorted(self.spans):
            text.add(f"SL_ASSERT_SPAN({struct}, {first}, {last}, {size});")
        for struct, size in sorted(self.images.items()):
            text.add(f"SL_ASSERT_IMAGE({struct}, {size});")
        if self.spans or self.images:
            text.add()
        lines = self.code.lines
        while lines and not lines[-1]:
            lines.pop()
        while not lines and not text.lines[-1]:
            text.lines.pop()
        write_file(model, out, name, what, text.text() + "".join(line + "\n" for line in lines))
