import hmac
import json
from base64 import urlsafe_b64encode

import pytest
from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey

from bot.channels.base import Begins, Delivery, Place, Refused, Unproven, Visitors
from bot.channels.web import Begin, Options, WebChannel, open_web
from bot.dialogue.events import ActionExecuted, AgentUttered, BotUttered, UserUttered
from bot.errors import BadRequest, SettingsError

NOW = 1_800_000_000.0
DAY_S = 86_400
OLD = "0123456789abcdef" * 3
SECRET = "s" * 32


def delivery(frame=None, **headers):
    body = json.dumps(frame or {"type": "ping"}).encode()
    return Delivery(body, {"host": "shop.example:5005", **headers}, {"conversation": "web:abc"})


def begin(**said):
    return Begin(type="begin", **said)


def identity(key=SECRET, method="HS256", **claims):
    said = {"sub": "anna", "exp": int(NOW) + 600, **claims}
    imported = RSAKey.import_key(key) if method == "RS256" else OctKey.import_key(key)
    said = {name: value for name, value in said.items() if value is not None}
    return jwt.encode({"alg": method}, said, imported)


def b64(data):
    return urlsafe_b64encode(data).decode().rstrip("=")


CLAIMS = b'{"sub":"anna","exp":9999999999}'
UNSIGNED = ".".join((b64(b'{"alg":"none"}'), b64(CLAIMS), ""))


def knowing(*keys, **options):
    return WebChannel(Options(identity_keys=keys, **options))


@pytest.mark.parametrize("origin", ["http://shop.example:5005", "https://SHOP.example:5005"])
def test_a_page_of_this_host_may_connect(origin):
    WebChannel().verify(delivery(origin=origin))


def test_a_client_that_is_no_browser_may_connect():
    WebChannel().verify(delivery())


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "http://shop.example", "http://["]
)
def test_a_page_of_another_host_may_not_connect(origin):
    with pytest.raises(Refused, match="PARLEY_CORS"):
        WebChannel().verify(delivery(origin=origin))


def test_a_page_of_a_host_that_settings_name_may_connect():
    WebChannel(origins=["https://www.shop.example"]).verify(
        delivery(origin="https://www.shop.example")
    )
    WebChannel(origins=["*"]).verify(delivery(origin="https://any.example"))


def test_a_message_goes_into_the_conversation_that_the_server_says():
    frame = {"type": "message", "id": "m-1", "text": "hi", "conversation": "web:other"}
    (message,) = WebChannel().parse(delivery(frame))
    assert message.conversation_id == "web:abc"
    assert (message.message_id, message.text) == ("m-1", "hi")


def test_a_visitor_comes_back_with_the_ticket_and_gets_a_new_one():
    channel = WebChannel()
    first = channel.visitor(begin(), NOW)
    again = channel.visitor(begin(ticket=first.ticket), NOW + DAY_S)
    assert again.conversation_id == first.conversation_id
    assert again.ticket != first.ticket


def test_visitors_without_a_ticket_are_strangers_to_each_other():
    channel = WebChannel()
    ids = {channel.visitor(begin(), NOW).conversation_id for _ in range(100)}
    assert len(ids) == 100
    assert all(one.startswith("web:") and len(one) == 36 for one in ids)


def test_an_id_without_its_signature_opens_nothing():
    channel = WebChannel()
    known = channel.visitor(begin(), NOW)
    name = known.conversation_id.removeprefix("web:")
    forged = WebChannel().visitor(begin(), NOW).ticket.split(".")[2]
    for ticket in (name, OLD, f"{name}.{int(NOW)}.{forged}", f"user:anna.{int(NOW)}.{forged}"):
        assert channel.visitor(begin(ticket=ticket), NOW).conversation_id != known.conversation_id


def test_a_conversation_from_before_tickets_is_taken_up_until_the_day_set():
    channel = WebChannel(visitors=Visitors(adopt_until=NOW))
    taken = channel.unsigned(begin(ticket=OLD), NOW)
    assert taken.conversation_id == f"web:{OLD}"
    assert channel.visitor(begin(ticket=taken.ticket), NOW).conversation_id == f"web:{OLD}"
    assert channel.unsigned(begin(ticket=OLD), NOW + 1) is None
    assert WebChannel().unsigned(begin(ticket=OLD), NOW) is None


@pytest.mark.parametrize("ticket", ["", "customer-12345678", OLD[:47], OLD + "0", OLD.upper()])
def test_an_id_that_somebody_could_guess_is_never_taken_up_unsigned(ticket):
    channel = WebChannel(visitors=Visitors(adopt_until=NOW))
    assert channel.unsigned(begin(ticket=ticket), NOW) is None
    ours = channel.visitor(begin(), NOW).conversation_id.removeprefix("web:")
    assert channel.unsigned(begin(ticket=ours), NOW) is None


def test_a_user_of_the_site_has_one_conversation_on_every_device():
    channel = knowing(SECRET)
    here, there = (channel.visitor(begin(identity=identity()), NOW) for _ in range(2))
    assert here.conversation_id == there.conversation_id == "web:user:anna"
    assert here.ticket == ""
    assert here.until == NOW + 600


def test_a_ticket_opens_no_users_conversation_and_an_identity_comes_first():
    channel = knowing(SECRET)
    stranger = channel.visitor(begin(), NOW)
    user = channel.visitor(begin(identity=identity(), ticket=stranger.ticket), NOW)
    assert user.conversation_id == "web:user:anna"


def test_two_keys_are_believed_while_one_takes_the_place_of_the_other():
    channel = knowing("n" * 32, SECRET)
    for key in ("n" * 32, SECRET):
        assert channel.visitor(begin(identity=identity(key)), NOW).until


def test_an_identity_signed_with_a_private_key_is_checked_with_the_public_one():
    private = RSAKey.generate_key(2048)
    public, own = private.as_pem(private=False).decode(), private.as_pem(private=True).decode()
    channel = knowing(public, identity_method="RS256")
    said = channel.visitor(begin(identity=identity(own, "RS256")), NOW)
    assert said.conversation_id == "web:user:anna"


def test_a_public_key_is_no_secret_that_identities_are_signed_with():
    private = RSAKey.generate_key(2048)
    public = private.as_pem(private=False).decode()
    channel = knowing(public, identity_method="RS256")
    said = ".".join((b64(b'{"alg":"HS256"}'), b64(CLAIMS)))
    forged = f"{said}.{b64(hmac.digest(public.encode(), said.encode(), 'sha256'))}"
    with pytest.raises(Unproven):
        channel.visitor(begin(identity=forged), NOW)


@pytest.mark.parametrize(
    "wrong",
    [
        "",
        "x",
        "a.b.c",
        "....",
        identity("o" * 32),
        identity(exp=int(NOW) - 60),
        identity(exp=None),
        identity(exp="soon"),
        identity(sub=None),
        identity(sub=""),
        identity(sub="two words"),
        identity(sub="a" * 201),
        identity(sub=["anna"]),
        identity(nbf=int(NOW) + 600),
        identity(aud="elsewhere"),
        UNSIGNED,
    ],
)
def test_an_identity_that_is_not_right_opens_nothing(wrong):
    channel = knowing(SECRET, identity_required=True)
    with pytest.raises(Unproven):
        channel.visitor(begin(identity=wrong), NOW)


def test_an_identity_for_another_audience_is_refused():
    channel = knowing(SECRET, identity_audience="chat")
    assert channel.visitor(begin(identity=identity(aud="chat")), NOW).until
    for token in (identity(), identity(aud="shop")):
        with pytest.raises(Unproven, match="aud"):
            channel.visitor(begin(identity=token), NOW)


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"identity_required": True}, "needs identity_keys"),
        ({"identity_keys": "short"}, "32 bytes"),
        ({"identity_keys": "-----BEGIN PUBLIC KEY-----" + "x" * 40}, "RS256"),
        ({"identity_keys": SECRET, "identity_method": "RS256"}, "PEM"),
        ({"identity_keys": SECRET, "identity_method": "none"}, "HS256"),
        ({"identity_keys": {"a": 1}}, "identity_keys"),
    ],
)
def test_what_credentials_say_wrong_stops_the_start(said, why):
    with pytest.raises(SettingsError, match=why):
        open_web(said, Place(None))


def test_a_ping_is_no_message():
    assert WebChannel().parse(delivery({"type": "ping"})) == ()


@pytest.mark.parametrize(
    "frame",
    [
        {"type": "message", "text": "no id"},
        {"type": "message", "id": "m", "text": "  "},
        {"type": "message", "id": "m" * 256, "text": "x"},
        {"type": "command"},
        {"text": "no type"},
    ],
)
def test_other_frames_are_refused(frame):
    with pytest.raises(BadRequest):
        WebChannel().parse(delivery(frame))


def test_a_user_is_shown_with_the_id_of_the_message():
    event = UserUttered(text="hi", message_id="m-1", timestamp=1.5)
    assert WebChannel().frames("web:c", 7, event) == [
        {"type": "message", "seq": 7, "from": "user", "timestamp": 1.5, "text": "hi", "id": "m-1"}
    ]


def test_all_parts_of_an_utterance_are_one_frame():
    button = {"title": "Yes", "payload": "/yes"}
    data = {"buttons": [button], "image": "https://i", "attachment": "https://i", "custom": None}
    event = BotUttered(text="Look.\n\nNice?", data=data, timestamp=2.0)
    (frame,) = WebChannel().frames("web:c", 8, event)
    assert frame["from"] == "bot"
    assert frame["text"] == "Look.\n\nNice?"
    assert frame["buttons"] == [button]
    assert frame["image"] == "https://i"
    assert "attachment" not in frame
    assert "custom" not in frame


def test_a_person_of_the_shop_is_shown_as_agent():
    (frame,) = WebChannel().frames("web:c", 9, AgentUttered(text="Ana here", data=None))
    assert (frame["from"], frame["text"]) == ("agent", "Ana here")


@pytest.mark.parametrize(
    "event",
    [
        ActionExecuted(name="action_listen"),
        UserUttered(text="EXTERNAL: remind"),
        UserUttered(text=None),
        BotUttered(text=None, data={"buttons": "nonsense"}),
    ],
)
def test_what_nobody_said_is_not_shown(event):
    assert WebChannel().frames("web:c", 1, event) == []


def test_the_page_has_nothing_to_tell_a_service_when_the_server_starts():
    assert not isinstance(WebChannel(), Begins)
