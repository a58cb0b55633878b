"""How programs that run long are compiled, and how wide they are."""

from typing import Any

LANES = 16
"""Columns, cells and series are computed in multiples of so many: the widest vector of float32.

The last ones are filled up, so that the numbers of one do not depend on how many there are.
"""

WIDE_VECTORS: dict[str, Any] = {"xla_cpu_prefer_vector_width": 512}
"""Compiler options of programs that run long on a CPU: vectors as wide as the processor has.

The compiler prefers half of it, because wide vectors once slowed the clock. Columns and cells side
by side gain 10 to 18 % of CPU time. Without effect on other processors and on accelerators. Only
the outermost program takes options.
"""
