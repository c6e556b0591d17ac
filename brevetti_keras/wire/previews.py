"""What some samples look like to a network: `Preview`, as the platform answers it."""

from pydantic import Field

from brevetti_keras.wire.records import Record


class PreviewView(Record):
    """One sample as one image pipeline of the settings gives it, and varied by one augmenter where that is named.

    `pipeline` and `augmentation` are dotted names of settings; `shape` is what the network gets, `image` a picture of
    it as a data URL (PNG, made smaller where it is large). Where it could not be made, `problem` says why.
    """

    pipeline: str
    augmentation: str = ""
    shape: tuple[int, ...] = ()
    image: str = ""
    problem: str = ""


class PreviewSample(Record):
    """A sample and its views; `label` is its folder's or the CSV's."""

    path: str
    label: str
    dataset_id: str
    views: tuple[PreviewView, ...] = ()


class Preview(Record):
    """Some samples of datasets, as a network with certain settings will get them.

    `errors` holds what is wrong with each wrong setting by its dotted name; there are no samples then. `notes` are
    lines about what is not shown.
    """

    errors: dict[str, str] = Field(default_factory=dict)
    samples: tuple[PreviewSample, ...] = ()
    notes: tuple[str, ...] = ()
