"""Pictures are well-formed, need no other file, and say what is in them."""

from __future__ import annotations

from xml.etree import ElementTree

from bot.testing.pictures import confusion_matrix, histogram, standalone

SVG = "{http://www.w3.org/2000/svg}"


def titles(picture: str) -> list[str | None]:
    return [each.text for each in ElementTree.fromstring(picture).iter(f"{SVG}title")]


def test_a_matrix_has_a_cell_for_each_pair_that_occurs():
    picture = confusion_matrix([("a", "a"), ("a", "a"), ("a", "b<"), ("b<", "b<")], "Actions")
    assert titles(picture) == [
        "a: 2 of 3 right",
        "a taken for b<: 1 of 3",
        "b<: 1 of 1 right",
    ]


def test_a_matrix_of_many_labels_stays_small():
    pairs = [(f"intent_{at}", f"intent_{at}") for at in range(150)]
    root = ElementTree.fromstring(confusion_matrix(pairs))
    assert int(root.attrib["width"]) < 1800
    assert len(list(root.iter(f"{SVG}rect"))) == 150


def test_a_matrix_of_nothing_is_a_picture_too():
    ElementTree.fromstring(standalone(confusion_matrix([], "Empty")))


def test_a_histogram_counts_right_and_wrong_answers_by_how_sure_they_were():
    picture = histogram([0.99, 1.0, 0.52], [0.51], "Intents")
    assert titles(picture) == ["1", "1", "2"]


def test_a_file_of_its_own_has_colours_for_light_and_dark_and_asks_for_nothing():
    picture = standalone(histogram([], [], "Nothing"))
    ElementTree.fromstring(picture)
    assert "prefers-color-scheme: dark" in picture
    assert "href" not in picture
    assert "url(" not in picture
