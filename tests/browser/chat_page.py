"""The chat page as a visitor handles it: what one sees, and what one does."""

from __future__ import annotations

from playwright.async_api import Locator, Page, expect


class ChatPage:
    """A page with the conversation on it."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.input = page.get_by_label("Message", exact=True)
        self.messages = page.locator(".message:not(.typing)")
        self.bubbles = page.locator(".message:not(.typing) .bubble")
        self.typing = page.locator(".typing")
        self.scroll = page.locator(".scroll")

    async def send(self, text: str) -> None:
        """Write and press Enter."""
        await self.input.fill(text)
        await self.input.press("Enter")

    async def shows(self, *texts: str) -> None:
        """Exactly these bubbles, in this order."""
        await expect(self.bubbles).to_have_text(list(texts))

    async def connected(self) -> None:
        """Wait for the connection to be open."""
        await self.page.locator(".state[data-state=open]").wait_for()

    def button(self, name: str) -> Locator:
        """A button by what it is called."""
        return self.page.get_by_role("button", name=name, exact=True)
