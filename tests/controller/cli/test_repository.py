"""What is found in a repository, how deep, and what is read of it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from brownout_controller.cli.repository import find_repository
from brownout_core.errors import InvalidSpec

COMPOSE = "services: {web: {image: w, ports: ['8080:80']}}\n"
MANIFEST = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\n"


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = tmp_path / "shop"
    root.mkdir()
    monkeypatch.chdir(root)
    return root


def _write(root: Path, files: Mapping[str, str]) -> None:
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)


@pytest.mark.parametrize(
    ("files", "compose", "others"),
    [
        (["compose.yaml", "docker-compose.yml"], "compose.yaml", ("docker-compose.yml",)),
        (["deploy/docker-compose.yml"], "deploy/docker-compose.yml", ()),
        (["deploy/local/compose.yml"], "deploy/local/compose.yml", ()),
        (["b/compose.yaml", "a/x/compose.yaml"], "b/compose.yaml", ("a/x/compose.yaml",)),
        (["a/b/c/compose.yaml"], None, ()),
        (["node_modules/x/compose.yaml", ".git/compose.yaml", "tests/compose.yaml"], None, ()),
    ],
)
def test_the_compose_file_nearest_to_the_root_is_read_and_the_others_are_named(
    files: list[str], compose: str | None, others: tuple[str, ...], repository: Path
) -> None:
    _write(repository, dict.fromkeys(files, COMPOSE))
    found = find_repository(repository)
    assert found.compose == (None if compose is None else repository / compose)
    assert found.others == others


@pytest.mark.parametrize(
    ("files", "manifests"),
    [
        (["k8s-specifications/web.yaml", "other/values.yaml"], ["k8s-specifications"]),
        (["infra/k8s/web.yaml"], ["infra/k8s"]),
        (["web.yaml"], ["web.yaml"]),
        (["chart/Chart.yaml", "chart/templates/web.yaml"], []),
    ],
)
def test_manifests_may_be_in_any_folder_up_to_two_levels_deep(
    files: list[str], manifests: list[str], repository: Path
) -> None:
    _write(repository, {name: "x: 1\n" if "Chart" in name or "values" in name else MANIFEST for name in files})
    (repository / ".git").mkdir()
    assert [str(path.relative_to(repository)) for path in find_repository(repository).manifests] == manifests


def test_a_compose_file_goes_before_manifests_which_are_named(repository: Path) -> None:
    _write(repository, {"compose.yaml": COMPOSE, "K8s/web.yaml": MANIFEST})
    found = find_repository(repository)
    assert (found.manifests, found.others) == ((), ("K8s/",))


def test_a_path_may_be_the_compose_file(repository: Path, tmp_path: Path) -> None:
    _write(repository, {"deploy/shop.yaml": COMPOSE, "compose.yaml": COMPOSE})
    found = find_repository(Path("deploy/shop.yaml"))
    assert (found.compose, found.root) == (Path("deploy/shop.yaml"), Path())
    _write(tmp_path, {"else/compose.yaml": COMPOSE})
    assert find_repository(tmp_path / "else" / "compose.yaml").root == tmp_path / "else"
    with pytest.raises(InvalidSpec, match="does not exist"):
        find_repository(Path("nowhere"))


def test_a_link_in_the_repository_is_not_followed(repository: Path, tmp_path: Path) -> None:
    _write(tmp_path, {"else/compose.yaml": COMPOSE})
    (repository / "linked").symlink_to(tmp_path / "else")
    assert find_repository(repository).compose is None


def test_services_of_profiles_are_left_to_who_chooses_the_profile(repository: Path) -> None:
    _write(repository, {"compose.yaml": "services: {web: {image: w}, seed: {image: s, profiles: [seed]}}\n"})
    assert list(find_repository(repository).services) == ["web"]


@pytest.mark.parametrize(
    ("files", "ci", "other"),
    [([".gitlab-ci.yml"], "gitlab", ""), ([".github/workflows/test.yml"], "github", ""),
     (["Jenkinsfile"], None, "Jenkinsfile"), ([], "github", ""), (["Jenkinsfile", ".gitlab-ci.yml"], "gitlab", "")],
)  # fmt: skip
def test_the_ci_is_the_one_that_there_is(files: list[str], ci: str | None, other: str, repository: Path) -> None:
    _write(repository, dict.fromkeys(files, "mine\n"))
    found = find_repository(repository)
    assert (found.ci, found.other_ci) == (ci, other)


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [("pyproject.toml", "[project]\nname = 'till'", "till"), ("package.json", '{"name": "web-shop"}', "web-shop"),
     ("package.json", "{", "shop"), ("pyproject.toml", "[tool.x]", "shop")],
)  # fmt: skip
def test_the_system_is_called_as_the_repository_is(name: str, content: str, expected: str, repository: Path) -> None:
    _write(repository, {name: content})
    assert find_repository(repository).name == expected


@pytest.mark.parametrize(
    ("ports", "published", "taken"),
    [
        ("['8080:80']", {80: 8080}, {8080}),
        ("['127.0.0.1:8081:80']", {80: 8081}, {8081}),
        ("['80']", {}, set()),
        ("[{target: 80, published: 8082}]", {80: 8082}, {8082}),
        ("['3000-3002:4000-4002']", {4000: 3000}, {3000, 3001, 3002}),
        ("['8443:443/tcp', '8080:80']", {443: 8443, 80: 8080}, {8443, 8080}),
        ("['99999:80', 'x:y', '']", {}, set()),
        ("[]", {}, set()),
    ],
)
def test_the_ports_of_this_machine_are_those_that_compose_publishes(
    ports: str, published: Mapping[int, int], taken: set[int], repository: Path
) -> None:
    _write(repository, {"compose.yaml": f"services: {{web: {{image: w, ports: {ports}}}}}\n"})
    machine = find_repository(repository).machine
    assert machine.published.get("web", {}) == published
    assert set(machine.taken) == taken
