from brevetti_keras.utils.counting import counted


def test_one_is_one_and_the_rest_are_many() -> None:
    assert [counted(number, "image") for number in (0, 1, 2, 2000)] == [
        "0 images",
        "1 image",
        "2 images",
        "2,000 images",
    ]


def test_a_plural_of_its_own_may_bring_its_verb() -> None:
    assert counted(1, "class", "classes") == "1 class"
    assert counted(0, "class is", "classes are") == "0 classes are"
    assert counted(1_234_567, "class is", "classes are") == "1,234,567 classes are"
