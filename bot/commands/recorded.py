"""What an operator's command reads or changes is in the audit log, before it is shown or done."""

from __future__ import annotations

from collections.abc import Sequence

from bot.audit import Deed, Fact, at_terminal


def record(url: str, action: str, conversations: Sequence[str] = (), **facts: Fact) -> None:
    """One row for each conversation that is named, one where none is.

    Raises NotFound where there is no database yet, SettingsError, Unavailable.
    """
    import asyncio

    from bot.store.archive import open_archive
    from bot.store.audits import open_audit

    async def work() -> None:
        async with open_archive(url):  # first: else the file would be made
            pass
        async with open_audit(url) as audit:
            for conversation_id in conversations or (None,):
                deed = Deed(at_terminal(), action, conversation_id=conversation_id, facts=facts)
                await audit.record(deed)

    asyncio.run(work())
