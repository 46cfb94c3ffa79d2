"""Copies of CIFAR-10: all forms are read alike, and bad ones rejected in one line."""

import gzip
import pickle
import tarfile

import numpy as np
import pytest

from neuralopt.tasks.cifar10.files import LARGEST, PIXELS, read_cifar10
from neuralopt.tasks.cifar10.pickle_form import pixels_and_labels
from tests.tasks import cifar10_builders as builders

ONE = {"python": "data_batch_2", "binary": "data_batch_2.bin"}


def complaint(path):
    with pytest.raises(ValueError, match=r".") as caught:
        read_cifar10(path)
    said = str(caught.value)
    assert "\n" not in said
    return said


def place(kind):
    form = kind.split()[0]
    return f"{builders.FOLDERS[form]}/{ONE[form]}"


def with_one(tmp_path, kind, content):
    """A copy in which one batch file is `content`; without it, if that is None."""
    files = builders.files(kind.split()[0])
    if content is None:
        del files[place(kind)]
    else:
        files[place(kind)] = content
    return builders.lay(tmp_path / "copy", kind, files)


@pytest.mark.parametrize("kind", builders.KINDS)
def test_every_form_gives_the_images_that_were_written(kind, tmp_path):
    read = read_cifar10(builders.write(tmp_path, kind, 7, seed=3))
    *training, test = builders.batches(7, seed=3).values()
    pixels, classes = (np.concatenate(each) for each in zip(*training, strict=True))
    assert read.training.pixels.shape == (35, 3, 32, 32)
    assert read.test.pixels.shape == (7, 3, 32, 32)
    assert read.training.pixels.dtype == read.training.classes.dtype == np.uint8
    assert np.array_equal(read.training.pixels.reshape(35, -1), pixels)
    assert np.array_equal(read.training.classes, classes)
    assert np.array_equal(read.test.pixels.reshape(7, -1), test[0])
    assert np.array_equal(read.test.classes, test[1])
    # Planes of red, green and blue, row by row.
    assert read.test.pixels[3, 2, 5, 6] == test[0][3, 2 * 1024 + 5 * 32 + 6]


def test_the_hash_of_a_copy_depends_only_on_its_images(tmp_path):
    copies = [builders.write(tmp_path / kind, kind) for kind in builders.KINDS]
    (record,) = {read_cifar10(copy).sha256 for copy in copies}
    assert len(record) == 64
    other = builders.write(tmp_path / "other", "binary folder", seed=1)
    assert read_cifar10(other).sha256 != record
    name = other / builders.FOLDERS["binary"] / "test_batch.bin"
    (tmp_path / "changed").mkdir()
    builders.write(tmp_path / "changed", "binary folder")
    changed = tmp_path / "changed" / name.relative_to(other)
    content = bytearray(changed.read_bytes())
    content[0] = 9  # a class
    changed.write_bytes(content)
    assert read_cifar10(tmp_path / "changed").sha256 != record


@pytest.mark.parametrize("form", sorted(builders.FOLDERS))
def test_a_folder_may_be_the_folder_of_batches_itself(form, tmp_path):
    path = builders.write(tmp_path, f"{form} folder")
    inside = read_cifar10(path / builders.FOLDERS[form])
    assert inside.sha256 == read_cifar10(path).sha256


def test_of_two_forms_the_complete_one_is_read(tmp_path):
    builders.write(tmp_path, "binary folder", 3, seed=1)
    builders.write(tmp_path, "python folder", 3, seed=2)
    first = read_cifar10(tmp_path).sha256
    assert first == read_cifar10(tmp_path / builders.FOLDERS["binary"]).sha256
    (tmp_path / builders.FOLDERS["binary"] / "test_batch.bin").unlink()
    second = read_cifar10(tmp_path).sha256
    assert second == read_cifar10(tmp_path / builders.FOLDERS["python"]).sha256
    assert second != first


@pytest.mark.parametrize("key", [str, str.encode])
@pytest.mark.parametrize("protocol", range(5))
def test_batches_that_today_s_python_wrote_are_read_too(protocol, key):
    pixels, classes = builders.batches(4)["test_batch"]
    batch = {key("data"): pixels, key("labels"): classes.tolist()}
    read, labels = pixels_and_labels(pickle.dumps(batch, protocol))
    assert np.array_equal(read, pixels)
    assert labels == classes.tolist()
    column_by_column = {"data": np.asfortranarray(pixels), "labels": []}
    read, _ = pixels_and_labels(pickle.dumps(column_by_column, protocol))
    assert np.array_equal(read, pixels)


def test_the_made_up_pickle_is_what_python_takes_it_for(tmp_path):
    pixels, classes = builders.batches(4)["test_batch"]
    batch = pickle.loads(builders.python_file(pixels, classes), encoding="bytes")
    assert np.array_equal(batch[b"data"], pixels)
    assert batch[b"labels"] == classes.tolist()


@pytest.mark.parametrize("kind", builders.KINDS)
def test_a_missing_batch_is_named(kind, tmp_path):
    said = complaint(with_one(tmp_path, kind, None))
    assert f"has no {place(kind)}: get CIFAR-10 again from https://" in said


@pytest.mark.parametrize("kind", builders.KINDS)
def test_a_truncated_batch_is_named(kind, tmp_path):
    whole = builders.files(kind.split()[0])[place(kind)]
    for length in (len(whole) - 1, len(whole) // 2 + 1, 1):
        said = complaint(with_one(tmp_path, kind, whole[:length]))
        assert place(kind) in said
        assert "truncated?" in said or "it cannot be read as a batch" in said


@pytest.mark.parametrize("kind", builders.KINDS)
def test_a_batch_without_images_is_named(kind, tmp_path):
    form = kind.split()[0]
    write = builders.python_file if form == "python" else builders.binary_file
    nothing = write(np.empty((0, PIXELS), np.uint8), np.empty(0, np.uint8))
    said = complaint(with_one(tmp_path, kind, nothing))
    assert f"{place(kind)}: it holds no images" in said


@pytest.mark.parametrize("kind", builders.KINDS)
def test_a_wrong_label_is_named(kind, tmp_path):
    form = kind.split()[0]
    write = builders.python_file if form == "python" else builders.binary_file
    pixels, classes = builders.batches()["data_batch_2"]
    classes[17] = 10
    said = complaint(with_one(tmp_path, kind, write(pixels, classes)))
    assert f"{place(kind)}: label 17 is 10: labels are 0 to 9" in said


@pytest.mark.parametrize("length", [10, 1000, 100_000, -1, -9])
@pytest.mark.parametrize("form", sorted(builders.FOLDERS))
def test_an_archive_that_was_cut_off_is_refused(form, length, tmp_path):
    path = builders.write(tmp_path, f"{form} archive")
    path.write_bytes(path.read_bytes()[:length])
    assert f"{path} is not a valid .tar.gz" in complaint(path)


def test_a_changed_bit_of_an_archive_is_noticed(tmp_path):
    path = builders.write(tmp_path, "binary archive")
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    assert f"{path} is not a valid .tar.gz" in complaint(path)


def test_what_is_not_a_copy_is_refused(tmp_path):
    absent = tmp_path / "absent.tar.gz"
    assert f"{absent} can't be read (No such file" in complaint(absent)
    text = tmp_path / "text.tar.gz"
    text.write_text("<html>404</html>")
    assert "is not a valid .tar.gz: Not a gzipped file" in complaint(text)
    text.write_bytes(gzip.compress(b"<html>404</html>"))
    assert "is not a valid .tar.gz" in complaint(text)
    empty = tmp_path / "empty"
    empty.mkdir()
    assert "holds no CIFAR-10: give cifar-10-python.tar.gz" in complaint(empty)
    with tarfile.open(text, "w:gz") as members:
        members.addfile(tarfile.TarInfo("other"))
    assert "holds no CIFAR-10: give cifar-10-python.tar.gz" in complaint(text)


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE])
def test_a_link_in_an_archive_is_not_followed(kind, tmp_path):
    path = tmp_path / "copy.tar.gz"
    with tarfile.open(path, "w:gz") as members:
        member = tarfile.TarInfo("cifar-10-batches-bin/data_batch_1.bin")
        member.type, member.linkname = kind, "/etc/passwd"
        members.addfile(member)
    assert "data_batch_1.bin is not a regular file" in complaint(path)


@pytest.mark.parametrize("prefix", ["./", "../", "/", "x/"])
def test_members_have_exactly_the_official_names(prefix, tmp_path):
    files = builders.files("binary", 1)
    moved = {prefix + name: content for name, content in files.items()}
    path = builders.lay(tmp_path, "binary archive", moved)
    assert "holds no CIFAR-10" in complaint(path)


def test_a_member_that_is_there_twice_is_refused(tmp_path):
    path = tmp_path / "copy.tar.gz"
    with tarfile.open(path, "w:gz") as members:
        for _ in range(2):
            members.addfile(tarfile.TarInfo("cifar-10-batches-py/test_batch"))
    assert "cifar-10-batches-py/test_batch is there twice" in complaint(path)


@pytest.mark.parametrize("shape", ["archive", "folder"])
def test_a_batch_of_gigabytes_is_not_read(shape, tmp_path):
    path = builders.write(tmp_path, "binary folder", 1)
    file = path / builders.FOLDERS["binary"] / ONE["binary"]
    with file.open("r+b") as batch:
        batch.truncate(LARGEST + 1)  # no byte of it is on the disk
    if shape == "archive":
        folder, path = path / builders.FOLDERS["binary"], tmp_path / "copy.tar.gz"
        with tarfile.open(path, "w:gz", compresslevel=1) as members:
            members.add(folder, folder.name)
    said = complaint(path)
    assert place("binary folder") in said
    assert "more than any batch of CIFAR-10" in said


class Payload:
    """Leaves a file behind where it is unpickled freely."""

    def __init__(self, trace):
        self.trace = trace

    def __reduce__(self):
        return (open, (str(self.trace), "w"))


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("shape", ["archive", "folder"])
def test_a_hostile_pickle_is_refused_and_not_run(protocol, shape, tmp_path):
    trace = tmp_path / "trace"
    pixels, classes = builders.batches()["data_batch_2"]
    batch = {"data": pixels, "labels": [*classes.tolist(), Payload(trace)]}
    hostile = pickle.dumps(batch, protocol)
    pickle.loads(hostile)["labels"][-1].close()
    assert trace.exists()  # it would do harm
    trace.unlink()
    kind = f"python {shape}"
    said = complaint(with_one(tmp_path, kind, hostile))
    assert f"{place(kind)}: it cannot be read as a batch: it asks for" in said
    assert not trace.exists()


REDUCE = b"\x80\x02c%s\n%s\nU\x02id\x85R."


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("os", "system"),
        ("posix", "system"),
        ("builtins", "eval"),
        ("__builtin__", "eval"),
        ("numpy", "load"),
        ("numpy", "ndarray.tofile"),
        ("numpy.core.multiarray", "fromfile"),
        ("_codecs", "lookup"),
        ("codecs", "encode"),
        ("neuralopt.tasks.cifar10.pickle_form", "pickle"),
    ],
)
def test_no_other_name_is_looked_up(module, name):
    content = REDUCE % (module.encode(), name.encode())
    with pytest.raises(ValueError, match=f"asks for '{module}.{name}'"):
        pixels_and_labels(content)


ARRAY = b"cnumpy\nndarray\n)R"


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "it cannot be read as a batch: Ran out of input"),
        (b"\x80\x02].", "holds a list, not a dict"),
        (b"\x80\x02}.", "`data` is not an array"),
        (b"\x80\x02}U\x04data" + ARRAY + b"s.", "`labels` is not a list"),
        (
            b"\x80\x02}(U\x04data" + ARRAY + b"U\x06labels]u.",
            "not a two-dimensional array of bytes",
        ),
        # Attributes of a stand-in itself, which the next file would meet.
        (
            b"\x80\x02cnumpy\nndarray\n}U\x04nameU\x01xsb.",
            "it cannot be read as a batch",
        ),
        (
            b"\x80\x02c_codecs\nencode\nN}U\x04nameU\x01xs\x86b.",
            "cannot be read as a batch",
        ),
        (
            b"\x80\x02c_codecs\nencode\nX\x01\x00\x00\x00xU\x03zip\x86R.",
            "cannot be read as a batch",
        ),
        (b"\x80\x02Pevil\n.", "cannot be read as a batch"),
    ],
)
def test_odd_pickles_are_refused_in_a_line(content, says):
    with pytest.raises(ValueError, match=says) as caught:
        pixels_and_labels(content)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (np.zeros((3, PIXELS), np.int8), "not a two-dimensional array of bytes"),
        (np.zeros((3, PIXELS), np.float32), "not a two-dimensional array of bytes"),
        (np.zeros((3, 3, 32, 32), np.uint8), "not a two-dimensional array of bytes"),
        (np.array([["x", None]], object), "not a two-dimensional array of bytes"),
        (np.zeros((3, 100), np.uint8), "its images have 100 pixels, not 3072"),
        (np.zeros((4, PIXELS), np.uint8), "it has 3 labels for 4 images"),
    ],
)
def test_arrays_of_another_layout_are_refused(data, says, tmp_path):
    content = pickle.dumps({"data": data, "labels": [0, 1, 2]}, 2)
    assert says in complaint(with_one(tmp_path, "python folder", content))


@pytest.mark.parametrize("label", [-1, 10, 1.0, "1", None, [1]])
def test_labels_are_whole_numbers_from_0_to_9(label, tmp_path):
    batch = {"data": np.zeros((1, PIXELS), np.uint8), "labels": [label]}
    said = complaint(with_one(tmp_path, "python folder", pickle.dumps(batch, 2)))
    assert "label 0 is" in said
    assert "labels are 0 to 9" in said


def test_pickles_with_changed_bytes_are_read_or_refused():
    pixels, classes = builders.batches(1)["test_batch"]
    whole = builders.python_file(pixels, classes)
    head = whole.index(pixels.tobytes())  # what is before it and after it
    places = [*range(head), *range(head + pixels.size, len(whole))]
    noise = np.random.default_rng(0)
    complaints = []
    for place in places * 4:
        content = bytearray(whole)
        content[place] = noise.integers(256)
        try:
            pixels_and_labels(bytes(content))
        except ValueError as error:
            complaints.append(str(error))
    assert len(complaints) > len(places)
    assert not any("\n" in complaint for complaint in complaints)
