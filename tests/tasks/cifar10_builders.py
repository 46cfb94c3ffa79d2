"""Small copies of CIFAR-10 with noise as images, in the official layouts."""

import io
import pickle
import struct
import tarfile
from collections import OrderedDict
from pathlib import Path

import numpy as np

KINDS = ("python archive", "binary archive", "python folder", "binary folder")
FOLDERS = {"python": "cifar-10-batches-py", "binary": "cifar-10-batches-bin"}
BATCHES = (*(f"data_batch_{number}" for number in range(1, 6)), "test_batch")


def batches(images_per_batch=30, seed=0):
    """Name of each batch file -> pixels (count, 3072) and classes (count,)."""
    noise = np.random.default_rng(seed)
    return {
        name: (
            noise.integers(0, 256, (images_per_batch, 3072), np.uint8),
            np.arange(images_per_batch, dtype=np.uint8) % 10,
        )
        for name in BATCHES
    }


def binary_file(pixels, classes):
    return np.column_stack([classes, pixels]).astype(np.uint8).tobytes()


def python_file(pixels, classes):
    """As Python 2 and the numpy of those days wrote it: none of them is at hand.

    The opcodes are those of protocol 2; strings are byte strings (SHORT_BINSTRING and
    BINSTRING), which today's pickle no longer writes.
    """

    def string(text):
        return b"U" + bytes([len(text)]) + text.encode()

    def integer(number):
        return b"J" + struct.pack("<i", number)

    kind = b"cnumpy\ndtype\n" + string("u1") + b"K\x00K\x01\x87R"
    kind += b"(K\x03" + string("|") + b"NNN" + integer(-1) * 2 + b"K\x00tb"
    array = b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85"
    array += string("b") + b"\x87R(K\x01" + b"".join(map(integer, pixels.shape))
    array += b"\x86" + kind + b"\x89T" + struct.pack("<i", pixels.size)
    array += pixels.tobytes() + b"tb"
    labels = b"](" + b"".join(integer(int(each)) for each in classes) + b"e"
    names = b"](" + string("leptodactylus_pentadactylus_s_000004.png") * 2 + b"e"
    items = string("batch_label") + string("training batch 1 of 5")
    items += string("labels") + labels + string("data") + array
    return b"\x80\x02}(" + items + string("filenames") + names + b"u."


def files(form, images_per_batch=30, seed=0):
    """Name within an archive -> content, the files beside the batches included."""
    folder = FOLDERS[form]
    write, suffix = (python_file, "") if form == "python" else (binary_file, ".bin")
    made = OrderedDict()
    made[f"{folder}/readme.html"] = b"<html></html>\n"
    for name, batch in batches(images_per_batch, seed).items():
        made[f"{folder}/{name}{suffix}"] = write(*batch)
    if form == "python":
        made[f"{folder}/batches.meta"] = pickle.dumps({"label_names": ["airplane"]}, 2)
    return made


def lay(path, kind, contents):
    """Write files by name as an archive or a folder of this kind; returns its path."""
    path = Path(path)
    form, shape = kind.split()
    if shape == "folder":
        for name, content in contents.items():
            (path / name).parent.mkdir(parents=True, exist_ok=True)
            (path / name).write_bytes(content)
        return path
    path.mkdir(parents=True, exist_ok=True)
    archive = path / f"cifar-10-{form}.tar.gz"
    # The lowest level: noise does not get smaller.
    with tarfile.open(archive, "w:gz", compresslevel=1) as members:
        folder = tarfile.TarInfo(FOLDERS[form])
        folder.type = tarfile.DIRTYPE
        members.addfile(folder)
        for name, content in contents.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            members.addfile(member, io.BytesIO(content))
    return archive


def write(path, kind, images_per_batch=30, seed=0):
    """Write a small copy into the folder `path`; returns what `task.path` takes.

    kind: one of KINDS.
    """
    form = kind.split()[0]
    return lay(path, kind, files(form, images_per_batch, seed))
