"""Certificates for tests of TLS, made by the openssl program."""

from __future__ import annotations

import subprocess
from pathlib import Path


class Authority:
    """A certificate authority of a test. `certificate` is its own, in PEM."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self._folder = folder
        self._run("req", "-x509", *_KEY, "-keyout", "ca.key", "-out", "ca.pem", "-days", "2", "-subj", "/CN=Test CA")
        self.certificate = (folder / "ca.pem").read_bytes()

    def issue(self, name: str, *, expired: bool = False) -> tuple[bytes, bytes]:
        """A certificate for that host or client, and its key; one that has `expired` was good for a day long ago."""
        (self._folder / "extensions").write_text(f"subjectAltName = DNS:{name}\n")
        self._run("req", "-new", *_KEY, "-keyout", "key.pem", "-out", "request.pem", "-subj", f"/CN={name}")
        if expired:
            return self._expired()
        self._run(
            "x509", "-req", "-in", "request.pem", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial",
            "-days", "2", "-extfile", "extensions", "-out", "certificate.pem",
        )  # fmt: skip
        return (self._folder / "certificate.pem").read_bytes(), (self._folder / "key.pem").read_bytes()

    def _expired(self) -> tuple[bytes, bytes]:
        """Of the request that there is; `openssl x509` has no flag for a time that has passed."""
        (self._folder / "ca.conf").write_text(_CA)
        (self._folder / "index").write_text("")
        (self._folder / "serial").write_text("01\n")
        self._run("ca", "-batch", "-config", "ca.conf", "-in", "request.pem", "-out", "certificate.pem", "-notext",
                  "-startdate", "200101000000Z", "-enddate", "200102000000Z", "-extfile", "extensions")  # fmt: skip
        return (self._folder / "certificate.pem").read_bytes(), (self._folder / "key.pem").read_bytes()

    def _run(self, *words: str) -> None:
        subprocess.run(["openssl", *words], cwd=self._folder, check=True, capture_output=True)


_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")

_CA = """\
[ca]
default_ca = test
[test]
database = index
serial = serial
new_certs_dir = .
certificate = ca.pem
private_key = ca.key
default_md = sha256
policy = any
[any]
commonName = supplied
"""
