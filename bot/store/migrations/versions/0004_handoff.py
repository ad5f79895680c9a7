"""Conversations that a person is asked for, or has."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "handoff",
        sa.Column("conversation_id", sa.Text, primary_key=True),
        sa.Column("agent", sa.Text),
        sa.Column("reason", sa.Text),
        sa.Column("since", sa.Double, nullable=False),
    )
    op.create_index("handoff_since", "handoff", ["since"])


def downgrade() -> None:
    op.drop_table("handoff")
