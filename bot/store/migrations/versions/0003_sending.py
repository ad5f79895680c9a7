"""How sending a reply goes: how often it was tried, when it is due again, how far it got."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("outbox", sa.Column("tries", sa.Integer, nullable=False, server_default="0"))
    op.add_column("outbox", sa.Column("due_at", sa.Double))
    op.add_column("outbox", sa.Column("parts", sa.Integer, nullable=False, server_default="0"))
    op.add_column("outbox", sa.Column("begun_at", sa.Double))
    op.add_column("outbox", sa.Column("error", sa.Text))


def downgrade() -> None:
    for name in ("tries", "due_at", "parts", "begun_at", "error"):
        op.drop_column("outbox", name)
