"""Conversations: their events, inbox and outbox."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def _part(table: str, name: str, columns: list[str], where: str, *, unique: bool = False) -> None:
    """An index over the rows of ``table`` for which ``where`` holds."""
    condition = sa.text(where)
    op.create_index(
        name, table, columns, unique=unique, sqlite_where=condition, postgresql_where=condition
    )


def upgrade() -> None:
    row_id = sa.BigInteger().with_variant(sa.Integer, "sqlite")
    op.create_table(
        "conversation",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("seq", sa.Integer, nullable=False),
        sa.Column("epoch", sa.Integer, nullable=False),
        sa.Column("next_position", sa.Integer, nullable=False),
        sa.Column("created_at", sa.Double, nullable=False),
        sa.Column("updated_at", sa.Double, nullable=False),
    )
    op.create_table(
        "inbox",
        sa.Column("id", row_id, primary_key=True),
        sa.Column("conversation_id", sa.Text, nullable=False),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("channel", sa.Text, nullable=False),
        sa.Column("account", sa.Text, nullable=False),
        sa.Column("message_id", sa.Text, nullable=False),
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column("message", sa.Text, nullable=False),
        sa.Column("accepted_at", sa.Double, nullable=False),
        sa.Column("tries", sa.Integer, nullable=False),
        sa.Column("done_at", sa.Double),
        sa.UniqueConstraint("conversation_id", "position", name="inbox_position"),
    )
    _part(
        "inbox",
        "inbox_message_id",
        ["conversation_id", "channel", "account", "message_id"],
        "message_id <> ''",
        unique=True,
    )
    _part("inbox", "inbox_waiting", ["conversation_id", "position"], "done_at IS NULL")
    _part("inbox", "inbox_unfinished", ["accepted_at"], "done_at IS NULL")
    op.create_table(
        "event",
        sa.Column("conversation_id", sa.Text, primary_key=True),
        sa.Column("seq", sa.Integer, primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("timestamp", sa.Double),
        sa.Column("event", sa.Text, nullable=False),
    )
    _part("event", "event_session", ["conversation_id", "seq"], "name = 'session_started'")
    op.create_table(
        "outbox",
        sa.Column("id", row_id, primary_key=True),
        sa.Column("conversation_id", sa.Text, nullable=False),
        sa.Column("inbox_id", sa.BigInteger),
        sa.Column("channel", sa.Text, nullable=False),
        sa.Column("reply", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("recorded_at", sa.Double, nullable=False),
        sa.Column("settled_at", sa.Double),
    )
    op.create_index("outbox_answer", "outbox", ["inbox_id"])
    _part("outbox", "outbox_waiting", ["conversation_id", "id"], "state = 'waiting'")
    _part("outbox", "outbox_unsent", ["recorded_at"], "state = 'waiting'")


def downgrade() -> None:
    for table in ("outbox", "event", "inbox", "conversation"):
        op.drop_table(table)
