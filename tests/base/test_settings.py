from ml_collections import ConfigDict

from jaxgan.base.settings import completed


def test_what_is_missing_is_added_and_what_is_there_stays():
    model = ConfigDict({"width": 64, "kind": "a"})
    whole = completed(model, {"kind": "b", "group": 0})
    assert whole.to_dict() == {"width": 64, "kind": "a", "group": 0}
    assert "group" not in model
