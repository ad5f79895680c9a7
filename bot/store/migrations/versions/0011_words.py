"""Plain words become JSON, as every other text is: so they can be told from encrypted ones."""

from __future__ import annotations

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

WORDS = {"handoff": "reason", "outbox": "error"}


def _change(on_sqlite: str, on_postgresql: str) -> None:
    change = on_sqlite if op.get_bind().dialect.name == "sqlite" else on_postgresql
    for table, column in WORDS.items():
        set_ = f"UPDATE {table} SET {column} = {change.format(column)}"
        op.execute(f"{set_} WHERE {column} IS NOT NULL")


def upgrade() -> None:
    _change("json_quote({})", "to_json({})::text")


def downgrade() -> None:
    _change("json_extract({}, '$')", "{}::json #>> '{{}}'")
