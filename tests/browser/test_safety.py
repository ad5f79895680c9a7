"""What others write cannot act on the page, and is shown as it should be."""

from __future__ import annotations

import pytest
from playwright.async_api import Error, Page, expect

from bot.api.security import PAGE
from tests.browser.chat_page import ChatPage
from tests.browser.fake_server import FakeServer

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

ATTACK = "<img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script>"


async def test_html_is_text_from_whomever_it_comes(page: Page, server: FakeServer) -> None:
    chat = ChatPage(page)
    server.bot = lambda text: [
        {"text": f"**{ATTACK}** [{ATTACK}](https://example.org/) `{ATTACK}`"},
        {"text": f"- {ATTACK}", "buttons": [{"title": ATTACK, "payload": ATTACK}]},
        {"custom": {ATTACK: ATTACK}},
    ]
    await chat.send(ATTACK)
    await expect(chat.messages).to_have_count(4)
    await expect(chat.bubbles.first).to_have_text(ATTACK)
    await expect(chat.bubbles.nth(2)).to_have_text(ATTACK)
    assert await page.locator(".log img, .log script").count() == 0
    assert await page.title() == "Parley"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("**bold** and *so* and _so_", "<strong>bold</strong> and <em>so</em> and <em>so</em>"),
        ("***both***", "<strong><em>both</em></strong>"),
        ("*a **b** c*", "<em>a <strong>b</strong> c</em>"),
        ("snake_case_name, 2 * 3 * 4, **open", "snake_case_name, 2 * 3 * 4, **open"),
        (r"\*not\*", "*not*"),
        ("`a **b**`", '<code dir="ltr">a **b**</code>'),
        ("[x](javascript:alert(1))", "[x](javascript:alert(1))"),
        ("[x](//evil.example)", "[x](//evil.example)"),
        ("[x](data:text/html,hi)", "[x](data:text/html,hi)"),
    ],
)  # fmt: skip
async def test_a_little_markdown_is_understood(
    page: Page, server: FakeServer, text: str, shown: str
) -> None:
    await server.say({"text": text})
    assert await ChatPage(page).bubbles.locator("p").inner_html() == shown


async def test_lists_and_fenced_code_are_blocks(page: Page, server: FakeServer) -> None:
    await server.say({"text": "Take:\n- one\n- two\n\n3. three\n4. four\n```\n<b>\n```\nDone"})
    bubble = ChatPage(page).bubbles
    assert await bubble.evaluate("node => [...node.children].map(child => child.localName)") == [
        "p", "ul", "ol", "pre", "p",
    ]  # fmt: skip
    await expect(bubble.locator("ol")).to_have_attribute("start", "3")
    await expect(bubble.locator("pre")).to_have_text("<b>")


async def test_links_open_elsewhere_and_tell_nothing(page: Page, server: FakeServer) -> None:
    await server.say({"text": "See [the shop](https://example.org/a_b), or http://example.org/x."})
    await server.say({"text": "[Mail](mailto:help@example.org)"})
    links = page.locator(".bubble a")
    await expect(links).to_have_text(["the shop", "http://example.org/x", "Mail"])
    for link in await links.all():
        assert await link.get_attribute("rel") == "noopener noreferrer"
        assert await link.get_attribute("target") == "_blank"


async def test_no_text_of_marks_holds_the_page_up(page: Page) -> None:
    slowest = await page.evaluate(
        """async (texts) => {
          const { markdown } = await import("/chat/markdown.js");
          const took = texts.map((text) => {
            const began = performance.now();
            markdown(text);
            return performance.now() - began;
          });
          return Math.max(...took);
        }""",
        [
            marks * (30_000 // len(marks))
            for marks in ("**a", "[", "_a *", "```[a](", "https://[", "*_*_*_", ")))))", "*a**b")
        ],
    )
    assert slowest < 1000  # milliseconds


async def test_a_picture_is_lazy_and_described(page: Page, server: FakeServer) -> None:
    await server.say({"text": "Your tent", "image": f"{server.address}/picture.svg"})
    picture = page.get_by_role("img", name="Picture: Your tent")
    await expect(picture).to_have_attribute("loading", "lazy")
    await expect(page.locator(".picture.shown")).to_be_visible()


async def test_a_picture_that_does_not_load_becomes_a_link(page: Page, server: FakeServer) -> None:
    missing = f"{server.address}/missing.png"
    await server.say({"image": missing})
    await expect(page.get_by_role("link", name=missing)).to_be_visible()
    assert await page.locator("img").count() == 0


async def test_a_picture_from_elsewhere_than_the_web_is_refused(
    page: Page, server: FakeServer
) -> None:
    for address in ("javascript:alert(1)", "file:///etc/passwd", "data:text/html,x", 7):
        await server.say({"image": address})
    await expect(ChatPage(page).bubbles).to_have_text(["This picture cannot be shown."] * 4)


async def test_attachments_are_links_and_other_data_is_folded(
    page: Page, server: FakeServer
) -> None:
    payload = {"url": "https://example.org/invoice.pdf", "title": "Your invoice"}
    await server.say({"attachment": {"type": "file", "payload": payload}})
    await server.say({"attachment": "https://example.org/terms%20of%20use.pdf"})
    await server.say(
        {"attachment": {"type": "map", "payload": {"x": 1}}, "custom": {"order": 20433}}
    )
    await expect(page.get_by_role("link", name="Your invoice")).to_be_visible()
    await expect(page.get_by_role("link", name="terms of use.pdf")).to_be_visible()
    await expect(page.get_by_text('"order": 20433')).to_be_hidden()
    await page.get_by_text("More details").click()
    await expect(page.get_by_text('"order": 20433')).to_be_visible()


async def test_text_runs_in_its_own_direction_and_long_words_break(
    page: Page, server: FakeServer
) -> None:
    await server.say({"text": "مرحبا بك"}, {"text": "W" * 400})
    chat = ChatPage(page)
    first = chat.bubbles.first.locator("p")
    assert await first.evaluate("node => getComputedStyle(node).direction") == "rtl"
    assert await chat.scroll.evaluate("area => area.scrollWidth <= area.clientWidth")


async def test_the_policy_is_strict_and_the_page_lives_with_it(
    page: Page, complaints: list[str]
) -> None:
    """A complaint on the console fails any test; here one is made to see that it would."""
    assert "unsafe" not in PAGE
    refused = await page.evaluate(
        """() => new Promise(resolve => {
          document.addEventListener("securitypolicyviolation", event => resolve(event.blockedURI));
          document.body.setAttribute("style", "display: none");
        })"""
    )
    assert refused == "inline"
    with pytest.raises(Error, match="TrustedHTML"):
        await page.evaluate("() => { document.body.innerHTML = '<p>markup</p>'; }")
    assert len(complaints) == 2
    assert all("Content Security Policy" in one or "Trusted" in one for one in complaints)
    complaints.clear()
