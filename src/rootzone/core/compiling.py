"""How long programs are compiled."""

from typing import Any

WIDE_VECTORS: dict[str, Any] = {"xla_cpu_prefer_vector_width": 512}
"""Compiler options of programs that run long on a CPU: vectors as wide as the processor has.

The compiler prefers half of it, because wide vectors once slowed the clock. Columns and cells side
by side gain 10 to 18 % of CPU time. Without effect on other processors and on accelerators. Only
the outermost program takes options.
"""
