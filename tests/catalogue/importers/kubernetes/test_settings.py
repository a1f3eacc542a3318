"""Pods are told of others in many ways, and Secrets stay secret in each."""

from __future__ import annotations

import base64

import pytest

from tests.support.builders.imports import applied, edges, guess, workload

DB = workload("db", image="postgres:16")


def web(container: str = "", pod: str = "") -> str:
    return workload("web", container=container, pod=pod) + DB + workload("cart")


def test_variables_refer_to_each_other_and_to_config_maps() -> None:
    found = applied(
        web(
            """
        env:
        - {name: HOST, value: db}
        - {name: DATABASE_URL, value: "postgres://$(HOST):5432/x"}
        - {name: CART_ADDR, valueFrom: {configMapKeyRef: {name: conf, key: cart}}}
        - {name: POD_IP, valueFrom: {fieldRef: {fieldPath: status.podIP}}}
"""
        )
        + "kind: ConfigMap\nmetadata: {name: conf}\ndata: {cart: 'cart:80'}\n"
    )
    assert edges(found) == {"web -> db": "strong", "web -> cart": "strong"}
    assert guess(found, "web -> cart").startswith("strong: CART_ADDR (key cart of configmap/conf) has cart:80 (")


def test_whole_config_maps_are_environment_and_own_variables_win() -> None:
    found = applied(
        web(
            "        envFrom: [{configMapRef: {name: conf}, prefix: X_}]\n"
            "        env: [{name: X_DB_URL, value: none}]\n"
        )
        + "kind: ConfigMap\nmetadata: {name: conf}\ndata: {CART_URL: 'http://cart', DB_URL: 'postgres://db:1'}\n"
    )
    assert edges(found) == {"web -> cart": "strong"}


@pytest.mark.parametrize("section", ["data", "stringData"])
def test_a_secret_gives_hosts_and_nothing_else(section: str) -> None:
    dsn = "postgres://shop:Hunter2@db:5432/shop"
    written = base64.b64encode(dsn.encode()).decode() if section == "data" else dsn
    found = applied(
        web("        env: [{name: DSN, valueFrom: {secretKeyRef: {name: s, key: dsn}}}]\n")
        + f"kind: Secret\nmetadata: {{name: s}}\n{section}: {{dsn: '{written}', token: 'cart:80'}}\n"
    )
    assert edges(found) == {"web -> db": "strong"}
    assert guess(found, "web -> db").startswith("strong: DSN (key dsn of secret/s) has db:5432 (")
    assert "Hunter2" not in str(found.content())


def test_a_secret_that_is_not_there_leaves_the_name_of_its_key() -> None:
    found = applied(web("        env: [{name: DATABASE_URL, valueFrom: {secretKeyRef: {name: s, key: dsn}}}]\n"))
    assert edges(found) == {"web -> db": "weak"}
    assert guess(found, "web -> db").startswith("weak: the name of DATABASE_URL (key dsn of secret/s)")


def test_what_is_no_base64_is_nothing() -> None:
    found = applied(
        web("        envFrom: [{secretRef: {name: s}}]\n")
        + "kind: Secret\nmetadata: {name: s}\ndata: {DB_HOST: 'db'}\n"
    )
    assert edges(found) == {}


def test_a_secret_is_not_passed_on_by_other_variables() -> None:
    found = applied(
        web(
            """
        env:
        - {name: A, valueFrom: {secretKeyRef: {name: s, key: a}}}
        - {name: B_URL, value: "http://$(A).shop.io"}
"""
        )
        + "kind: Secret\nmetadata: {name: s}\nstringData: {a: Hunter2}\n"
    )
    assert "hunter2" not in str(found.content()).lower()


def test_arguments_and_init_containers_count() -> None:
    found = applied(
        web(
            "        args: [--cart-addr=cart:80]\n",
            "      initContainers: [{name: wait, command: [sh, -c, 'until nc -z db:5432; do sleep 1; done']}]",
        )
    )
    assert edges(found) == {"web -> cart": "strong", "web -> db": "strong"}


def test_mounted_configuration_counts_but_for_comments_and_what_is_not_mounted() -> None:
    conf = (
        "kind: ConfigMap\nmetadata: {name: conf}\ndata:\n  nginx.conf: |\n    # proxy_pass http://db:5432;\n"
        "    proxy_pass http://cart:80;\n    # see https://nginx.org\n"
    )
    mounted = web(pod="      volumes: [{name: c, configMap: {name: conf}}]")
    assert edges(applied(mounted + conf)) == {"web -> cart": "strong"}
    assert edges(applied(web() + conf)) == {}


def test_what_several_share_is_no_proof_for_each_of_them() -> None:
    take = "        envFrom: [{configMapRef: {name: conf}}]\n"
    conf = "kind: ConfigMap\nmetadata: {name: conf}\ndata: {CART_URL: 'http://cart'}\n"
    both = web(take) + workload("user", container=take) + conf
    assert edges(applied(both)) == {"web -> cart": "likely", "user -> cart": "likely"}
    assert "which several share" in guess(applied(both), "web -> cart")
    assert edges(applied(web(take) + conf)) == {"web -> cart": "strong"}
