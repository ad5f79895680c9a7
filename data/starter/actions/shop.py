"""What the desk can find out from the shop, and do in it.

Functions take a session and read or write through it; the caller owns the transaction. Whatever
writes may be called twice with the same facts and writes once.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from .models import Customer, Item, Order, Product, Return, Stock, Ticket, Voucher
from .seed import this_day

RETURN_DAYS = 30
LATEST_DELIVERY_DAYS = 30

_ORDER_NUMBER = re.compile(r"(?:fw)?[-\s]*(\d{5})", re.IGNORECASE)
_EMAIL = re.compile(r"[^@\s]+@[^@\s.]+(?:\.[^@\s.]+)+")
_POSTCODE = re.compile(r"([A-Z]{1,2}\d[A-Z\d]?)\s*(\d[A-Z]{2})")
_WORD = re.compile(r"[\w-]+")
_SIZES = {"extra large": "XL", "extra-large": "XL", "small": "S", "medium": "M", "large": "L"}
_SIZE_WORDS = re.compile(r"\b(?:extra[ -]large|small|medium|large)\b", re.IGNORECASE)
_BIGGER = frozenset({"bigger", "larger", "up"})
_SMALLER = frozenset({"smaller", "down"})
_SMALL_WORDS = frozenset(
    ("a", "an", "the", "of", "my", "this", "that", "these", "those", "in", "for", "pair", "one")
)


class Refused(Exception):
    """The shop's rules forbid it; ``reason`` is a short name such as ``too_late``."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Availability:
    """How many there are of what was asked for, and what else could be had instead."""

    product: str
    count: int
    others: tuple[str, ...] = ()


def normal_order_number(text: str) -> str | None:
    """``FW-20415`` as ``20415``; None for what is no order number."""
    found = _ORDER_NUMBER.fullmatch(text.strip().lstrip("#"))
    return found[1] if found else None


def normal_email(text: str) -> str | None:
    """The mail address in small letters; None for what is none."""
    address = text.strip().strip("<>.,;").lower().removeprefix("mailto:")
    return address if _EMAIL.fullmatch(address) else None


def normal_postcode(text: str) -> str | None:
    """``yo17hu`` as ``YO1 7HU``; None for what is no British postcode."""
    found = _POSTCODE.fullmatch(text.strip().upper())
    return f"{found[1]} {found[2]}" if found else None


def normal_street(text: str) -> str | None:
    """House number and street, or a house with a name; None where either is missing."""
    street = " ".join(text.split()).strip(" ,.")
    words = [word for word in re.findall(r"[^\W\d]+", street) if len(word) > 1]
    numbered = bool(words) and any(letter.isdigit() for letter in street)
    if normal_postcode(street) or _EMAIL.fullmatch(street) or not 4 <= len(street) <= 80:
        return None
    return street if numbered or len(words) >= 2 else None


def normal_city(text: str) -> str | None:
    """A town's name with capitals; None where it has digits or is too long to be one."""
    city = " ".join(text.split()).strip(" ,.")
    if not 2 <= len(city) <= 40 or any(letter.isdigit() or letter == "@" for letter in city):
        return None
    return city if city != city.lower() else city.title()


def find_order(session: Session, number: str) -> Order | None:
    """The order with that number."""
    return session.get(Order, number)


def find_customer(session: Session, email: str) -> Customer | None:
    """The customer who has that mail address."""
    return session.scalar(select(Customer).where(func.lower(Customer.email) == email.lower()))


def describe(item: Item) -> str:
    """``2 x wool socks (grey, M)``"""
    details = ", ".join(detail for detail in (item.colour, item.size) if detail)
    name = f"{item.product.name} ({details})" if details else item.product.name
    return f"{item.quantity} x {name}" if item.quantity > 1 else name


def find_item(order: Order, said: str) -> Item | None:
    """The line of ``order`` that ``said`` names best; None if none, or two equally well."""
    scored = sorted(((_likeness(said, item), item.id, item) for item in order.items), reverse=True)
    if not scored or scored[0][0] == 0:
        return None
    if len(scored) > 1 and scored[0][0] == scored[1][0]:
        return None
    return scored[0][2]


def open_return(
    session: Session, item: Item, reason: str, replacement: str | None = None
) -> Return:
    """The return of ``item``, made now unless there is one. Refused: see ``check_returnable``."""
    existing = session.scalar(select(Return).where(Return.item_id == item.id))
    if existing:
        return existing
    check_returnable(item.order, this_day())
    made = Return(
        order=item.order,
        item=item,
        reason=reason,
        replacement=replacement,
        status="open",
        opened_on=this_day(),
    )
    session.add(made)
    session.flush()
    return made


def check_returnable(order: Order, today: date) -> None:
    """Refused ``not_delivered``, ``cancelled`` or ``too_late`` (30 days after delivery)."""
    if order.status == "cancelled":
        raise Refused("cancelled")
    if order.delivered_on is None:
        raise Refused("not_delivered")
    if today > order.delivered_on + timedelta(days=RETURN_DAYS):
        raise Refused("too_late")


def cancel(order: Order) -> None:
    """Cancel an order; one cancelled before stays so. Refused ``shipped`` or ``delivered``."""
    if order.status in {"shipped", "delivered"}:
        raise Refused(order.status)
    order.status = "cancelled"


def change_address(order: Order, street: str, city: str, postcode: str) -> None:
    """Send an order elsewhere. Refused with its status unless it is still being processed."""
    if order.status != "processing":
        raise Refused(order.status)
    order.street, order.city, order.postcode = street, city, postcode


def check_delivery_day(day: date, today: date) -> None:
    """Refused ``past``, ``sunday`` or ``too_far`` (more than 30 days)."""
    if day <= today:
        raise Refused("past")
    if day > today + timedelta(days=LATEST_DELIVERY_DAYS):
        raise Refused("too_far")
    if day.weekday() == 6:
        raise Refused("sunday")


def change_delivery_day(order: Order, day: date) -> None:
    """Deliver on another day. Refused as the day is, or with the status of a finished order."""
    if order.status in {"delivered", "cancelled"}:
        raise Refused(order.status)
    check_delivery_day(day, this_day())
    order.due_on = day


def find_products(session: Session, said: str) -> list[Product]:
    """Products that share words with ``said``, best first; a department gives all of its own."""
    wanted = _words(said)
    products = session.scalars(select(Product).order_by(Product.id)).all()
    scored = [(len(wanted & (_words(p.name) | _words(p.department))), p) for p in products]
    best = max((score for score, _ in scored), default=0)
    return [product for score, product in scored if score == best and score > 0]


def find_product(session: Session, said: str) -> Product | None:
    """The product that ``said`` names: all its words, else the first that fits."""
    found = find_products(session, said)
    exact = [product for product in found if _words(product.name) == _words(said)]
    return next(iter(exact or found), None)


def availability(product: Product, colour: str | None, size: str | None) -> Availability:
    """What the warehouse has of a product, in a colour and size where they are given."""
    wanted = [
        stock
        for stock in product.stock
        if (not colour or stock.colour in ("", colour.lower()))
        and (not size or stock.size in ("", size.upper()))
    ]
    count = sum(stock.count for stock in wanted)
    others = () if count else variants_in_stock(product)
    return Availability(product=product.name, count=count, others=others)


def variants_in_stock(product: Product) -> tuple[str, ...]:
    """Up to six colours and sizes that are there: ``green M``."""
    there = (_variant(stock) for stock in product.stock if stock.count)
    return tuple(filter(None, there))[:6]


def find_replacement(session: Session, item: Item, said: str) -> str:
    """What ``said`` means as a replacement of ``item``, written out: ``rain jacket (green, L)``.

    What is not said stays as it was; ``bigger`` and ``smaller`` are the next size. Refused
    ``unclear`` when nothing in it is a product, colour or size of ours, ``sold_out`` when there is
    none left.
    """
    product = find_product(session, said) or item.product
    same = product.id == item.product_id
    said_words = _WORD.findall(_SIZE_WORDS.sub(lambda found: _SIZES[found[0].lower()], said))
    colour = _first({stock.colour for stock in product.stock}, said_words, str.lower)
    sizes = list(dict.fromkeys(stock.size for stock in product.stock))
    size = _first(set(sizes), said_words, str.upper) or _next_size(sizes, item.size, said_words)
    if not colour and not size and same and not _words(said) & _words(product.name):
        raise Refused("unclear")
    colour = colour or (item.colour if same else "")
    size = size or (item.size if item.size in sizes else "")
    if not availability(product, colour, size).count:
        raise Refused("sold_out")
    details = ", ".join(detail for detail in (colour, size) if detail)
    return f"{product.name} ({details})" if details else product.name


def check_voucher(session: Session, code: str) -> Voucher:
    """The voucher if it can be used. Refused ``unknown`` or ``expired``."""
    voucher = session.get(Voucher, code.strip().upper())
    if voucher is None:
        raise Refused("unknown")
    if voucher.ends_on < this_day():
        raise Refused("expired")
    return voucher


def open_ticket(
    session: Session,
    topic: str,
    conversation_id: str,
    *,
    about: str = "",
    order_number: str | None = None,
    note: str = "",
) -> Ticket:
    """A ticket for the people at the desk.

    What it is ``about`` (an item, an address), with topic and order, makes it the same ticket when
    asked for again; with neither order nor ``about``, there is one per conversation and topic.
    """
    key = "/".join((topic, order_number or "", about.lower()))
    if not order_number and not about:
        key = f"{topic}/{conversation_id}"
    existing = session.scalar(select(Ticket).where(Ticket.key == key[:200]))
    if existing:
        return existing
    ticket = Ticket(
        key=key[:200],
        topic=topic,
        conversation_id=conversation_id[:200],
        order_number=order_number,
        note=note[:1000],
        opened_at=datetime.now(UTC),
    )
    session.add(ticket)
    session.flush()
    return ticket


def pounds(pence: int) -> str:
    """``£89`` or ``£12.50``"""
    return f"£{pence // 100}" if pence % 100 == 0 else f"£{pence / 100:.2f}"


def spoken(day: date) -> str:
    """``Friday 12 March``"""
    return f"{day:%A} {day.day} {day:%B}"


def hidden(email: str) -> str:
    """``m***@example.org``, to name a mail address to somebody who may not own it."""
    name, _, host = email.partition("@")
    return f"{name[:1]}***@{host}"


def _first(known: set[str], words: list[str], form: Callable[[str], str]) -> str:
    return next((form(word) for word in words if form(word) in known), "")


def _next_size(sizes: list[str], size: str, words: list[str]) -> str:
    said = {word.lower() for word in words}
    step = bool(said & _BIGGER) - bool(said & _SMALLER)
    if not step or size not in sizes:
        return ""
    position = sizes.index(size) + step
    if not 0 <= position < len(sizes):
        raise Refused("sold_out")
    return sizes[position]


def _variant(stock: Stock) -> str:
    return " ".join(part for part in (stock.colour, stock.size) if part)


def _likeness(said: str, item: Item) -> int:
    words = _words(said)
    details = {item.colour.lower(), item.size.lower()} - {""}
    return 4 * len(words & _words(item.product.name)) + len(words & details)


def _words(text: str) -> frozenset[str]:
    """Words in one form, so that ``boots`` meets ``boot``."""
    found = re.findall(r"[a-z0-9]+(?:-[a-z]+)?", text.lower())
    return frozenset(_singular(word) for word in found if word not in _SMALL_WORDS)


def _singular(word: str) -> str:
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word
