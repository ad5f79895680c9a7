"""Each in a process of its own: memory, and what is imported, are a process's."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

CHURN = """
from bot.commands.memory import bound_memory, settle_memory

def resident():
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * 4096 / 2**20

bound_memory()
settle_memory()
before = resident()
# Of every size up to 4 MB: what glibc would raise its thresholds by, and keep.
blocks = [bytearray(kib << 10) for kib in range(64, 4096, 64)]
for block in blocks:
    block[::4096] = b"x" * len(block[::4096])
grown = resident() - before
small = [bytes(100) for _ in range(10)]
del blocks, block
settle_memory()
print(grown, resident() - before)
"""
UNUSED = (
    *("joserfc", "sqlalchemy.ext.asyncio", "sqlalchemy.dialects.postgresql", "psycopg", "alembic"),
    *("rapidfuzz", "regex", "ruamel.yaml", "nlu.grammar.component", "torch", "onnx"),
)


def said_by(program: str) -> list[str]:
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library")
def test_what_a_burst_took_is_given_back() -> None:
    grown, kept = map(float, said_by(CHURN))
    assert grown > 100
    assert kept < 0.05 * grown


def test_a_server_imports_nothing_large_that_few_servers_need() -> None:
    modules = "sys, bot.commands.run, bot.commands.processes"
    program = f"import {modules}; print(*(set({UNUSED}) & set(sys.modules)))"
    assert said_by(program) == []


def test_children_start_before_most_of_the_server_is_imported() -> None:
    large = {"fastapi", "onnxruntime", "redis", "sqlalchemy", "uvicorn"}
    program = f"import sys, bot.commands.run; print(*({large} & set(sys.modules)))"
    assert said_by(program) == []
