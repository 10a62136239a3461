# SPDX-License-Identifier: MIT
from emit_codec_header import emit_header
from plan import make_plan


def emit(model, out):
    plan = make_plan(model)
    emit_header(model, plan, out)
