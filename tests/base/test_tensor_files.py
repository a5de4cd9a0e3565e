"""Files of weights, two of them written by PyTorch 2.13, and a pickle that wants to run something."""

import base64
import io
import json
import pickle
import tracemalloc
import zipfile

import numpy as np
import pytest

from jaxgan.base.tensor_files import read_tensors

# torch.save({"a.weight": arange(6.0).reshape(2, 3).t(), "b": tensor([1, 2, 3]), "h": tensor([0.5], dtype=float16)})
NEW = (
    "UEsDBAAACAgAAAAAAAAAAAAAAAAAAAAAAAAQABIAYXJjaGl2ZS9kYXRhLnBrbEZCDgBaWlpaWlpaWlpaWlpaWoACfXEAKFgIAAAAYS53ZWlnaH"
    "RxAWN0b3JjaC5fdXRpbHMKX3JlYnVpbGRfdGVuc29yX3YyCnECKChYBwAAAHN0b3JhZ2VxA2N0b3JjaApGbG9hdFN0b3JhZ2UKcQRYAQAAADBx"
    "BVgDAAAAY3B1cQZLBnRxB1FLAEsDSwKGcQhLAUsDhnEJiWNjb2xsZWN0aW9ucwpPcmRlcmVkRGljdApxCilScQt0cQxScQ1YAQAAAGJxDmgCKC"
    "hoA2N0b3JjaApMb25nU3RvcmFnZQpxD1gBAAAAMXEQaAZLA3RxEVFLAEsDhXESSwGFcROJaAopUnEUdHEVUnEWWAEAAABocRdoAigoaANjdG9y"
    "Y2gKSGFsZlN0b3JhZ2UKcRhYAQAAADJxGWgGSwF0cRpRSwBLAYVxG0sBhXEciWgKKVJxHXRxHlJxH3UuUEsHCCyMOHZGAQAARgEAAFBLAwQAAA"
    "gIAAAAAAAAAAAAAAAAAAAAAAAAFwA1AGFyY2hpdmUvLmZvcm1hdF92ZXJzaW9uRkIxAFpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpa"
    "WlpaWlpaWlpaWlpaWlpaWloxUEsHCLfv3IMBAAAAAQAAAFBLAwQAAAgIAAAAAAAAAAAAAAAAAAAAAAAAGgA3AGFyY2hpdmUvLnN0b3JhZ2VfYW"
    "xpZ25tZW50RkIzAFpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWjY0UEsHCD93cekCAAAAAgAAAFBL"
    "AwQAAAgIAAAAAAAAAAAAAAAAAAAAAAAAEQA/AGFyY2hpdmUvYnl0ZW9yZGVyRkI7AFpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWl"
    "paWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpabGl0dGxlUEsHCIU94xkGAAAABgAAAFBLAwQAAAgIAAAAAAAAAAAAAAAAAAAAAAAADgA+AGFyY2hp"
    "dmUvZGF0YS8wRkI6AFpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWloAAAAAAACAPwAAAE"
    "AAAEBAAACAQAAAoEBQSwcIF5DnkRgAAAAYAAAAUEsDBAAACAgAAAAAAAAAAAAAAAAAAAAAAAAOACwAYXJjaGl2ZS9kYXRhLzFGQigAWlpaWlpa"
    "WlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWgEAAAAAAAAAAgAAAAAAAAADAAAAAAAAAFBLBwiHjcsrGAAAABgAAABQSwMEAAAICA"
    "AAAAAAAAAAAAAAAAAAAAAAAA4ALABhcmNoaXZlL2RhdGEvMkZCKABaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaADhQ"
    "SwcIYarbaQIAAAACAAAAUEsDBAAACAgAAAAAAAAAAAAAAAAAAAAAAAAPAEEAYXJjaGl2ZS92ZXJzaW9uRkI9AFpaWlpaWlpaWlpaWlpaWlpaWl"
    "paWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlozClBLBwjRnmdVAgAAAAIAAABQSwMEAAAICAAAAAAAAAAAAAAAAAAA"
    "AAAAAB4AMgBhcmNoaXZlLy5kYXRhL3NlcmlhbGl6YXRpb25faWRGQi4AWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWl"
    "paWlpaWjA4NDk0ODg4NDc5NjUwNDg3MzUwMTM4OTM1NjM4NDQ0NTgxNTk5MjRQSwcI74QgGigAAAAoAAAAUEsBAgAAAAAICAAAAAAAACyMOHZG"
    "AQAARgEAABAAAAAAAAAAAAAAAAAAAAAAAGFyY2hpdmUvZGF0YS5wa2xQSwECAAAAAAgIAAAAAAAAt+/cgwEAAAABAAAAFwAAAAAAAAAAAAAAAA"
    "CWAQAAYXJjaGl2ZS8uZm9ybWF0X3ZlcnNpb25QSwECAAAAAAgIAAAAAAAAP3dx6QIAAAACAAAAGgAAAAAAAAAAAAAAAAARAgAAYXJjaGl2ZS8u"
    "c3RvcmFnZV9hbGlnbm1lbnRQSwECAAAAAAgIAAAAAAAAhT3jGQYAAAAGAAAAEQAAAAAAAAAAAAAAAACSAgAAYXJjaGl2ZS9ieXRlb3JkZXJQSw"
    "ECAAAAAAgIAAAAAAAAF5DnkRgAAAAYAAAADgAAAAAAAAAAAAAAAAAWAwAAYXJjaGl2ZS9kYXRhLzBQSwECAAAAAAgIAAAAAAAAh43LKxgAAAAY"
    "AAAADgAAAAAAAAAAAAAAAACoAwAAYXJjaGl2ZS9kYXRhLzFQSwECAAAAAAgIAAAAAAAAYarbaQIAAAACAAAADgAAAAAAAAAAAAAAAAAoBAAAYX"
    "JjaGl2ZS9kYXRhLzJQSwECAAAAAAgIAAAAAAAA0Z5nVQIAAAACAAAADwAAAAAAAAAAAAAAAACSBAAAYXJjaGl2ZS92ZXJzaW9uUEsBAgAAAAAI"
    "CAAAAAAAAO+EIBooAAAAKAAAAB4AAAAAAAAAAAAAAAAAEgUAAGFyY2hpdmUvLmRhdGEvc2VyaWFsaXphdGlvbl9pZFBLBgYsAAAAAAAAAB4DLQ"
    "AAAAAAAAAAAAkAAAAAAAAACQAAAAAAAABHAgAAAAAAALgFAAAAAAAAUEsGBwAAAAD/BwAAAAAAAAEAAABQSwUGAAAAAAkACQBHAgAAuAUAAAAA"
)
OLD = (
    "gAKKCmz8nEb5IGqoUBkugAJN6QMugAJ9cQAoWBAAAABwcm90b2NvbF92ZXJzaW9ucQFN6QNYDQAAAGxpdHRsZV9lbmRpYW5xAohYCgAAAHR5cG"
    "Vfc2l6ZXNxA31xBChYBQAAAHNob3J0cQVLAlgDAAAAaW50cQZLBFgEAAAAbG9uZ3EHSwR1dS6AAn1xAChYCAAAAGEud2VpZ2h0cQFjdG9yY2gu"
    "X3V0aWxzCl9yZWJ1aWxkX3RlbnNvcl92MgpxAigoWAcAAABzdG9yYWdlcQNjdG9yY2gKRmxvYXRTdG9yYWdlCnEEWA4AAAA5NDc0NTYxODQ1Nz"
    "cyOHEFWAMAAABjcHVxBksGTnRxB1FLAEsDSwKGcQhLAUsDhnEJiWNjb2xsZWN0aW9ucwpPcmRlcmVkRGljdApxCilScQt0cQxScQ1YAQAAAGJx"
    "DmgCKChoA2N0b3JjaApMb25nU3RvcmFnZQpxD1gOAAAAOTQ3NDU2MDgzOTE4MjRxEGgGSwNOdHERUUsASwOFcRJLAYVxE4loCilScRR0cRVScR"
    "ZYAQAAAGhxF2gCKChoA2N0b3JjaApIYWxmU3RvcmFnZQpxGFgOAAAAOTQ3NDU2MDg5NDA1NzZxGWgGSwFOdHEaUUsASwGFcRtLAYVxHIloCilS"
    "cR10cR5ScR91LoACXXEAKFgOAAAAOTQ3NDU2MDgzOTE4MjRxAVgOAAAAOTQ3NDU2MDg5NDA1NzZxAlgOAAAAOTQ3NDU2MTg0NTc3MjhxA2UuAw"
    "AAAAAAAAABAAAAAAAAAAIAAAAAAAAAAwAAAAAAAAABAAAAAAAAAAA4BgAAAAAAAAAAAAAAAACAPwAAAEAAAEBAAACAQAAAoEA="
)
EXPECTED = {
    "a.weight": np.arange(6, dtype=np.float32).reshape(2, 3).T,
    "b": np.array([1, 2, 3]),
    "h": np.array([0.5], np.float16),
}


def check(tensors):
    assert tensors.keys() == EXPECTED.keys()
    for name, array in EXPECTED.items():
        assert tensors[name].dtype == array.dtype
        np.testing.assert_array_equal(tensors[name], array)


@pytest.mark.parametrize("content", [NEW, OLD], ids=["since 1.6", "before 1.6"])
def test_pytorchs_files(content, tmp_path):
    (tmp_path / "x.pth").write_bytes(base64.b64decode(content))
    check(read_tensors(tmp_path / "x.pth"))


def test_npz(tmp_path):
    np.savez(tmp_path / "x.npz", **EXPECTED)
    check(read_tensors(tmp_path / "x.npz"))


def test_safetensors(tmp_path):
    """As the format is specified: the header's length, the header, the bytes."""
    header, data = {"__metadata__": {"format": "pt"}}, b""
    for name, array in EXPECTED.items():
        dtype = {"float32": "F32", "int64": "I64", "float16": "F16"}[array.dtype.name]
        more = np.ascontiguousarray(array).tobytes()
        header[name] = {"dtype": dtype, "shape": array.shape, "data_offsets": [len(data), len(data) + len(more)]}
        data += more
    text = json.dumps(header).encode()
    (tmp_path / "x.safetensors").write_bytes(len(text).to_bytes(8, "little") + text + data)
    check(read_tensors(tmp_path / "x.safetensors"))


def test_safetensors_whose_tensors_share_their_bytes_are_refused_before_they_are_made(tmp_path):
    entry = {"dtype": "U8", "shape": [4_000_000], "data_offsets": [0, 4_000_000]}
    text = json.dumps({str(number): entry for number in range(500)}).encode()
    (tmp_path / "x.safetensors").write_bytes(len(text).to_bytes(8, "little") + text + bytes(4_000_000))
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match="do not fill it one after another"):
            read_tensors(tmp_path / "x.safetensors")
        assert tracemalloc.get_traced_memory()[1] < 20_000_000
    finally:
        tracemalloc.stop()


def test_npz_with_something_else_in_it(tmp_path):
    np.savez(tmp_path / "x.npz", a=np.ones(2))
    with zipfile.ZipFile(tmp_path / "x.npz", "a") as archive:
        archive.writestr("b.npy", b"no array")
    with pytest.raises(ValueError, match="cannot be read"):
        read_tensors(tmp_path / "x.npz")


class Harmful:
    def __reduce__(self):
        return print, ("harm",)


@pytest.mark.parametrize("packed", [True, False])
def test_a_pickle_that_calls_something_is_refused(packed, tmp_path, capsys):
    path, content = tmp_path / "x.pth", pickle.dumps(Harmful(), protocol=2)
    if packed:
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("x/data.pkl", content)
    else:
        path.write_bytes(content)
    with pytest.raises(ValueError, match="would call"):
        read_tensors(path)
    assert capsys.readouterr().out == ""


def test_a_tensor_that_reaches_beyond_its_numbers_is_refused(tmp_path):
    sound = base64.b64decode(NEW)
    with zipfile.ZipFile(io.BytesIO(sound)) as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    name = next(name for name in entries if name.endswith("data.pkl"))
    # The sizes (3, 2) of the first tensor become (9, 2): K is the pickle's small number, \x86 its pair.
    assert entries[name].count(b"K\x03K\x02\x86") == 1
    entries[name] = entries[name].replace(b"K\x03K\x02\x86", b"K\x09K\x02\x86")
    with zipfile.ZipFile(tmp_path / "x.pth", "w") as archive:
        for entry, content in entries.items():
            archive.writestr(entry, content)
    with pytest.raises(ValueError, match="beyond its numbers"):
        read_tensors(tmp_path / "x.pth")


def test_mistakes_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="no file"):
        read_tensors(tmp_path / "x.pth")
    with pytest.raises(ValueError, match=r"ends in \.npz"):
        read_tensors(tmp_path / "x.h5")
    for ending in (".pth", ".npz", ".safetensors"):
        (tmp_path / f"x{ending}").write_bytes(base64.b64decode(OLD)[:300])
        with pytest.raises(ValueError, match="cannot be read"):
            read_tensors(tmp_path / f"x{ending}")
