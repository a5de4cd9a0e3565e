"""Files of weights, two of them written by PyTorch 2.13, and a pickle that wants to run something."""

import base64
import io
import json
import pickle
import tracemalloc
import zipfile
import zlib

import jax.numpy as jnp
import numpy as np
import pytest
from safetensors.numpy import save_file

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
# By zlib. {"b": tensor([1.5, -2], dtype=bfloat16), "m": tensor([True, False, True]), "s": tensor([-3], dtype=int16)}
# as since and before 1.6; {"netG": {"w": tensor([1., 2.])}, "epoch": 3}; the same with {"netD": {"w": tensor([3.])}}.
KINDS_NEW = (
    "eNqlVc9v0lAcf22hsKrsl25u6rxioqyUAkU30cbUQ01kLCYLF1JKhcaO7rWPGU1MjJOYnUyMZ/+JHTTxMo8ePHj3tpMn/wKj77XatV0YOl5SXiDf"
    "z48v3x+tqUwCgHQaHDlTYAZojt41t43ltoa03NYjS5EzoBE5z+lnEGQ3KAxoQUpHNkbkmn1kWi7XdIxW37TaTWT0XNtpbgscpLPZjRQOdnGk1jEg"
    "40M4WbFsDeVL6/7vHEx4nDxMbjD41rf6kFVpBFNrKlDpAUyr1ABO7Oq6bVmGjky753L3nbbhGO07po44yF2pw1MInq7DMx7TJsx0sXg3ELRtKxCb"
    "9ELycKrLqgyC00SEGcAZIjK72yVcZxE8V4dzXqAL5yNc613bQQHZeS9GgAuYjEJwkZBhngvk46JPdgnBpTq83M/V1FT64z22U8UQ8tSGlmMerATl"
    "yD20nU0NNbcNx8WZK7IUq8q/nzxx8P7Htx3imTzDHSyC8qGDP/VrapbZ6W0aPaTIhZOYKInEQPUx/E5jCfpYA9OgGhhoPUGGTeqtyDdOnDw+lomQ"
    "ZRAPg9WDBRarsMd6yICbkalY5hX5+hgG9qtgn6in1hoHWBIkRqjfiqrnFXllnPQbFKCI/N7Oy10yZ8wI+dtReUGRV8eSb/z8ReRftD5/GV3/yZB8"
    "0Ppj6hc4ov/1XefBaP0lIBwOgJe/azgmnoCnGllATbOtyLn/tMNLYkWUJEksV0pFXpTKhSLP5wuikC8LUqUkFiW+UpRKAnGZ3Pv0Kot9ZD2XFDEb"
    "+AwvkakjzuN7PI4OL4D5CPI1BYatnThJeIgXo4NLg2M2R5wnPIjTEZ43IZ5gAcTh4UnKROBzDIjNbhwbHoMo9m0cm49jwz0cxc4mYlghjg3332Q0"
    "5RB2yP8eboulCHgmCUY0bE1l2at/25u5FiAnYvdd2r8/JP0b48hbHPxK+d/9N0eS9TETXrwf+xtgstwT"
)
KINDS_OLD = (
    "eNptkNtKw0AQhrOb1Op6Pp8Pl/WmmJKWeiWIeBM81ZvcSKjpYiJrtpNsBIVCbwrqM/gAPoav4yMIis62WlC6F8Ps7Oz3/zNt+sTEx/Ph+9b1y+ly"
    "sU2P3kyMLTAK3pRhGM1EKhlI4d/yJI1kDAQbvHF8EZFSgvs8bkT1GOiDx7Co7prcT6N7noLZAqvg5bCYhjJRkHOpZ+ItihUMuZZnaYaMryDvWln2"
    "q0mwegkkUDIJwqKfqUikzE/4ZRaJhq94nMrEvy0xoIWCl9dw7KxfcTB7X9j+oZB1ZVfOe3UGljeBbbuOU7arlV27Wt5xdiDXtRI0M7RCjxXkz1zD"
    "pR0YdkkHRh4DnFjwQOHAKTtJGjzhjYMoUAzYdg1GFYzVYLzr9QYmQrQS9uWlFH3pyf/SdtWBqXDINVFyWkuaHZjRkrOPoSbPKZivwUKXnMLiH/K5"
    "3mIfvfQHXbLLpYoDy4gmiF7RaKSu6rDWQ68r2KjBpl70hV70gKWQQXbpICGTF6nRO697xqv5kxODkJ/08+sbB3GdSw=="
)
ONE_NET = (
    "eNptTz1PAkEQvds7QFdBWjtLbAgiEqm0MFhs/MJmG3M59zawZnPL7M5hNCGhIVF/gz/Av+ZPMLFwD0LnFC+ZN2/mzVuQD6p/P4c/B09ft/vtBbn6"
    "jjzOIWjxZhAEU2vQCKOTmbROmRxCL+B1P9EKUctE5plKcyBvnHoSX6YycepVOojmELd4xZNuYixChREe+U7lCFUW87i8YfIx1FhcFBvPks0lXkI4"
    "B8JD3z1DJNBYMWknBSrtaGLlY6F0lqDMnbHJrEu9U4vXSiuvTMcSKusVOtQmxfs1SaHKG14z6PVOjk77g+5xv9PpQG31lZgWsMXINcL2HQsYWQJl"
    "4RJ23oUPr6VAn93RG5tJK7MLJZDC7uEI6giNEey5VU45NWICTRaVaR4g+M8tTNsk2NTizMP5HxnuavM="
)
TWO_NETS = (
    "eNptkM1OwkAQx9tt+XAVxG+5ecQLqYhETnIgeNj4hZe9mAbLhq1pup3uFqNJEy4k4jP4AL6aj2DiwS0EL7KHSeY/s/P7z0zQOw5+PnrfR0+ft9X6"
    "BF19WTqmYNRoxTCMKBZKeCJwxyyWvgjB1A20pCuBr1TAXBYO/UEI6I1iLaqXiLnSf2USrBTsGs1pUXIRK8gRRC2d+aGCPLGpnc0Q4QgKxE6SJTNT"
    "Q6YuwUwBUVNnz2B5SsQer7uJ8gOJ3Zg9Jn4wdBULpYjdcQNrUo0WMpTuHIwY5BZfcC8QA3W/EDHkaVn3tJvNs5PzVrtx2nIcBwpzV16UQJGgawVr"
    "d8QgaAqYmFNYn3l6+YB5Su8u8U08ZDEbdn1PYdg47kNJQbkPm3LpuwuVFLa4xbUhnuP/gK2mA9u8SEwN2slAmrGbhb0Zz+btKzjow6Gc341FwuNQ"
    "JVZ2nYfsOivsm6sQiNWRsXyTCx065l/e6fwCnsSCLg=="
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
        with pytest.raises(ValueError, match=r"cannot be read as \.safetensors .*offset"):
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
    with pytest.raises(ValueError, match=r"ending in \.npz"):
        read_tensors(tmp_path / "x.h5")
    for ending in (".pth", ".npz", ".safetensors"):
        (tmp_path / f"x{ending}").write_bytes(base64.b64decode(OLD)[:300])
        with pytest.raises(ValueError, match="cannot be read"):
            read_tensors(tmp_path / f"x{ending}")


KINDS = {"b": np.array([1.5, -2], jnp.bfloat16), "m": np.array([True, False, True]), "s": np.array([-3], np.int16)}


@pytest.mark.parametrize("content", [KINDS_NEW, KINDS_OLD, None], ids=["since 1.6", "before 1.6", "safetensors"])
def test_numbers_of_other_types(content, tmp_path):
    path = tmp_path / ("x.safetensors" if content is None else "x.pth")
    if content is None:
        save_file(KINDS, path)
    else:
        path.write_bytes(zlib.decompress(base64.b64decode(content)))
    tensors = read_tensors(path)
    assert {name: x.dtype for name, x in tensors.items()} == {name: x.dtype for name, x in KINDS.items()}
    for name, array in KINDS.items():
        np.testing.assert_array_equal(tensors[name], array)


def test_a_state_dict_beside_other_things(tmp_path):
    one, two = tmp_path / "one.pth", tmp_path / "two.pth"
    one.write_bytes(zlib.decompress(base64.b64decode(ONE_NET)))
    two.write_bytes(zlib.decompress(base64.b64decode(TWO_NETS)))
    assert read_tensors(one)["w"].tolist() == [1, 2]
    assert read_tensors(two, "netD")["w"].tolist() == [3]
    with pytest.raises(ValueError, match="it holds several, so name one by `entry`: netG, netD"):
        read_tensors(two)
    with pytest.raises(ValueError, match="name one by `entry`: netG"):
        read_tensors(one, "epoch")


@pytest.mark.parametrize("ending", [".weights.h5", ".keras"])
def test_files_of_keras_are_answered_with_how_to_save(ending, tmp_path):
    with pytest.raises(ValueError, match=r"numpy.savez\(path, \*\*\{w.path: w.numpy\(\) for w in model.weights"):
        read_tensors(tmp_path / f"x{ending}")
