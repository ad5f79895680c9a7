"""Which response to give, where that depends on a status or on why the shop refused."""

from __future__ import annotations

STATUS = {
    "processing": "utter_order_processing",
    "shipped": "utter_order_shipped",
    "delivered": "utter_order_delivered",
    "cancelled": "utter_order_cancelled",
}
REFUND = {
    "open": "utter_refund_open",
    "received": "utter_refund_received",
    "refunded": "utter_refund_refunded",
}
REPORTED = {
    "damaged": "utter_reported_damaged",
    "missing": "utter_reported_missing",
    "wrong_item": "utter_reported_wrong_item",
}
CONFIRM = {
    "cancel_form": "utter_confirm_cancel",
    "return_form": "utter_confirm_return",
    "exchange_form": "utter_confirm_exchange",
    "address_form": "utter_confirm_address",
    "delete_account_form": "utter_confirm_delete_account",
}

# Why not, by the reason of Refused or the status of the order.
NO_CANCELLING = {
    "shipped": "utter_cancel_refused_shipped",
    "delivered": "utter_cancel_refused_delivered",
    "cancelled": "utter_cancel_refused_cancelled",
}
NO_RETURN = {
    "not_delivered": "utter_return_refused_not_delivered",
    "cancelled": "utter_return_refused_cancelled",
    "too_late": "utter_return_refused_too_late",
}
NO_ADDRESS = {
    "shipped": "utter_address_refused_shipped",
    "delivered": "utter_address_refused_delivered",
    "cancelled": "utter_address_refused_cancelled",
}
NO_DAY = {
    "past": "utter_date_refused_past",
    "sunday": "utter_date_refused_sunday",
    "too_far": "utter_date_refused_too_far",
    "delivered": "utter_date_refused_delivered",
    "cancelled": "utter_date_refused_cancelled",
}
NO_REPLACEMENT = {
    "unclear": "utter_replacement_unclear",
    "sold_out": "utter_replacement_sold_out",
}
NO_VOUCHER = {"unknown": "utter_voucher_unknown", "expired": "utter_voucher_expired"}
