"""Sentences that wait for a person's label."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "review",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("key", sa.Text, nullable=False, unique=True),
        sa.Column("conversation_id", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("score", sa.Double, nullable=False),
        sa.Column("duplicates", sa.Text, nullable=False),
        sa.Column("intent", sa.Text),
        sa.Column("is_disputed", sa.Integer, nullable=False),
        sa.Column("is_decided", sa.Integer, nullable=False),
        sa.Column("revision", sa.BigInteger, nullable=False),
        sa.Column("item", sa.Text, nullable=False),
    )
    op.create_index("review_queue", "review", ["state", "score", "id"])
    op.create_index("review_revision", "review", ["revision"])
    op.create_index("review_conversation", "review", ["conversation_id"])
    op.create_index("review_duplicates", "review", ["duplicates"])
    op.create_table(
        "review_miner",
        sa.Column("review_id", sa.Text, primary_key=True),
        sa.Column("miner", sa.Text, primary_key=True),
    )


def downgrade() -> None:
    op.drop_table("review_miner")
    op.drop_table("review")
