from __future__ import annotations

from pipeline.sources.categories import numbers, remarks


def test_categories_become_motchallenges_classes() -> None:
    names = ["Pedestrian", "rider", "other person", "truck", "non_motorized_vehicle", "dog"]
    assert numbers(names) == {"Pedestrian": 1, "rider": 2, "other person": 8, "truck": 3, "non_motorized_vehicle": 6, "dog": 9}
    assert remarks(numbers(names)) == ["category dog is read as class 9 (occluder)"]


def test_the_only_category_is_what_is_tracked() -> None:
    assert numbers(["bird", "bird"]) == {"bird": 1}
    assert remarks({"bird": 1}) == ["category bird is read as class 1 (pedestrian)"]
