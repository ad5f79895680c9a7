"""Whether a conversation was erased, or its events only kept as long as they should be."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    new = sa.Column("erased_epoch", sa.Integer, nullable=False, server_default="0")
    op.add_column("conversation", new)
    # Nobody knows what raised it so far: it may have been an erasure.
    op.execute("UPDATE conversation SET erased_epoch = epoch")


def downgrade() -> None:
    op.drop_column("conversation", "erased_epoch")
