"""Reminders, and events that wait for the event broker."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    row_id = sa.BigInteger().with_variant(sa.Integer, "sqlite")
    op.create_table(
        "reminder",
        sa.Column("id", row_id, primary_key=True),
        sa.Column("conversation_id", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("due_at", sa.Double, nullable=False),
        sa.Column("message", sa.Text, nullable=False),
        sa.UniqueConstraint("conversation_id", "name", name="reminder_name"),
    )
    op.create_index("reminder_due", "reminder", ["due_at"])
    op.create_table(
        "unpublished",
        sa.Column("id", row_id, primary_key=True),
        sa.Column("conversation_id", sa.Text, nullable=False),
        sa.Column("events", sa.Text, nullable=False),
    )


def downgrade() -> None:
    for table in ("unpublished", "reminder"):
        op.drop_table(table)
