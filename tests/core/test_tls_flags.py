"""The rules for the flags of TLS."""

from __future__ import annotations

from pathlib import Path

import pytest

from brownout_core.errors import InvalidSpec
from brownout_core.tls_flags import check_server_tls, check_tls_pair

FILE = Path("file.pem")


@pytest.mark.parametrize(("cert", "key"), [(None, None), (FILE, FILE)])
def test_a_certificate_comes_with_its_key(cert: Path | None, key: Path | None) -> None:
    check_tls_pair(cert, key)
    check_server_tls(cert, key, None)


@pytest.mark.parametrize(("cert", "key"), [(FILE, None), (None, FILE)])
def test_one_without_the_other_is_refused(cert: Path | None, key: Path | None) -> None:
    with pytest.raises(InvalidSpec) as refused:
        check_tls_pair(cert, key)
    assert refused.value.path == "--tls-cert"
    with pytest.raises(InvalidSpec) as refused:
        check_server_tls(cert, key, None)
    assert refused.value.path == "--tls-cert"


def test_a_server_that_asks_for_certificates_needs_its_own() -> None:
    check_server_tls(FILE, FILE, FILE)
    with pytest.raises(InvalidSpec) as refused:
        check_server_tls(None, None, FILE)
    assert refused.value.path == "--tls-client-ca"
