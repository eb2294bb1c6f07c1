"""LLVM for this machine.  In: a module.  Out: an object file's bytes.

    module = empty_module("celldsl")
    code = object_code(module)

NUMBA_OPT, NUMBA_LOOP_VECTORIZE, NUMBA_SLP_VECTORIZE, NUMBA_CPU_NAME, NUMBA_CPU_FEATURES and
NUMBA_ENABLE_AVX say what they say to Numba.  At the third level LLVM makes loops anew for each
outcome of a condition in them: the same kernels, as fast, of twice the code.
"""

# llvmlite is not typed.
# mypy: disable-error-code="no-untyped-call"

from __future__ import annotations

from functools import cache
from typing import Any

import llvmlite.binding
from llvmlite import ir
from numba.core import config
from numba.core.codegen import get_host_cpu_features

_MOST_SPEED = 2
_OTHERS_GIVE = ("llvm.", "celldsl_", "mem")  # functions that an object may leave to others


def empty_module(name: str) -> Any:
    module = ir.Module(name)
    module.triple = llvmlite.binding.get_process_triple()
    module.data_layout = str(_machine().target_data)
    return module


def object_code(module: Any) -> bytes:
    """What LLVM makes of the module.  Raises RuntimeError for functions that nobody has."""
    made = llvmlite.binding.parse_assembly(str(module))
    made.verify()
    tuning = llvmlite.binding.create_pipeline_tuning_options(min(int(config.OPT), _MOST_SPEED))
    tuning.loop_vectorization = bool(config.LOOP_VECTORIZE)
    tuning.slp_vectorization = bool(config.SLP_VECTORIZE)
    builder = llvmlite.binding.create_pass_builder(_machine(), tuning)
    builder.getModulePassManager().run(made, builder)
    strange = [
        f.name for f in made.functions if f.is_declaration and not f.name.startswith(_OTHERS_GIVE)
    ]
    if strange:
        raise RuntimeError(f"compiled code needs {', '.join(strange)}")
    code: bytes = _machine().emit_object(made)
    return code


@cache
def _machine() -> Any:
    """As Numba sets it up for code that is run where it is made."""
    llvmlite.binding.initialize_native_target()
    llvmlite.binding.initialize_native_asmprinter()
    target = llvmlite.binding.Target.from_triple(llvmlite.binding.get_process_triple())
    return target.create_target_machine(
        cpu=config.CPU_NAME or llvmlite.binding.get_host_cpu_name(),
        features=get_host_cpu_features() if config.CPU_FEATURES is None else config.CPU_FEATURES,
        opt=int(config.OPT),
        reloc="static" if target.name.startswith("x86") else "default",
        codemodel="jitdefault",
        jit=True,
    )
