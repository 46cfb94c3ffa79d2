"""CIFAR-10 is downloaded once, atomically; the tests need no network."""

import hashlib
import http.server
import logging
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from neuralopt.tasks.cifar10 import download as cifar10_download
from neuralopt.tasks.cifar10.download import (
    BINARY,
    PYTHON,
    cache_folder,
    copy_of_cifar10,
    fetch,
)
from neuralopt.tasks.cifar10.tasks import cifar10_conv
from tests.tasks import cifar10_builders as builders


class Site:
    """What the server gives, and how often it was asked."""

    def __init__(self, content):
        self.content, self.length, self.status = content, len(content), 200
        self.asked = 0
        self.first, self.go_on = threading.Event(), threading.Event()
        self.go_on.set()


@pytest.fixture
def site(tmp_path, monkeypatch):
    """The official archive, as a small one on a server of this process."""
    content = builders.write(tmp_path / "made", "binary archive").read_bytes()
    site = Site(content)

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            site.asked += 1
            site.first.set()
            assert site.go_on.wait(20)
            self.send_response(site.status)
            self.send_header("Content-Length", str(site.length))
            self.end_headers()
            self.wfile.write(site.content)

        def log_message(self, *arguments):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("no_proxy", "*")
    address = f"http://127.0.0.1:{server.server_port}/{BINARY}"
    monkeypatch.setattr(cifar10_download, "URL", address)
    digest = hashlib.md5(content, usedforsecurity=False).hexdigest()
    monkeypatch.setattr(cifar10_download, "MD5", digest)
    yield site
    server.shutdown()
    server.server_close()
    thread.join()


def complaint(*arguments):
    with pytest.raises(ValueError, match=r".") as caught:
        copy_of_cifar10(*arguments)
    said = str(caught.value)
    assert "\n" not in said
    return said


def held():
    return sorted(each.name for each in cache_folder().iterdir())


def test_without_a_copy_the_remedies_are_named(site):
    said = complaint("", False)
    assert f"no copy of CIFAR-10 in {cache_folder()}: get http" in said
    assert "task.path=FILE" in said
    assert "task.download=true" in said
    assert site.asked == 0
    assert not cache_folder().exists()


def test_the_archive_is_fetched_once_and_kept(site):
    place = copy_of_cifar10("", True)
    assert place == cache_folder() / BINARY
    assert place.read_bytes() == site.content
    assert held() == [BINARY]
    for download in (True, False):
        assert copy_of_cifar10("", download) == place
    assert site.asked == 1


def test_a_task_can_be_made_of_what_is_fetched(site, tmp_path):
    fetched = cifar10_conv(download=True)
    copied = cifar10_conv(path=str(builders.write(tmp_path, "python folder")))
    assert fetched.fingerprint == copied.fingerprint
    assert cifar10_conv().fingerprint == copied.fingerprint


def test_a_path_is_taken_as_it_is_and_nothing_fetched(site, tmp_path, monkeypatch):
    assert copy_of_cifar10("here", True).name == "here"
    monkeypatch.setenv("HOME", str(tmp_path))
    assert copy_of_cifar10("~/here", True) == tmp_path / "here"
    assert site.asked == 0


@pytest.mark.parametrize("name", [PYTHON, BINARY])
def test_an_archive_laid_into_the_cache_folder_is_found(name, site):
    cache_folder().mkdir(parents=True)
    (cache_folder() / name).touch()
    assert copy_of_cifar10("", True) == cache_folder() / name
    assert site.asked == 0


@pytest.mark.parametrize("base", ["", "relative"])
def test_the_cache_folder_is_in_the_home_folder_without_xdg(base, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", base)
    monkeypatch.setenv("HOME", "/home/somebody")
    assert str(cache_folder()) == "/home/somebody/.cache/neuralopt"


def test_a_file_of_another_checksum_leaves_nothing(site, monkeypatch):
    monkeypatch.setattr(cifar10_download, "MD5", "0" * 32)
    said = complaint("", True)
    assert hashlib.md5(site.content, usedforsecurity=False).hexdigest() in said
    assert f"not {'0' * 32}; it was removed: try again" in said
    assert held() == []


def test_a_file_that_is_cut_off_leaves_nothing(site):
    site.content = site.content[:1000]
    said = complaint("", True)
    assert f"broke off after 1000 of {site.length} bytes" in said
    assert held() == []


def test_a_page_that_is_not_there_leaves_nothing(site):
    site.status = 404
    said = complaint("", True)
    assert "can't be fetched" in said
    assert "404" in said
    assert "task.path=FILE" in said
    assert held() == []


def test_no_network_leaves_nothing(site, monkeypatch):
    monkeypatch.setattr(cifar10_download, "URL", "http://127.0.0.1:1/nothing")
    said = complaint("", True)
    assert "http://127.0.0.1:1/nothing can't be fetched" in said
    assert "Connection refused" in said
    assert held() == []


def test_a_folder_that_can_t_be_made_is_one_line(site, tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert "can't be fetched" in complaint("", True)
    assert site.asked == 0


def test_a_home_that_there_is_not_is_one_line():
    assert "looked for (Could not determine home" in complaint("~no such user/x", True)


def test_ctrl_c_leaves_nothing(site, monkeypatch):
    def interrupted(file):
        file.write(b"some")
        raise KeyboardInterrupt

    monkeypatch.setattr(cifar10_download, "_receive", interrupted)
    with pytest.raises(KeyboardInterrupt):
        copy_of_cifar10("", True)
    assert held() == []


def test_files_that_a_killed_process_left_do_not_block_a_download(site):
    cache_folder().mkdir(parents=True)
    (cache_folder() / f"{BINARY}.split").write_bytes(b"half of another file")
    assert copy_of_cifar10("", True).read_bytes() == site.content
    assert held() == [BINARY]


def test_of_many_workers_one_fetches(site):
    # The lock belongs to an open file: threads exclude one another as processes do.
    site.go_on.clear()
    with ThreadPoolExecutor(8) as pool:
        asking = [pool.submit(copy_of_cifar10, "", True) for _ in range(8)]
        assert site.first.wait(20)
        assert not any(each.done() for each in asking)
        assert held() == [f"{BINARY}.split"]
        site.go_on.set()
        places = {each.result(20) for each in asking}
    assert places == {cache_folder() / BINARY}
    assert site.asked == 1
    assert held() == [BINARY]


def test_after_a_failure_the_next_worker_tries(site, monkeypatch):
    site.status = 500
    site.go_on.clear()
    with ThreadPoolExecutor(3) as pool:
        asking = [pool.submit(fetch, cache_folder() / BINARY) for _ in range(3)]
        assert site.first.wait(20)
        site.go_on.set()
        errors = [each.exception(20) for each in asking]
    assert all(isinstance(error, ValueError) for error in errors)
    assert site.asked == 3
    assert held() == []


def test_a_long_download_says_how_far_it_is(site, monkeypatch, caplog):
    with caplog.at_level(logging.WARNING, "neuralopt"):
        copy_of_cifar10("", True)
        assert caplog.messages == []  # a short one says nothing
        (cache_folder() / BINARY).unlink()
        monkeypatch.setattr(cifar10_download, "SILENCE", 0.0)
        copy_of_cifar10("", True)
    size = f"{len(site.content) / 1e6:.0f}"
    assert caplog.messages[-1] == f"fetching CIFAR-10, once: {size} of {size} MB"
