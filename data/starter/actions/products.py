"""What the shop sells: finding it, whether it is there, what it costs; and vouchers."""

from __future__ import annotations

from rasa_sdk import Tracker
from rasa_sdk.events import EventType, SlotSet
from rasa_sdk.executor import CollectingDispatcher
from sqlalchemy.orm import Session

from . import shop
from .answers import NO_VOUCHER
from .desk import ShopAction, entities, slot_text
from .models import Product

MOST_PRODUCTS = 4


class SearchProducts(ShopAction):
    """Show what fits the words of the visitor, with a button for each."""

    action_name = "action_search_products"

    def work(
        self, dispatcher: CollectingDispatcher, tracker: Tracker, session: Session
    ) -> list[EventType]:
        said = " ".join(entities(tracker, "product")) or slot_text(tracker, "product")
        if not said:
            dispatcher.utter_message(response="utter_ask_product")
            return []
        found = shop.find_products(session, said)[:MOST_PRODUCTS]
        if not found:
            dispatcher.utter_message(response="utter_product_unknown", product=said)
            return []
        lines = "\n".join(
            f"{product.name}, {shop.pounds(product.price_pence)}{_colours(product)}"
            for product in found
        )
        buttons = [
            {
                "title": f"Is the {product.name} in stock?",
                "payload": f'/check_stock{{"product": "{product.name}"}}',
            }
            for product in found
        ]
        dispatcher.utter_message(response="utter_products", products=lines, buttons=buttons)
        return [SlotSet("product", found[0].name)]


class CheckStock(ShopAction):
    """Whether there is one, in the colour and size that were named."""

    action_name = "action_check_stock"

    def work(
        self, dispatcher: CollectingDispatcher, tracker: Tracker, session: Session
    ) -> list[EventType]:
        product = _product(dispatcher, tracker, session)
        if product is None:
            return []
        colour = next(iter(entities(tracker, "colour")), None)
        size = next(iter(entities(tracker, "size")), None)
        available = shop.availability(product, colour, size)
        if available.count:
            response = "utter_in_stock" if available.count > 5 else "utter_few_in_stock"
        else:
            response = "utter_others_in_stock" if available.others else "utter_sold_out"
        dispatcher.utter_message(
            response=response,
            wanted=" ".join(part for part in (colour, product.name, size and f"in {size}") if part),
            count=str(available.count),
            others=", ".join(available.others),
        )
        return [SlotSet("product", product.name)]


class ProductPrice(ShopAction):
    """What a product costs."""

    action_name = "action_product_price"

    def work(
        self, dispatcher: CollectingDispatcher, tracker: Tracker, session: Session
    ) -> list[EventType]:
        product = _product(dispatcher, tracker, session)
        if product is None:
            return []
        dispatcher.utter_message(
            response="utter_price", wanted=product.name, price=shop.pounds(product.price_pence)
        )
        return [SlotSet("product", product.name)]


class CheckVoucher(ShopAction):
    """Why a voucher does not work, or that it should."""

    action_name = "action_check_voucher"

    def work(
        self, dispatcher: CollectingDispatcher, tracker: Tracker, session: Session
    ) -> list[EventType]:
        code = slot_text(tracker, "voucher_code")
        if not code:
            dispatcher.utter_message(response="utter_ask_voucher_code")
            return []
        code = code.upper()
        try:
            voucher = shop.check_voucher(session, code)
        except shop.Refused as refused:
            dispatcher.utter_message(response=NO_VOUCHER[refused.reason], code=code)
        else:
            dispatcher.utter_message(
                response="utter_voucher_minimum" if voucher.minimum_pence else "utter_voucher_good",
                code=code,
                percent=str(voucher.percent),
                minimum=shop.pounds(voucher.minimum_pence),
                day=shop.spoken(voucher.ends_on),
            )
        return [SlotSet("voucher_code", None)]


def _product(
    dispatcher: CollectingDispatcher, tracker: Tracker, session: Session
) -> Product | None:
    said = " ".join(entities(tracker, "product")) or slot_text(tracker, "product")
    if not said:
        dispatcher.utter_message(response="utter_ask_product")
        return None
    product = shop.find_product(session, said)
    if product is None:
        dispatcher.utter_message(response="utter_product_unknown", product=said)
    return product


def _colours(product: Product) -> str:
    colours = list(dict.fromkeys(stock.colour for stock in product.stock if stock.colour))
    return f" (in {', '.join(colours)})" if colours else ""
