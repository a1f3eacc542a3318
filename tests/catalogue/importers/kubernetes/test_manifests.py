"""Manifests are found in files, folders and standard input; what is none is told with a remedy."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from brownout_catalogue.importers.kubernetes.manifests import Object, read_manifests
from brownout_core.errors import InvalidSpec, Unavailable
from tests.support.builders.imports import files

POD = "kind: Pod\nmetadata: {name: %s}\n"


def _read(*paths: Path, stdin: str = "") -> tuple[list[Object], list[str]]:
    notes: list[str] = []
    return read_manifests(paths, io.BytesIO(stdin.encode()), notes.append), notes


def test_folders_are_read_to_the_bottom_in_order(tmp_path: Path) -> None:
    files(tmp_path, {"b.yaml": POD % "b", "a/x.yml": POD % "x" + "---\n" + POD % "y", "c.json": json.dumps(
        {"kind": "Pod", "metadata": {"name": "c"}}), "README.md": "{{"})  # fmt: skip
    found, notes = _read(tmp_path)
    assert [(one.title, str(one.place).removeprefix(f"{tmp_path}/")) for one in found] == [
        ("pod/x", "a/x.yml:1"), ("pod/y", "a/x.yml:4"), ("pod/b", "b.yaml:1"), ("pod/c", "c.json"),
    ]  # fmt: skip
    assert notes == []


def test_standard_input_may_be_yaml_or_what_kubectl_prints_as_json() -> None:
    assert [one.name for one in _read(Path("-"), stdin=POD % "a")[0]] == ["a"]
    listed = {"kind": "List", "items": [{"kind": "Pod", "metadata": {"name": "b", "namespace": "n"}}]}
    (found,), _ = _read(Path("-"), stdin=json.dumps(listed))
    assert (found.name, found.namespace) == ("b", "n")


def test_lists_of_the_api_say_their_kind_once() -> None:
    (found,), _ = _read(Path("-"), stdin=json.dumps({"kind": "PodList", "items": [{"metadata": {"name": "b"}}]}))
    assert found.title == "pod/b"


def test_what_is_no_object_is_left_out_and_told(tmp_path: Path) -> None:
    files(tmp_path, {"a.yaml": POD % "a", "values.yaml": "replicas: 3", "nameless.yaml": "kind: Pod"})
    found, notes = _read(tmp_path)
    assert [one.name for one in found] == ["a"]
    assert notes == [f"{tmp_path}/values.yaml has what is no Kubernetes object; it is left out"]


def test_kustomizations_and_charts_below_are_told_with_what_renders_them(tmp_path: Path) -> None:
    files(tmp_path, {"a.yaml": POD % "a", "kustomization.yaml": "kind: Kustomization", "chart/Chart.yaml": "name: x",
                     "chart/templates/x.yaml": "{{ .Values }}"})  # fmt: skip
    found, notes = _read(tmp_path)
    assert [one.name for one in found] == ["a"]
    assert any(f"helm template {tmp_path}/chart | brownout import kubernetes -" in note for note in notes)
    assert any(f"kubectl kustomize {tmp_path} | brownout import kubernetes -" in note for note in notes)


@pytest.mark.parametrize(
    ("contents", "complaint"),
    [
        ({"Chart.yaml": "name: x"}, "is a Helm chart; render it: helm template"),
        ({"a.yaml": "a: {{ .Values.x }}\nb: [\n"}, "is a template, not YAML; render it"),
        ({"a.yaml": "a: {{- if .x }}"}, "is a template"),
        ({"a.yaml": "{{- if .x }}\nkind: Pod\n{{- end }}"}, "is a template"),
        ({"a.yaml": "a: ["}, "a.yaml:1: is not YAML"),
        ({"README.md": ""}, "has no .yaml"),
    ],
)
def test_what_has_to_be_rendered_first_is_one_clear_error(
    tmp_path: Path, contents: dict[str, str], complaint: str
) -> None:
    files(tmp_path, contents)
    with pytest.raises(InvalidSpec, match=complaint):
        _read(tmp_path)


def test_a_missing_path_is_told(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="none"):
        _read(tmp_path / "none")


def test_of_kustomizations_the_bases_are_read_and_overlays_become_a_note(tmp_path: Path) -> None:
    files(
        tmp_path,
        {
            "base/kustomization.yaml": "resources: [web.yaml]\npatches: [{path: less.yaml}]\n",
            "base/web.yaml": POD % "web",
            "base/less.yaml": POD % "web-patch",
            "overlays/prod/kustomization.yaml": "kind: Kustomization\nresources: [../../base]\n",
            "overlays/prod/web.yaml": POD % "web",
            "parts/kustomization.yaml": "kind: Component\n",
            "parts/x.yaml": POD % "x",
        },
    )
    found, notes = _read(tmp_path)
    assert [str(one.place).removeprefix(f"{tmp_path}/") for one in found] == ["base/web.yaml:1"]
    assert any("overlays/prod" in note and "kubectl kustomize" in note for note in notes)


def test_one_file_that_cannot_be_read_is_a_note_and_the_rest_counts(tmp_path: Path) -> None:
    files(tmp_path, {"a.yaml": "kind: {", "b.yaml": POD % "b", "c.yaml": "x: {{ .Values.y }}"})
    found, notes = _read(tmp_path)
    assert [one.name for one in found] == ["b"]
    assert [f"{tmp_path}/{name}" in note for name, note in zip(("a.yaml", "c.yaml"), notes, strict=True)] == [
        True,
        True,
    ]


def test_a_folder_of_which_nothing_can_be_read_is_an_error(tmp_path: Path) -> None:
    files(tmp_path, {"a.yaml": "kind: {"})
    with pytest.raises(InvalidSpec, match=r"a\.yaml"):
        _read(tmp_path)


def test_an_openshift_template_is_its_objects_with_the_defaults_of_its_parameters() -> None:
    template = (
        "kind: Template\nmetadata: {name: t}\nobjects: [{kind: Pod, metadata: {name: '${NAME}-${OTHER}'}}]\n"
        "parameters: [{name: NAME, value: web}, {name: OTHER}]\n"
    )
    assert [one.name for one in _read(Path("-"), stdin=template)[0]] == ["web-${OTHER}"]
