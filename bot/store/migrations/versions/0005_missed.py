"""Replies that nobody was there to take are found by their conversation."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_MISSED = sa.text("state = 'missed'")


def upgrade() -> None:
    op.create_index(
        "outbox_missed",
        "outbox",
        ["conversation_id", "id"],
        sqlite_where=_MISSED,
        postgresql_where=_MISSED,
    )


def downgrade() -> None:
    op.drop_index("outbox_missed", "outbox")
