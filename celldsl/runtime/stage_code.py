"""Stages as Numba sees them.  In: a stage, types.  Out: LLVM's instructions, not optimised yet.

    stage_type(stage)                           what Numba takes a stage for, in other stages
    found = compiled(stage, argument_types)     found.signature, found.library

Numba's own functions are optimised and translated one by one, wrapped for Python, and again as part
of each that calls them.  Stages are only ever linked into a larger whole, and go the short way.
"""

# What is subclassed and called here is Numba's, which has no types.
# mypy: disable-error-code="misc, no-untyped-call, no-untyped-def"

from __future__ import annotations

import operator
from functools import cache
from typing import Any

from numba import types
from numba.core.codegen import CPUCodeLibrary
from numba.core.compiler import CompilerBase, Flags, compile_extra
from numba.core.compiler_lock import global_compiler_lock
from numba.core.compiler_machinery import PassManager
from numba.core.cpu_options import FastMathOptions
from numba.core.imputils import lower_builtin
from numba.core.registry import cpu_target
from numba.core.typed_passes import (
    IRLegalization,
    NativeLowering,
    NoPythonBackend,
    NopythonTypeInference,
    PreLowerStripPhis,
)
from numba.core.typing.context import Context
from numba.core.typing.templates import AbstractTemplate, signature
from numba.core.untyped_passes import FixupArgs, IRProcessing, ReconstructSSA, TranslateByteCode

from celldsl.runtime.kernel import FAST_MATH, Stage

_COMPILED: dict[tuple[Stage, tuple[Any, ...]], Any] = {}
_KNOWN: dict[Any, Any] = {}  # types of operations on numbers
_OPERATORS = {
    operator.add, operator.sub, operator.mul, operator.floordiv, operator.truediv, operator.mod,
    operator.iadd, operator.isub, operator.imul, operator.eq, operator.ne, operator.lt,
    operator.le, operator.gt, operator.ge, operator.neg,
}  # fmt: skip
_ALLOWED = ("llvm.", "celldsl_", "mem")  # functions that an object may leave to others


class PartLibrary(CPUCodeLibrary):
    """Code that will be linked into another library's; it is neither optimised nor translated."""

    def _optimize_functions(self, ll_module: Any) -> None:
        ll_module.data_layout = self._codegen._data_layout

    def _optimize_final_module(self) -> None:
        pass

    def _finalize_final_module(self) -> None:
        self._finalized = True

    def object_code(self) -> bytes:
        """All that was linked into it as machine code."""
        self._ensure_finalized()
        super()._optimize_final_module()
        module = self._final_module
        strange = [
            f.name for f in module.functions
            if f.is_declaration and not f.name.startswith(_ALLOWED)
        ]  # fmt: skip
        if strange:
            raise RuntimeError(f"compiled code needs {', '.join(strange)}")
        code: bytes = self._codegen._tm.emit_object(module)
        return code


class _StageCompiler(CompilerBase):
    """Those of Numba's passes that stages need: they hold no closures, arrays or exceptions."""

    def define_pipelines(self) -> list[PassManager]:
        manager = PassManager("stage")
        for step in (
            TranslateByteCode, FixupArgs, IRProcessing, ReconstructSSA, NopythonTypeInference,
            PreLowerStripPhis, IRLegalization, NativeLowering, NoPythonBackend,
        ):  # fmt: skip
            manager.add_pass(step, step.__name__)
        manager.finalize()
        return [manager]


class _StageContext(Context):
    """Numba's own context, which looks an operation on numbers up once and not each time."""

    def __init__(self) -> None:
        self.__dict__ = cpu_target.typing_context.__dict__

    def _resolve_user_function_type(
        self, func: Any, args: Any, kws: Any, literals: Any = None
    ) -> Any:
        plain = tuple(types.unliteral(a) for a in args)
        operation = getattr(func, "typing_key", None)
        if (
            kws
            or operation not in _OPERATORS
            or not all(isinstance(a, types.Number) for a in plain)
        ):
            return super()._resolve_user_function_type(func, args, kws, literals)
        if (operation, plain) not in _KNOWN:
            found = super()._resolve_user_function_type(func, plain, kws, literals)
            _KNOWN[operation, plain] = found
        return _KNOWN[operation, plain]


@global_compiler_lock
def compiled(stage: Stage, arguments: tuple[Any, ...]) -> Any:
    """What Numba makes of a stage for arguments of these types."""
    key = stage, arguments
    if key not in _COMPILED:
        flags = Flags()
        flags.nrt = True
        flags.no_compile = True
        flags.no_cpython_wrapper = True
        flags.no_cfunc_wrapper = True
        flags.error_model = "numpy"
        flags.fastmath = FastMathOptions(set(FAST_MATH))
        context = cpu_target.target_context
        library = PartLibrary(context.codegen(), stage.name)
        _COMPILED[key] = compile_extra(
            _context(), context, stage.function, arguments, None, flags, {}, library, _StageCompiler
        )
    return _COMPILED[key]


@global_compiler_lock
def forget(module: str) -> None:
    """Lets go of what was compiled of a module: it is large, and in an object by now."""
    for key in [key for key in _COMPILED if key[0].function.__module__ == module]:
        del _COMPILED[key]


@cache
def _context() -> _StageContext:
    return _StageContext()


def stage_type(stage: Stage) -> Any:
    """What Numba takes the stage for, where compiled code names it: a function of its own kind."""

    def generic(_: Any, arguments: Any, __: Any) -> Any:
        plain = tuple(types.unliteral(a) for a in arguments)
        return signature(compiled(stage, plain).signature.return_type, *plain)

    def call(context: Any, builder: Any, sig: Any, arguments: Any) -> Any:
        found = compiled(stage, sig.args)
        context.add_linking_libs([found.library])
        return context.call_internal(builder, found.fndesc, sig, arguments)

    members = {"generic": generic, "key": stage}
    template = type(f"_Typed_{stage.name}", (AbstractTemplate,), members)
    lower_builtin(stage, types.VarArg(types.Any))(call)
    cpu_target.target_context.refresh()
    return types.Function(template)
