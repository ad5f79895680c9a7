"""Versions of the training data where texts of users are stored encrypted."""

from __future__ import annotations

import asyncio
from pathlib import Path

import msgspec
import pytest

from bot.privacy.holders import Places, holders
from bot.project.project import Project
from bot.review.item import ReviewItem
from bot.settings import Settings
from bot.store.database import Database
from bot.store.reviews import open_reviews
from bot.store.sealing import PLAIN, Locked, new_key, seal_from
from nlu.registry import Registry
from tests.command import write
from training.versions import learning
from training.versions.learning import newest_dataset, reviews_url
from training.versions.shelf import NotErased, Shelf
from training.versions.splitting import subject_of

from .test_versions import LEARNED, item, made, project

OLD, NEW = new_key("old"), new_key("new")
SECRET = "my secret wish"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "models" / "datasets"


def shelf(root: Path, *keys: str) -> Shelf:
    return Shelf(root, seal=seal_from(",".join(keys)))


def test_a_version_has_the_same_name_encrypted_and_tells_nothing(root: Path):
    dataset = made(item(SECRET))
    path = shelf(root, NEW).keep(dataset)
    assert path.name == f"{dataset.version}.json"
    stored = path.read_bytes()
    assert stored.startswith(b"~new:")
    assert SECRET.encode() not in stored
    assert shelf(root, NEW).load(dataset.version) == shelf(root, NEW).newest() == dataset


def test_a_version_from_before_there_were_keys_is_read_as_it_stands(root: Path):
    dataset = made(item(SECRET))
    shelf(root).keep(dataset)
    assert shelf(root, NEW).load(dataset.version) == dataset


@pytest.mark.parametrize("keys", [(), (OLD,)])
def test_without_its_key_a_version_is_neither_opened_nor_changed_and_it_is_said_so(
    root: Path, keys: tuple[str, ...]
):
    dataset = made(item(SECRET))
    stored = shelf(root, NEW).keep(dataset).read_bytes()
    other = shelf(root, *keys)
    said = rf"dataset '{dataset.version}' is encrypted with key 'new', which PARLEY_ENCRYPTION_KEYS"
    for ask in (other.versions, other.newest, lambda: other.load(dataset.version)):
        with pytest.raises(Locked, match=said):
            ask()
    with pytest.raises(NotErased, match=said):
        other.erase(LEARNED)
    assert other.keep(dataset).read_bytes() == stored


def test_a_version_that_was_changed_or_put_in_place_of_another_is_not_opened(root: Path):
    first, second = made(item(SECRET)), made(item("hey you"))
    paths = [shelf(root, NEW).keep(dataset) for dataset in (first, second)]
    paths[0].write_bytes(paths[1].read_bytes())
    paths[1].write_bytes(paths[1].read_bytes()[:-1])
    for dataset in (first, second):
        with pytest.raises(Locked, match="was changed, moved, or the key is wrong"):
            shelf(root, NEW).load(dataset.version)


def test_an_erased_user_is_gone_from_encrypted_versions_too(root: Path):
    dataset = made(item(SECRET), item("hey you", conversation="other"))
    sealed = shelf(root, NEW)
    path = sealed.keep(dataset)
    assert [row["text"] for row in sealed.held(LEARNED)] == [SECRET]
    assert sealed.erase(LEARNED) == 1
    assert path.read_bytes().startswith(b"~new:")
    found = sealed.load(dataset.version)
    assert found.erased == 1
    assert subject_of(LEARNED) not in str(found)


def test_versions_change_their_key_and_stay_what_they_were(root: Path):
    first, second = made(item(SECRET)), made(item("hey you"))
    shelf(root).keep(first)
    shelf(root, OLD).keep(second)
    assert shelf(root, NEW, OLD).rekey() == 2
    assert shelf(root, NEW, OLD).rekey() == 0
    only = shelf(root, NEW)
    assert [only.load(one.version) for one in (first, second)] == [first, second]
    assert only.rekey(decrypt=True) == 2
    assert shelf(root).load(first.version) == first


async def test_every_place_is_asked_to_change_the_key(root: Path, tmp_path: Path, sqlite_url: str):
    path = shelf(root).keep(made(item(SECRET)))
    settings = Settings(project=tmp_path, models=root.parent, home=tmp_path)
    database = Database(sqlite_url, seal=seal_from(NEW))
    try:
        changed = {
            name: await holder.rekey(decrypt=False, told=lambda rows: None)
            for name, holder in holders(Places(settings, database))
        }
    finally:
        await database.close()
    assert changed == {"log": 0, "redis": 0, "review": 0, "turns": 0, "datasets": 1}
    assert path.read_bytes().startswith(b"~new:")


def test_who_is_erased_while_a_version_is_made_is_not_in_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("PARLEY_HOME", str(tmp_path / "home"))
    shop = msgspec.structs.replace(project(), path=str(tmp_path))
    url, registry = reviews_url(write(tmp_path)), Registry(tmp_path / "models")
    items = [item(SECRET), item("hey you", conversation="other")]
    asyncio.run(in_reviews(url, items))
    as_it_is = learning.make_dataset

    def make(project: Project, items: list[ReviewItem], **how: object) -> object:
        asyncio.run(in_reviews(url, [], erase=LEARNED))
        Shelf.of(registry).erase(LEARNED)  # and finds nothing, since it is not kept yet
        return as_it_is(project, items, **how)  # type: ignore[arg-type]

    monkeypatch.setattr(learning, "make_dataset", make)
    found = newest_dataset(shop, registry)
    assert {row.text for row in found.rows} == {"hello", "goodbye", "hey you", ""}
    assert Shelf.of(registry, seal=PLAIN).held(LEARNED) == []


async def in_reviews(url: str, items: list[ReviewItem], *, erase: str = "") -> None:
    async with open_reviews(url) as reviews:
        await reviews.propose(items)
        await reviews.erase(erase)
