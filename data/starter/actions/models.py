"""The tables of the shop."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship


class Base(DeclarativeBase):
    """What all tables share."""


class Customer(Base):
    """Somebody who has an account, with the address new orders go to."""

    __tablename__ = "customers"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(100))
    email: Mapped[str] = mapped_column(String(200), unique=True)
    street: Mapped[str] = mapped_column(String(100))
    city: Mapped[str] = mapped_column(String(60))
    postcode: Mapped[str] = mapped_column(String(10))
    newsletter: Mapped[bool] = mapped_column(default=True)

    orders: Mapped[list[Order]] = relationship(
        back_populates="customer", order_by="Order.number.desc()"
    )


class Product(Base):
    """Something Fernway sells; its price is in pence."""

    __tablename__ = "products"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(60), unique=True)
    department: Mapped[str] = mapped_column(String(30))
    price_pence: Mapped[int]

    stock: Mapped[list[Stock]] = relationship(back_populates="product", order_by="Stock.id")


class Stock(Base):
    """How many of one colour and size there are; empty texts where there is no choice."""

    __tablename__ = "stock"
    __table_args__ = (UniqueConstraint("product_id", "colour", "size"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    product_id: Mapped[int] = mapped_column(ForeignKey("products.id"))
    colour: Mapped[str] = mapped_column(String(20), default="")
    size: Mapped[str] = mapped_column(String(10), default="")
    count: Mapped[int] = mapped_column(default=0)

    product: Mapped[Product] = relationship(back_populates="stock")


class Order(Base):
    """A purchase. ``status`` is processing, shipped, delivered or cancelled."""

    __tablename__ = "orders"

    number: Mapped[str] = mapped_column(String(5), primary_key=True)
    customer_id: Mapped[int] = mapped_column(ForeignKey("customers.id"))
    status: Mapped[str] = mapped_column(String(12))
    ordered_on: Mapped[date]
    due_on: Mapped[date]
    delivered_on: Mapped[date | None]
    street: Mapped[str] = mapped_column(String(100))
    city: Mapped[str] = mapped_column(String(60))
    postcode: Mapped[str] = mapped_column(String(10))

    customer: Mapped[Customer] = relationship(back_populates="orders")
    items: Mapped[list[Item]] = relationship(back_populates="order", order_by="Item.id")
    returns: Mapped[list[Return]] = relationship(back_populates="order", order_by="Return.id")

    @property
    def total_pence(self) -> int:
        """What the customer paid for the items."""
        return sum(item.price_pence * item.quantity for item in self.items)


class Item(Base):
    """One line of an order."""

    __tablename__ = "items"

    id: Mapped[int] = mapped_column(primary_key=True)
    order_number: Mapped[str] = mapped_column(ForeignKey("orders.number"))
    product_id: Mapped[int] = mapped_column(ForeignKey("products.id"))
    colour: Mapped[str] = mapped_column(String(20), default="")
    size: Mapped[str] = mapped_column(String(10), default="")
    quantity: Mapped[int] = mapped_column(default=1)
    price_pence: Mapped[int]

    order: Mapped[Order] = relationship(back_populates="items")
    product: Mapped[Product] = relationship()


class Return(Base):
    """An item on its way back; a replacement makes it an exchange.

    ``status`` is open (not here yet), received or refunded. One per item: asking again finds it.
    """

    __tablename__ = "returns"

    id: Mapped[int] = mapped_column(primary_key=True)
    order_number: Mapped[str] = mapped_column(ForeignKey("orders.number"))
    item_id: Mapped[int] = mapped_column(ForeignKey("items.id"), unique=True)
    reason: Mapped[str] = mapped_column(String(20))
    replacement: Mapped[str | None] = mapped_column(String(100))
    status: Mapped[str] = mapped_column(String(12), default="open")
    opened_on: Mapped[date]
    refunded_on: Mapped[date | None]

    order: Mapped[Order] = relationship(back_populates="returns")
    item: Mapped[Item] = relationship()

    @property
    def number(self) -> str:
        """What the customer writes on the parcel."""
        return f"R-{10000 + self.id}"


class Ticket(Base):
    """Something a person has to look at, written once for each ``key``: what it is about."""

    __tablename__ = "tickets"

    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(String(200), unique=True)
    topic: Mapped[str] = mapped_column(String(30))
    conversation_id: Mapped[str] = mapped_column(String(200))
    order_number: Mapped[str | None] = mapped_column(String(5))
    note: Mapped[str] = mapped_column(String(1000), default="")
    opened_at: Mapped[datetime]

    @property
    def number(self) -> str:
        """What the customer may quote."""
        return f"T-{5000 + self.id}"


class Voucher(Base):
    """A discount code, good until ``ends_on`` for orders of at least ``minimum_pence``."""

    __tablename__ = "vouchers"

    code: Mapped[str] = mapped_column(String(20), primary_key=True)
    percent: Mapped[int]
    ends_on: Mapped[date]
    minimum_pence: Mapped[int] = mapped_column(default=0)


class Call(Base):
    """A call of an action that changed something, and what it answered: JSON."""

    __tablename__ = "calls"

    key: Mapped[str] = mapped_column(String(400), primary_key=True)
    at: Mapped[datetime] = mapped_column(index=True)
    answer: Mapped[str]
