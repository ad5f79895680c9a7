import threading

import msgspec
import pytest

from nlu.errors import BundleError
from nlu.registry import Registry
from nlu.rollout import Rollout


@pytest.fixture
def registry(tmp_path):
    return Registry(tmp_path / "models")


@pytest.fixture
def publish(registry, make_bundle):
    def publish(version, *, use=True, day=1):
        with registry.draft() as draft:
            make_bundle(draft, version=version, created=f"2026-01-{day:02}T00:00:00Z")
            return registry.publish(draft, version, use=use)

    return publish


def test_a_registry_without_a_folder_is_empty(registry):
    assert registry.current() is None
    assert registry.versions() == ()


def test_what_is_published_is_current_and_whole(registry, publish):
    folder = publish("v1")
    assert registry.current() == "v1"
    assert folder == registry.folder("v1")
    assert registry.manifest("v1").version == "v1"
    assert (registry.root / "current").read_text() == "v1\n"


def test_versions_are_listed_in_the_order_of_their_creation(registry, publish):
    publish("b", day=1)
    publish("a", day=2)
    assert registry.versions() == ("b", "a")


def test_a_version_can_be_published_without_being_used(registry, publish):
    publish("v1")
    publish("v2", use=False)
    assert registry.current() == "v1"
    assert set(registry.versions()) == {"v1", "v2"}


def test_rolling_back_goes_to_what_was_current_before_each_time(registry, publish):
    for day, version in enumerate(("v1", "v2", "v3"), 1):
        publish(version, day=day)
    assert registry.roll_back() == "v2"
    assert registry.roll_back() == "v1"
    assert registry.current() == "v1"
    with pytest.raises(BundleError, match="no earlier version"):
        registry.roll_back()
    assert registry.current() == "v1"


def test_rolling_back_passes_over_a_version_that_was_removed(registry, publish):
    for version in ("v1", "v2", "v3"):
        publish(version)
    (registry.folder("v2") / "manifest.json").unlink()
    assert registry.roll_back() == "v1"


def test_a_version_is_never_published_twice(registry, publish):
    publish("v1")
    with pytest.raises(BundleError, match="published already"):
        publish("v1")


def test_a_draft_that_fails_leaves_nothing_behind(registry):
    with pytest.raises(ZeroDivisionError), registry.draft() as draft:
        (draft / "model.onnx").write_bytes(b"half" * (1 // 0))
    assert list(registry.root.iterdir()) == []


def test_a_draft_without_a_manifest_is_not_published(registry):
    with registry.draft() as draft, pytest.raises(BundleError, match=r"manifest\.json is missing"):
        registry.publish(draft, "v1")
    assert registry.versions() == ()


def test_a_draft_of_another_version_is_not_published(registry, make_bundle):
    with registry.draft() as draft:
        make_bundle(draft, version="v1")
        with pytest.raises(BundleError, match="names version 'v1', not 'v2'"):
            registry.publish(draft, "v2")


@pytest.mark.parametrize(
    "name",
    ["", ".", "..", "../v1", "a/b", "/etc", ".draft-x", "current", "history", "v1\n", "v\x00", "é",
     "a" * 101, "-rf"],
)  # fmt: skip
def test_a_name_that_leads_elsewhere_is_refused(registry, publish, name):
    publish("v1")
    for step in (registry.folder, registry.use, registry.manifest):
        with pytest.raises(BundleError, match="is no version name"):
            step(name)
    assert registry.current() == "v1"


def test_a_current_file_that_leads_elsewhere_is_refused(registry, publish):
    publish("v1")
    (registry.root / "current").write_text("../../etc\n")
    with pytest.raises(BundleError, match="is no version name"):
        registry.current()


def test_using_an_unknown_version_names_the_known_ones(registry, publish):
    publish("v1")
    with pytest.raises(BundleError, match=r"no version 'v2'. Versions: v1\."):
        registry.use("v2")


def test_a_damaged_version_is_listed_and_can_be_left(registry, publish):
    publish("v1")
    publish("v2")
    (registry.folder("v2") / "manifest.json").write_bytes(b"{")
    assert set(registry.versions()) == {"v1", "v2"}
    assert registry.roll_back() == "v1"


def test_a_reader_of_current_never_sees_half_of_it(registry, publish):
    publish("v1")
    publish("a-much-longer-version-name")
    seen, done = set(), threading.Event()

    def read():
        while not done.is_set():
            seen.add(registry.current())

    reader = threading.Thread(target=read)
    reader.start()
    for version in ("v1", "a-much-longer-version-name") * 10:
        registry.use(version)
    done.set()
    reader.join()
    assert seen <= {"v1", "a-much-longer-version-name"}


def test_a_manifest_survives_being_written_and_read(make_bundle, registry):
    with registry.draft() as draft:
        make_bundle(draft, version="v1", scores={"intent": {"accuracy": 0.93}})
        registry.publish(draft, "v1")
    manifest = registry.manifest("v1")
    assert manifest.scores == {"intent": {"accuracy": 0.93}}
    assert msgspec.json.decode(msgspec.json.encode(manifest), type=type(manifest)) == manifest


def test_a_version_is_rolled_out_until_it_is_current_or_called_back(registry, publish):
    publish("v1")
    publish("v2", use=False)
    assert registry.rollout() is None
    registry.roll_out(Rollout("v2", 0.1, 5.0))
    assert Registry(registry.root).rollout() == Rollout("v2", 0.1, 5.0)
    assert registry.unused() == ()
    registry.use("v2")
    assert registry.rollout() is None
    registry.end_rollout()


def test_a_version_that_is_not_there_is_not_rolled_out(registry, publish):
    publish("v1")
    with pytest.raises(BundleError, match="no version"):
        registry.roll_out(Rollout("v2", 0.1, 5.0))


@pytest.mark.parametrize("content", [b"{", b'{"version": "\x80"}'])
def test_a_damaged_rollout_is_told(registry, publish, content):
    publish("v1")
    (registry.root / "rollout").write_bytes(content)
    with pytest.raises(BundleError, match="rollout cannot be read"):
        registry.rollout()
