"""The SQL tables. A change here needs a migration in ``migrations/versions``.

What an index leaves out is said here for SQLite, whose tables may be made from these; on PostgreSQL
the migrations alone say it, and SQLAlchemy need not load its part for that.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Double,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    text,
)

metadata = MetaData()
_row_id = BigInteger().with_variant(Integer, "sqlite")  # SQLite numbers rows only as INTEGER

# A message without an id is never a duplicate.
HAS_MESSAGE_ID = text("message_id <> ''")
_NOT_DONE = text("done_at IS NULL")
_NOT_SENT = text("state = 'waiting'")
MISSED = text("state = 'missed'")
WITHDRAWN = text("state = 'withdrawn'")
_STARTS_SESSION = text("name = 'session_started'")

conversation = Table(
    "conversation",
    metadata,
    Column("id", Text, primary_key=True),
    Column("seq", Integer, nullable=False),  # how many events
    Column("epoch", Integer, nullable=False),  # raised when a person takes over
    Column("next_position", Integer, nullable=False),  # of the next message
    Column("created_at", Double, nullable=False),  # this and every other time: seconds since 1970
    Column("updated_at", Double, nullable=False),
    Column("erased_epoch", Integer, nullable=False, server_default="0"),  # what an erasure made it
)

inbox = Table(
    "inbox",
    metadata,
    Column("id", _row_id, primary_key=True),
    Column("conversation_id", Text, nullable=False),
    Column("position", Integer, nullable=False),
    Column("channel", Text, nullable=False),
    Column("account", Text, nullable=False),
    Column("message_id", Text, nullable=False),
    Column("digest", Text, nullable=False),  # of the message, to know a repeat from a reused id
    Column("message", Text, nullable=False),  # JSON
    Column("accepted_at", Double, nullable=False),
    Column("tries", Integer, nullable=False),  # that did not end well
    Column("done_at", Double),
    UniqueConstraint("conversation_id", "position", name="inbox_position"),
)
Index(
    "inbox_message_id",
    inbox.c.conversation_id,
    inbox.c.channel,
    inbox.c.account,
    inbox.c.message_id,
    unique=True,
    sqlite_where=HAS_MESSAGE_ID,
)
Index(
    "inbox_waiting",
    inbox.c.conversation_id,
    inbox.c.position,
    sqlite_where=_NOT_DONE,
)
Index("inbox_unfinished", inbox.c.accepted_at, sqlite_where=_NOT_DONE)

event = Table(
    "event",
    metadata,
    Column("conversation_id", Text, primary_key=True),
    Column("seq", Integer, primary_key=True),  # from 1
    Column("name", Text, nullable=False),  # the event's kind, as in its JSON
    Column("timestamp", Double),
    Column("event", Text, nullable=False),  # JSON as Rasa writes it
)
Index(
    "event_session",
    event.c.conversation_id,
    event.c.seq,
    sqlite_where=_STARTS_SESSION,
)

outbox = Table(
    "outbox",
    metadata,
    Column("id", _row_id, primary_key=True),
    Column("conversation_id", Text, nullable=False),
    Column("inbox_id", BigInteger),  # the message it answers
    Column("channel", Text, nullable=False),
    Column("reply", Text, nullable=False),  # JSON
    # waiting, sent, failed, unknown, missed or withdrawn
    Column("state", Text, nullable=False),
    Column("recorded_at", Double, nullable=False),
    Column("settled_at", Double),  # when it left the state `waiting`
    Column("tries", Integer, nullable=False, server_default="0"),
    Column("due_at", Double),  # not to be tried before
    Column("parts", Integer, nullable=False, server_default="0"),  # of it that were sent
    Column("begun_at", Double),  # when sending the next part began
    Column("error", Text),  # JSON: why it was not sent, in a sentence
)
Index("outbox_answer", outbox.c.inbox_id)
Index(
    "outbox_waiting",
    outbox.c.conversation_id,
    outbox.c.id,
    sqlite_where=_NOT_SENT,
)
Index(
    "outbox_missed",
    outbox.c.conversation_id,
    outbox.c.id,
    sqlite_where=MISSED,
)
Index(
    "outbox_withdrawn",
    outbox.c.conversation_id,
    sqlite_where=WITHDRAWN,
)
Index("outbox_unsent", outbox.c.recorded_at, sqlite_where=_NOT_SENT)

reminder = Table(
    "reminder",
    metadata,
    Column("id", _row_id, primary_key=True),
    Column("conversation_id", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("due_at", Double, nullable=False),
    Column("message", Text, nullable=False),  # JSON: what goes into the inbox when it is due
    UniqueConstraint("conversation_id", "name", name="reminder_name"),
)
Index("reminder_due", reminder.c.due_at)

# Conversations that a person has, or is asked for.
handoff = Table(
    "handoff",
    metadata,
    Column("conversation_id", Text, primary_key=True),
    Column("agent", Text),  # who has it; nobody yet
    Column("reason", Text),  # JSON
    Column("since", Double, nullable=False),
)
Index("handoff_since", handoff.c.since)

# Events that the event broker has not taken yet; written only where there is a broker.
unpublished = Table(
    "unpublished",
    metadata,
    Column("id", _row_id, primary_key=True),
    Column("conversation_id", Text, nullable=False),
    Column("events", Text, nullable=False),  # JSON, a list: those of one transaction
)

# A user's sentence that waits for a label, or has it.
review = Table(
    "review",
    metadata,
    Column("id", Text, primary_key=True),
    Column("key", Text, nullable=False, unique=True),  # what it is about, as long as that is kept
    Column("conversation_id", Text, nullable=False),  # empty for a sentence of the training data
    Column("state", Text, nullable=False),  # open, decided, skipped or erased
    Column("score", Double, nullable=False),  # its urgency
    Column("duplicates", Text, nullable=False),  # its group of near-duplicates, or empty
    Column("intent", Text),  # decided, or what the model said
    Column("is_disputed", Integer, nullable=False),
    Column("is_decided", Integer, nullable=False),  # by a person or weakly
    Column("revision", BigInteger, nullable=False),  # one line for all items
    Column("item", Text, nullable=False),  # JSON
)
Index("review_queue", review.c.state, review.c.score, review.c.id)
Index("review_revision", review.c.revision)
Index("review_conversation", review.c.conversation_id)
Index("review_duplicates", review.c.duplicates)

# Which miners proposed an item.
review_miner = Table(
    "review_miner",
    metadata,
    Column("review_id", Text, primary_key=True),
    Column("miner", Text, primary_key=True),
)

# What somebody did. No conversation's id and nothing that a user wrote: rows stay for ever.
audit = Table(
    "audit",
    metadata,
    Column("number", BigInteger, primary_key=True, autoincrement=False),  # from 1, without gaps
    Column("at", Double, nullable=False),
    Column("kind", Text, nullable=False),  # of who did it
    Column("actor", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("subject", Text),  # the conversation's pseudonym
    Column("facts", Text, nullable=False),  # JSON
    Column("hash", Text, nullable=False),  # of this row and of the hash before it
)
Index("audit_about", audit.c.subject, audit.c.number)

# The last row, locked by whoever adds one: so there is one chain, whatever server adds.
audit_head = Table(
    "audit_head",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),  # 1, there is no other
    Column("number", BigInteger, nullable=False),
    Column("hash", Text, nullable=False),
)

# The only connection between a conversation and its pseudonym; erasure deletes it.
audit_subject = Table(
    "audit_subject",
    metadata,
    Column("conversation_id", Text, primary_key=True),
    Column("subject", Text, nullable=False, unique=True),
)

# Who may sign in.
person = Table(
    "person",
    metadata,
    Column("name", Text, primary_key=True),
    Column("role", Text, nullable=False),
    Column("password", Text),  # a hash by Argon2
    Column("subject", Text, unique=True),  # as whom the OpenID provider knows them
    Column("disabled", Boolean, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("stamp", Text, nullable=False),  # sessions opened under another one are over
)

# What was counted while a model was tried on live traffic.
tally = Table(
    "tally",
    metadata,
    Column("rollout", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("count", BigInteger, nullable=False),
)
