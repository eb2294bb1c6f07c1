"""C functions whose first argument is filled in.  In: an address of code, a word.  Out: another.

    code = bound_code(handler, record)          # code(frame) is handler(record, frame)

Libraries that call back give a function nothing of its own to go by.  So each purpose gets a
function, which passes on what it is given together with a word that says what it is for.
"""

# llvmlite is not typed.
# mypy: disable-error-code="no-untyped-call"

from __future__ import annotations

from llvmlite import ir

from celldsl.jit.forks import COMPILING
from celldsl.jit.object_cache import linked

_WORD = ir.IntType(64)
_SYMBOL = "celldsl_bound"


def bound_code(code: int, first: int) -> int:
    """The address of a function of one word; it lives as long as the process."""
    from celldsl.jit.compile import empty_module
    from celldsl.jit.translation import object_code

    with COMPILING:
        module = empty_module(_SYMBOL)
        function = ir.Function(module, ir.FunctionType(_WORD, [_WORD]), _SYMBOL)
        builder = ir.IRBuilder(function.append_basic_block("entry"))
        kind = ir.FunctionType(_WORD, [_WORD, _WORD]).as_pointer()
        target = builder.inttoptr(_WORD(code), kind)
        builder.ret(builder.call(target, [_WORD(first), function.args[0]], tail=True))
        address: int = linked([object_code(str(module))]).get_function_address(_SYMBOL)
        return address
