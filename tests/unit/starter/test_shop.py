from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest
from actions import shop
from actions.models import Customer, Item, Order, Product, Return, Ticket
from actions.seed import fill, this_day
from sqlalchemy import create_engine, func, select
from sqlalchemy.orm import Session


def order(session: Session, number: str) -> Order:
    found = shop.find_order(session, number)
    assert found is not None
    return found


def item(session: Session, number: str, name: str) -> Item:
    found = shop.find_item(order(session, number), name)
    assert found is not None
    return found


def test_the_sample_shop_has_customers_orders_and_every_status(session: Session) -> None:
    assert session.scalar(select(func.count()).select_from(Customer)) >= 12
    assert session.scalar(select(func.count()).select_from(Product)) >= 40
    statuses = set(session.scalars(select(Order.status)))
    assert statuses == {"processing", "shipped", "delivered", "cancelled"}
    assert [shop.find_order(session, str(n)) is not None for n in (20401, 20440)] == [True, True]


def test_no_open_order_is_due_in_the_past(session: Session) -> None:
    for each in session.scalars(select(Order).where(Order.status != "delivered")):
        assert each.due_on > this_day()


def test_filling_is_the_same_every_time(tmp_path: Path) -> None:
    from actions.models import Base

    shops = []
    for name in ("one.db", "two.db"):
        engine = create_engine(f"sqlite:///{tmp_path / name}")
        with Session(engine) as session:
            Base.metadata.create_all(session.connection())
            fill(session, date(2031, 3, 1))
            orders = session.scalars(select(Order).order_by(Order.number))
            shops.append([(o.number, o.due_on, list(map(shop.describe, o.items))) for o in orders])
        engine.dispose()
    assert shops[0] == shops[1]


@pytest.mark.parametrize(
    ("said", "number"),
    [
        ("20415", "20415"),
        ("FW-20415", "20415"),
        ("fw20433", "20433"),
        (" #20401 ", "20401"),
        ("2041", None),
        ("204155", None),
        ("my order", None),
        ("", None),
    ],
)
def test_an_order_number_is_five_digits_with_or_without_fw(said: str, number: str | None) -> None:
    assert shop.normal_order_number(said) == number


@pytest.mark.parametrize(
    ("said", "postcode"),
    [("yo17hu", "YO1 7HU"), ("LS6 3HN", "LS6 3HN"), ("EC4N 6NP", "EC4N 6NP"), ("12345", None)],
)
def test_a_postcode_is_written_in_capitals_with_a_space(said: str, postcode: str | None) -> None:
    assert shop.normal_postcode(said) == postcode


@pytest.mark.parametrize(
    ("said", "email"),
    [
        ("Ana@Example.org", "ana@example.org"),
        ("ana@example", None),
        ("ana at example.org", None),
        ("ana@b.@example.org", None),
    ],
)
def test_a_mail_address_has_one_at_and_a_dot_after_it(said: str, email: str | None) -> None:
    assert shop.normal_email(said) == email


@pytest.mark.parametrize(
    ("said", "good"),
    [("14 Mill Lane", True), ("Rose Cottage", True), ("YO1 7HU", False), ("12", False)],
)
def test_a_street_needs_a_number_or_two_words(said: str, good: bool) -> None:
    assert (shop.normal_street(said) is not None) is good


def test_an_item_is_found_by_part_of_its_name(session: Session) -> None:
    assert item(session, "20415", "my boots").product.name == "hiking boots"
    assert item(session, "20415", "Jacket").product.name == "rain jacket"


def test_an_item_that_could_be_two_is_none(session: Session) -> None:
    assert shop.find_item(order(session, "20415"), "thing") is None
    assert shop.find_item(order(session, "20415"), "") is None


def test_returning_an_item_twice_gives_one_return(session: Session) -> None:
    boots = item(session, "20415", "boots")
    before = session.scalar(select(func.count()).select_from(Return))
    first = shop.open_return(session, boots, "wrong_size")
    assert shop.open_return(session, boots, "late").number == first.number
    assert session.scalar(select(func.count()).select_from(Return)) == before + 1
    assert first.reason == "wrong_size"


@pytest.mark.parametrize(
    ("number", "reason"),
    [("20404", "too_late"), ("20402", "not_delivered"), ("20409", "cancelled")],
)
def test_what_cannot_come_back_is_refused(session: Session, number: str, reason: str) -> None:
    with pytest.raises(shop.Refused, match=reason):
        shop.open_return(session, order(session, number).items[0], "late")


def test_the_thirtieth_day_is_still_in_time(session: Session) -> None:
    delivered = order(session, "20415")
    assert delivered.delivered_on is not None
    last = delivered.delivered_on + timedelta(days=30)
    shop.check_returnable(delivered, last)
    with pytest.raises(shop.Refused, match="too_late"):
        shop.check_returnable(delivered, last + timedelta(days=1))


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("L", "rain jacket (green, L)"),
        ("in navy", "rain jacket (navy, S)"),
        ("a bigger one", "rain jacket (green, M)"),
        ("extra large", "rain jacket (green, XL)"),
        ("rain jacket (navy, M)", "rain jacket (navy, M)"),
        ("sleeping bag red", "sleeping bag (red)"),
    ],
)
def test_a_replacement_keeps_what_was_not_said(session: Session, said: str, meant: str) -> None:
    assert shop.find_replacement(session, item(session, "20415", "jacket"), said) == meant


@pytest.mark.parametrize(
    ("said", "reason"), [("yellow", "sold_out"), ("a smaller one", "sold_out"), ("hm", "unclear")]
)
def test_a_replacement_must_exist(session: Session, said: str, reason: str) -> None:
    with pytest.raises(shop.Refused, match=reason):
        shop.find_replacement(session, item(session, "20415", "jacket"), said)


def test_cancelling_twice_is_cancelling(session: Session) -> None:
    packed = order(session, "20424")
    shop.cancel(packed)
    shop.cancel(packed)
    assert packed.status == "cancelled"


@pytest.mark.parametrize(("number", "reason"), [("20402", "shipped"), ("20401", "delivered")])
def test_what_has_left_is_not_cancelled(session: Session, number: str, reason: str) -> None:
    with pytest.raises(shop.Refused, match=reason):
        shop.cancel(order(session, number))


def test_an_address_changes_only_while_packing(session: Session) -> None:
    packed = order(session, "20411")
    shop.change_address(packed, "1 New Road", "Cardiff", "CF10 1AA")
    assert (packed.street, packed.postcode) == ("1 New Road", "CF10 1AA")
    with pytest.raises(shop.Refused, match="shipped"):
        shop.change_address(order(session, "20402"), "1 New Road", "York", "YO1 7HU")


@pytest.mark.parametrize(
    ("day", "reason"),
    [
        (date(2031, 3, 3), "past"),
        (date(2031, 3, 9), "sunday"),
        (date(2031, 4, 5), "too_far"),
    ],
)
def test_a_delivery_day_is_a_working_day_within_a_month(day: date, reason: str) -> None:
    with pytest.raises(shop.Refused, match=reason):
        shop.check_delivery_day(day, date(2031, 3, 3))


def test_stock_is_looked_up_by_colour_and_size(session: Session) -> None:
    boots = shop.find_product(session, "hiking boot")
    assert boots is not None
    sold_out = shop.availability(boots, "brown", "42")
    assert sold_out.count == 0
    assert "brown 43" in sold_out.others
    assert shop.availability(boots, None, "43").count > 0


def test_a_department_gives_all_its_products(session: Session) -> None:
    names = {product.name for product in shop.find_products(session, "garden")}
    assert {"garden hose", "parasol", "wheelbarrow"} <= names
    assert shop.find_products(session, "submarine") == []


@pytest.mark.parametrize(("code", "reason"), [("SPRING20", "expired"), ("NOPE99", "unknown")])
def test_a_voucher_that_does_not_work_says_why(session: Session, code: str, reason: str) -> None:
    with pytest.raises(shop.Refused, match=reason):
        shop.check_voucher(session, code)
    assert shop.check_voucher(session, "welcome10").percent == 10


def test_the_same_report_is_one_ticket(session: Session) -> None:
    about = {"about": "frying pan", "order_number": "20426"}
    first = shop.open_ticket(session, "damaged", "ana", **about)
    assert shop.open_ticket(session, "damaged", "ana", **about).number == first.number
    assert shop.open_ticket(session, "missing", "ana", **about).number != first.number
    assert session.scalar(select(func.count()).select_from(Ticket)) == 2


def test_two_visitors_who_want_a_person_get_two_tickets(session: Session) -> None:
    ana = shop.open_ticket(session, "handoff", "ana")
    ben = shop.open_ticket(session, "handoff", "ben")
    assert ana.number != ben.number
    assert shop.open_ticket(session, "handoff", "ana").number == ana.number


def test_a_mail_address_is_named_without_giving_it_away() -> None:
    assert shop.hidden("maria.lopez@example.org") == "m***@example.org"


@pytest.mark.parametrize(("pence", "text"), [(8900, "£89"), (1250, "£12.50"), (5, "£0.05")])
def test_money_is_written_in_pounds(pence: int, text: str) -> None:
    assert shop.pounds(pence) == text
