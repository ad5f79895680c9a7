"""Replies that a takeover withdrew are found by their conversation."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_WITHDRAWN = sa.text("state = 'withdrawn'")


def upgrade() -> None:
    op.create_index(
        "outbox_withdrawn",
        "outbox",
        ["conversation_id"],
        sqlite_where=_WITHDRAWN,
        postgresql_where=_WITHDRAWN,
    )


def downgrade() -> None:
    op.drop_index("outbox_withdrawn", "outbox")
