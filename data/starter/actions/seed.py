"""The sample shop: the same customers, orders and products every time, dated from today.

``python -m actions.seed`` creates the database where it is missing; with ``--fresh`` all of its
tables are emptied and filled again, with dates counted from the new today.
"""

from __future__ import annotations

import argparse
from datetime import date, datetime, timedelta

from sqlalchemy.orm import Session

from .models import Base, Customer, Item, Order, Product, Return, Stock, Voucher

# name, mail address, street, city, postcode
CUSTOMERS = (
    ("Maria Lopez", "maria.lopez@example.org", "14 Mill Lane", "York", "YO1 7HU"),
    ("Tom Becker", "tom.becker@example.com", "3 Harbour Street", "Whitby", "YO21 3PU"),
    ("Aisha Khan", "aisha@example.net", "77 Park Road", "Bradford", "BD5 0SG"),
    ("Owen Hughes", "owen.hughes@example.com", "2 Castle Terrace", "Cardiff", "CF10 1BH"),
    ("Ruth Adeyemi", "ruth.adeyemi@example.org", "118 Station Road", "Leeds", "LS6 3HN"),
    ("Kenji Mori", "kenji.mori@example.net", "9 Queen's Walk", "Bristol", "BS1 5JG"),
    ("Fiona Campbell", "fiona.c@example.org", "41 Shore Road", "Oban", "PA34 4HB"),
    ("Dan Whitaker", "dan.whitaker@example.com", "5 Orchard Close", "Sheffield", "S10 2TN"),
    ("Priya Nair", "priya.nair@example.org", "230 Kings Road", "London", "SW3 5UE"),
    ("Lukas Novak", "lukas.novak@example.net", "16 Bridge Street", "Chester", "CH1 1NQ"),
    ("Ellen Byrne", "ellen.byrne@example.com", "8 Strand Parade", "Belfast", "BT1 5GB"),
    ("George Pratt", "george.pratt@example.org", "63 High Street", "Lewes", "BN7 2DD"),
    ("Chloe Martin", "chloe.martin@example.net", "27 Abbey Gardens", "Bath", "BA1 1NL"),
    ("Samir Haddad", "samir@example.com", "90 Deansgate", "Manchester", "M3 2FW"),
)

CLOTHES = ("S", "M", "L", "XL")
SHOES = ("38", "39", "40", "41", "42", "43", "44")

# name, department, price in pence, colours, sizes
PRODUCTS = (
    ("rain jacket", "clothing", 8900, ("navy", "green", "yellow"), CLOTHES),
    ("fleece jacket", "clothing", 5400, ("grey", "red", "navy"), CLOTHES),
    ("down vest", "clothing", 7900, ("black", "orange"), CLOTHES),
    ("wool jumper", "clothing", 6500, ("cream", "navy", "green"), CLOTHES),
    ("linen shirt", "clothing", 4200, ("white", "blue"), CLOTHES),
    ("flannel shirt", "clothing", 3900, ("red", "green"), CLOTHES),
    ("t-shirt", "clothing", 1900, ("white", "black", "blue"), CLOTHES),
    ("walking trousers", "clothing", 5900, ("brown", "black"), CLOTHES),
    ("shorts", "clothing", 3400, ("beige", "navy"), CLOTHES),
    ("summer dress", "clothing", 4900, ("yellow", "blue"), CLOTHES),
    ("wool socks", "clothing", 1400, ("grey", "green"), CLOTHES),
    ("beanie", "clothing", 1600, ("red", "black", "grey"), ()),
    ("sun hat", "clothing", 2200, ("beige",), ()),
    ("scarf", "clothing", 2600, ("grey", "purple"), ()),
    ("gloves", "clothing", 2400, ("black",), CLOTHES),
    ("hiking boots", "shoes", 12900, ("brown", "black"), SHOES),
    ("trail shoes", "shoes", 9900, ("blue", "black"), SHOES),
    ("sandals", "shoes", 5500, ("brown",), SHOES),
    ("wellington boots", "shoes", 3900, ("green", "navy"), SHOES),
    ("Ridgeline tent", "outdoors", 24900, ("green", "orange"), ()),
    ("sleeping bag", "outdoors", 8400, ("blue", "red"), ()),
    ("camping stove", "outdoors", 4500, (), ()),
    ("head torch", "outdoors", 2900, (), ()),
    ("rucksack", "outdoors", 7400, ("black", "green"), ()),
    ("water bottle", "outdoors", 1500, ("blue", "black", "red"), ()),
    ("trekking poles", "outdoors", 4800, (), ()),
    ("hammock", "outdoors", 3900, ("green",), ()),
    ("picnic blanket", "outdoors", 2700, ("red",), ()),
    ("garden hose", "garden", 3200, (), ()),
    ("watering can", "garden", 1800, ("green", "grey"), ()),
    ("wheelbarrow", "garden", 7900, ("green",), ()),
    ("garden chair", "garden", 5600, ("white", "grey"), ()),
    ("parasol", "garden", 8800, ("beige", "green"), ()),
    ("bird feeder", "garden", 1700, (), ()),
    ("secateurs", "garden", 2300, (), ()),
    ("plant pot", "garden", 1200, ("white", "grey"), ()),
    ("floor lamp", "house", 6900, ("black", "white"), ()),
    ("duvet cover", "house", 4400, ("white", "blue", "grey"), ()),
    ("bath towel", "house", 1600, ("white", "green"), ()),
    ("cushion", "house", 1900, ("yellow", "grey"), ()),
    ("kettle", "house", 3600, ("black", "red"), ()),
    ("frying pan", "house", 3300, (), ()),
    ("storage basket", "house", 2100, ("beige",), ()),
    ("candle", "house", 1300, (), ()),
)

# number, customer, status, ordered how many days ago, items as (product, colour, size, quantity)
ORDERS = (
    (
        "20401",
        0,
        "delivered",
        12,
        (("rain jacket", "navy", "M", 1), ("wool socks", "grey", "M", 2)),
    ),
    ("20402", 0, "shipped", 3, (("hiking boots", "brown", "39", 1),)),
    ("20403", 0, "processing", 1, (("garden chair", "white", "", 2), ("parasol", "beige", "", 1))),
    ("20404", 1, "delivered", 60, (("fleece jacket", "grey", "L", 1),)),
    ("20405", 1, "delivered", 9, (("trail shoes", "blue", "43", 1), ("beanie", "black", "", 1))),
    ("20406", 1, "processing", 0, (("sleeping bag", "blue", "", 1),)),
    ("20407", 2, "delivered", 8, (("summer dress", "yellow", "S", 1), ("scarf", "grey", "", 1))),
    ("20408", 2, "shipped", 4, (("duvet cover", "white", "", 2),)),
    ("20409", 2, "cancelled", 20, (("kettle", "red", "", 1),)),
    ("20410", 3, "delivered", 15, (("Ridgeline tent", "green", "", 1), ("head torch", "", "", 2))),
    ("20411", 3, "processing", 1, (("wheelbarrow", "green", "", 1),)),
    ("20412", 3, "delivered", 7, (("walking trousers", "brown", "L", 1),)),
    ("20413", 4, "delivered", 5, (("wool jumper", "cream", "M", 1), ("gloves", "black", "M", 1))),
    ("20414", 4, "shipped", 2, (("floor lamp", "black", "", 1),)),
    (
        "20415",
        4,
        "delivered",
        10,
        (("rain jacket", "green", "S", 1), ("hiking boots", "black", "40", 1)),
    ),
    ("20416", 4, "processing", 0, (("cushion", "yellow", "", 4),)),
    ("20417", 5, "delivered", 6, (("linen shirt", "white", "L", 2), ("shorts", "navy", "L", 1))),
    ("20418", 5, "shipped", 5, (("camping stove", "", "", 1), ("water bottle", "black", "", 2))),
    ("20419", 5, "cancelled", 33, (("sandals", "brown", "42", 1),)),
    ("20420", 6, "delivered", 11, (("wellington boots", "green", "38", 1),)),
    ("20421", 6, "processing", 2, (("watering can", "green", "", 1), ("secateurs", "", "", 1))),
    ("20422", 7, "delivered", 75, (("rucksack", "black", "", 1),)),
    ("20423", 7, "delivered", 14, (("trekking poles", "", "", 1), ("sun hat", "beige", "", 1))),
    ("20424", 7, "processing", 1, (("hammock", "green", "", 1),)),
    ("20425", 8, "delivered", 6, (("bath towel", "white", "", 6), ("candle", "", "", 3))),
    ("20426", 8, "shipped", 3, (("kettle", "black", "", 1), ("frying pan", "", "", 1))),
    ("20427", 8, "processing", 0, (("plant pot", "grey", "", 5),)),
    (
        "20428",
        9,
        "delivered",
        9,
        (("flannel shirt", "red", "XL", 1), ("t-shirt", "black", "XL", 3)),
    ),
    ("20429", 9, "processing", 1, (("down vest", "orange", "XL", 1),)),
    ("20430", 9, "delivered", 21, (("garden hose", "", "", 1),)),
    (
        "20431",
        10,
        "delivered",
        13,
        (("storage basket", "beige", "", 2), ("cushion", "grey", "", 2)),
    ),
    ("20432", 10, "shipped", 2, (("rain jacket", "yellow", "L", 1),)),
    ("20433", 11, "delivered", 8, (("bird feeder", "", "", 1), ("plant pot", "white", "", 2))),
    ("20434", 11, "processing", 2, (("garden chair", "grey", "", 4),)),
    ("20435", 11, "delivered", 48, (("wellington boots", "navy", "44", 1),)),
    (
        "20436",
        12,
        "delivered",
        10,
        (("summer dress", "blue", "M", 1), ("sandals", "brown", "38", 1)),
    ),
    ("20437", 12, "processing", 1, (("picnic blanket", "red", "", 1),)),
    (
        "20438",
        13,
        "delivered",
        7,
        (("fleece jacket", "red", "M", 1), ("down vest", "black", "M", 1)),
    ),
    ("20439", 13, "shipped", 4, (("sleeping bag", "red", "", 2),)),
    ("20440", 13, "cancelled", 40, (("floor lamp", "white", "", 1),)),
)

# order, position of the item in it, reason, status, opened how many days ago, refunded how many
RETURNS = (
    ("20405", 1, "changed_mind", "received", 4, None),
    ("20410", 1, "damaged", "refunded", 9, 2),
    ("20422", 0, "not_as_described", "refunded", 55, 45),
    ("20430", 0, "damaged", "open", 3, None),
)

# code, percent, ends in how many days, least value in pence
VOUCHERS = (
    ("SPRING20", 20, -30, 0),
    ("WELCOME10", 10, 365, 0),
    ("GARDEN15", 15, 60, 5000),
    ("FERN25", 25, 14, 10000),
    ("BOOTS5", 5, 90, 0),
)

# Sold out, so that the bot has something to be sorry about.
SOLD_OUT = frozenset(
    {
        ("rain jacket", "yellow", "S"),
        ("hiking boots", "brown", "42"),
        ("wool jumper", "cream", "L"),
        ("hammock", "green", ""),
        ("kettle", "red", ""),
        ("trekking poles", "", ""),
    }
)

DAYS_TO_DELIVER = 4


def this_day() -> date:
    """Today where the shop is run."""
    return datetime.now().astimezone().date()


def fill(session: Session, today: date | None = None) -> None:
    """Write the sample shop into empty tables."""
    today = today or this_day()
    customers = [
        Customer(name=name, email=email, street=street, city=city, postcode=postcode)
        for name, email, street, city, postcode in CUSTOMERS
    ]
    products = {row[0]: _product(*row) for row in PRODUCTS}
    orders = {
        number: _order(
            number, customers[owner], status, today - timedelta(days=ago), items, products
        )
        for number, owner, status, ago, items in ORDERS
    }
    for order in orders.values():
        if order.status != "delivered":
            order.due_on = max(order.due_on, today + timedelta(days=1))
    session.add_all([*customers, *products.values(), *orders.values()])
    session.flush()
    for number, position, reason, status, opened, refunded in RETURNS:
        session.add(
            Return(
                order=orders[number],
                item=orders[number].items[position],
                reason=reason,
                status=status,
                opened_on=today - timedelta(days=opened),
                refunded_on=None if refunded is None else today - timedelta(days=refunded),
            )
        )
    for code, percent, ends, minimum in VOUCHERS:
        session.add(
            Voucher(
                code=code,
                percent=percent,
                ends_on=today + timedelta(days=ends),
                minimum_pence=minimum,
            )
        )
    session.flush()


def _product(
    name: str, department: str, price_pence: int, colours: tuple[str, ...], sizes: tuple[str, ...]
) -> Product:
    variants = [(colour, size) for colour in colours or ("",) for size in sizes or ("",)]
    stock = [
        Stock(
            colour=colour,
            size=size,
            count=0 if (name, colour, size) in SOLD_OUT else 3 + (7 * position + len(name)) % 20,
        )
        for position, (colour, size) in enumerate(variants)
    ]
    return Product(name=name, department=department, price_pence=price_pence, stock=stock)


def _order(
    number: str,
    owner: Customer,
    status: str,
    ordered_on: date,
    items: tuple[tuple[str, str, str, int], ...],
    products: dict[str, Product],
) -> Order:
    due_on = ordered_on + timedelta(days=DAYS_TO_DELIVER)
    return Order(
        number=number,
        customer=owner,
        status=status,
        ordered_on=ordered_on,
        due_on=due_on,
        delivered_on=due_on if status == "delivered" else None,
        street=owner.street,
        city=owner.city,
        postcode=owner.postcode,
        items=[
            Item(
                product=products[name],
                colour=colour,
                size=size,
                quantity=quantity,
                price_pence=products[name].price_pence,
            )
            for name, colour, size, quantity in items
        ],
    )


def main() -> None:
    """Create the shop, or make it new."""
    from .database import database_url, open_shop

    parser = argparse.ArgumentParser(prog="python -m actions.seed", description=main.__doc__)
    parser.add_argument("--fresh", action="store_true", help="empty all tables first")
    fresh = parser.parse_args().fresh
    engine = open_shop(database_url())
    if fresh:
        with Session(engine) as session, session.begin():
            Base.metadata.drop_all(session.connection())
            Base.metadata.create_all(session.connection())
            fill(session)
    with Session(engine) as session:
        orders = session.query(Order).count()
    print(f"{engine.url.render_as_string()}: {orders} orders, {len(PRODUCTS)} products")  # noqa: T201


if __name__ == "__main__":
    main()
