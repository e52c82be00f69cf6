from __future__ import annotations

from pipeline.sources.categories import numbers, remarks


def test_categories_become_motchallenges_classes() -> None:
    names = ["Pedestrian", "rider", "other person", "truck", "non_motorized_vehicle", "dog"]
    assert numbers(names) == {"Pedestrian": 1, "rider": 2, "other person": 8, "truck": 3, "non_motorized_vehicle": 6, "dog": 9}
    assert remarks(numbers(names)) == ["category dog is read as class 9 (occluder)"]


def test_the_only_category_is_what_is_tracked() -> None:
    assert numbers(["bird", "bird"]) == {"bird": 1}
    assert remarks({"bird": 1}) == ["category bird is read as class 1 (pedestrian)"]


def test_own_classes_are_the_tables() -> None:
    """BDD100K's eight, what only resembles one, a name in capitals, and a category without a counterpart."""
    eight = {"pedestrian": 1, "rider": 14, "car": 3, "truck": 16, "bus": 15, "train": 17, "motorcycle": 5, "bicycle": 4}
    others = {"other person": 8, "other vehicle": 8, "trailer": 8, "Cyclist": 18, "dog": 9}
    assert numbers(eight | others, own=True) == eight | others
    assert remarks(numbers(eight | others, own=True)) == ["category dog is read as class 9 (occluder)"]
    assert numbers(["car"], own=True) == {"car": 3}, "the only one, and known"
    assert numbers(["bird"], own=True) == {"bird": 1}
    assert remarks(numbers(["person", "cyclist"])) == [
        "category cyclist is read as class 9 (occluder); with classes: own it is a class of its own"
    ]
