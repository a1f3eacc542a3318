"""Workloads become components, under the names by which others find them."""

from __future__ import annotations

import pytest

from brownout_core.errors import InvalidSpec
from tests.support.builders.imports import applied, edges, workload


def test_a_deployment_with_everything_is_one_component() -> None:
    found = applied(
        workload(
            "cart",
            metadata=", namespace: shop",
            spec="  replicas: 3",
            pod="      volumes: [{name: d, persistentVolumeClaim: {claimName: d}},"
            " {name: t, secret: {secretName: tls}}]",
            container="        readinessProbe: {}\n        livenessProbe: {}\n       "
            " resources: {limits: {memory: 256Mi}}\n",
        )
        + "kind: Certificate\nmetadata: {name: c, namespace: shop}\nspec: {secretName: tls}\n"
    )
    assert found.services["cart"].content() == {
        "replicas": 3,
        "stateful": True,
        "memory": "256Mi",
        "probes": ["liveness", "readiness"],
        "certificate": {"rotation": "automatic"},
        "where": {
            "namespace": "shop", "workload": "deployment/cart", "labels": {"app": "cart"},
            "image": "shop/cart:1", "port": 80,
        },
    }  # fmt: skip


def test_replicas_are_those_of_the_autoscaler_and_one_by_default() -> None:
    autoscaler = """
kind: HorizontalPodAutoscaler
metadata: {name: web}
spec: {scaleTargetRef: {kind: Deployment, name: web}, minReplicas: 2}
"""
    found = applied(
        workload("web", spec="  replicas: 9") + workload("cart") + workload("agent", kind="DaemonSet") + autoscaler
    )
    assert [found.services[name].replicas for name in ("web", "cart", "agent")] == [2, 1, None]


def test_jobs_are_workers() -> None:
    found = applied(
        workload("migrate", kind="Job", service=False)
        + """
kind: CronJob
metadata: {name: report}
spec: {jobTemplate: {spec: {template: {spec: {containers: [{name: x, env: [{name: A, value: 'web:80'}]}]}}}}}
---"""
        + workload("web")
    )
    assert [found.services[name].kind for name in ("migrate", "report", "web")] == ["worker", "worker", None]
    assert edges(found) == {"report -> web": "strong"}


def test_a_component_has_the_name_of_its_service() -> None:
    found = applied(
        workload("cart-deployment", service=False, labels="{app: cart}")
        + "kind: Service\nmetadata: {name: cart}\nspec: {selector: {app: cart}}\n---"
        + workload("web", container="        env: [{name: CART_URL, value: 'http://cart'}]\n")
    )
    assert edges(found) == {"web -> cart": "strong"}
    assert found.services["cart"].where["workload"] == "deployment/cart-deployment"


def test_versions_of_an_app_behind_one_service_are_one_component() -> None:
    versions = "".join(
        workload(f"reviews-{v}", service=False, labels=f"{{app: reviews, version: {v}}}", spec="  replicas: 2")
        for v in ("v1", "v2")
    )
    found = applied(versions + "kind: Service\nmetadata: {name: reviews}\nspec: {selector: {app: reviews}}\n")
    assert list(found.services) == ["reviews"]
    assert found.services["reviews"].replicas == 4
    assert any("deployment/reviews-v1 and deployment/reviews-v2" in note for note in found.notes)


def test_different_apps_behind_one_service_stay_apart() -> None:
    both = workload("a", labels="{tier: x, app: a}") + workload("b", labels="{tier: x, app: b}")
    found = applied(both + "kind: Service\nmetadata: {name: all}\nspec: {selector: {tier: x}}\n")
    assert set(found.services) == {"a", "b"}


@pytest.mark.parametrize(
    ("host", "sink"),
    [
        ("cart", "cart"),
        ("cart.shop", "cart"),
        ("cart.shop.svc", "cart"),
        ("cart.shop.svc.cluster.local.", "cart"),
        ("cart-0.cart.shop.svc.cluster.local", "cart"),
        ("cart-0.cart", "cart"),
        ("cart.other.svc.cluster.local", "cart.other.svc.cluster.local"),
        ("cart.shop.io", "cart.shop.io"),
        ("cart.io", "cart.io"),
        ("gone", None),
    ],
)
def test_hosts_are_found_in_every_form_that_the_cluster_s_dns_has(host: str, sink: str | None) -> None:
    found = applied(
        workload("cart", metadata=", namespace: shop")
        + workload(
            "web", metadata=", namespace: shop", container=f"        env: [{{name: CART_HOST, value: {host}}}]\n"
        )
    )
    assert list(edges(found)) == ([] if sink is None else [f"web -> {sink}"])


def test_manifests_without_a_namespace_go_into_any() -> None:
    told = "        env: [{name: CART_HOST, value: cart.shop}, {name: CART_URL, value: 'http://cart.io'}]\n"
    assert list(edges(applied(workload("cart") + workload("web", container=told)))) == ["web -> cart", "web -> cart.io"]


def test_the_same_name_in_two_namespaces_is_two_components() -> None:
    user = workload("web", metadata=", namespace: b", container="        env: [{name: DB_HOST, value: db}]\n")
    found = applied(workload("db", metadata=", namespace: a") + workload("db", metadata=", namespace: b") + user)
    assert set(found.services) == {"db", "db-deployment", "web"}
    assert list(edges(found)) == ["web -> db-deployment"]
    assert found.services["db-deployment"].where["namespace"] == "b"


def test_services_without_pods_are_external() -> None:
    found = applied(
        workload("web", container="        env: [{name: A, value: 'db:5432'}, {name: B, value: 'old:80'}]\n")
        + "kind: Service\nmetadata: {name: db}\nspec: {type: ExternalName, externalName: x.rds.amazonaws.com}\n---\n"
        + "kind: Service\nmetadata: {name: old}\nspec: {ports: [{port: 80}]}\n---\n"
        + "kind: Service\nmetadata: {name: lost}\nspec: {selector: {app: lost}}\n"
    )
    assert edges(found) == {"web -> x.rds.amazonaws.com": "strong", "web -> old": "strong"}
    assert set(found.external) == {"x.rds.amazonaws.com", "old"}
    assert any("service/lost selects no workload" in note for note in found.notes)


def test_a_mesh_is_mutual_tls_where_it_is_certain() -> None:
    space = "kind: Namespace\nmetadata: {name: s, labels: {istio-injection: enabled}}\n---\n"
    strict = "kind: PeerAuthentication\nmetadata: {name: p, namespace: s}\nspec: {mtls: {mode: STRICT}}\n---\n"
    both = workload("a", metadata=", namespace: s", container="        env: [{name: B, value: 'b:80'}]\n") + workload(
        "b", metadata=", namespace: s"
    )
    assert next(applied(space + both).edges()).mtls is False
    assert next(applied(space + strict + both).edges()).mtls is True
    linkerd = [
        workload(name, annotations="{linkerd.io/inject: enabled}", container=env)
        for name, env in (("a", "        env: [{name: B, value: 'b:80'}]\n"), ("b", ""))
    ]
    assert next(applied("".join(linkerd)).edges()).mtls is True


def test_what_is_owned_by_a_workload_is_no_other_one() -> None:
    owned = workload("web-6b7f-abcd", kind="Pod", service=False, metadata=", ownerReferences: [{kind: ReplicaSet}]")
    assert list(applied(workload("web") + owned).services) == ["web"]


def test_an_object_that_is_there_twice_counts_once_and_the_later_one_wins() -> None:
    found = applied(workload("web", spec="  replicas: 1") + workload("web", spec="  replicas: 2"))
    assert found.services["web"].replicas == 2
    assert any("deployment/web is there twice" in note for note in found.notes)


def test_the_container_named_like_the_workload_is_the_main_one() -> None:
    found = applied(
        "kind: Deployment\nmetadata: {name: web}\nspec: {template: {spec: {containers: ["
        "{name: proxy, image: envoy}, {name: web, image: shop/web:1, ports: [{containerPort: 8080}]}]}}}\n"
    )
    assert found.services["web"].where["image"] == "shop/web:1"
    assert found.services["web"].where["port"] == 8080


@pytest.mark.parametrize(
    ("manifests", "complaint"),
    [
        ("kind: Service\nmetadata: {name: a}\n", "has no workload"),
        ("", "has no workload"),
        ("kind: Pod\nmetadata: {name: 'a -> b'}\n", "a workload's name may have"),
    ],
)
def test_nothing_to_make_an_architecture_of_is_an_error(manifests: str, complaint: str) -> None:
    with pytest.raises(InvalidSpec, match=complaint):
        applied(manifests)


@pytest.mark.parametrize(
    "broken",
    [
        "spec: 3",
        "spec: {template: [1]}",
        "spec: {template: {spec: {containers: {a: 1}}}}",
        "spec: {template: {spec: {containers: [3, {env: 4, args: {}, envFrom: [5]}]}}}",
    ],
)
def test_what_no_cluster_would_take_is_read_as_far_as_it_goes(broken: str) -> None:
    assert list(applied(f"kind: Deployment\nmetadata: {{name: web}}\n{broken}\n").services) == ["web"]


def test_hooks_and_tests_of_helm_are_no_components() -> None:
    hook = ", annotations: {helm.sh/hook: test}"
    found = applied(workload("web") + workload("check", kind="Job", metadata=hook, service=False))
    assert list(found.services) == ["web"]
    assert any("job/check" in note for note in found.notes)


def test_knative_rollouts_and_deployment_configs_are_workloads() -> None:
    found = applied(
        workload("web", container="        env: [{name: CART_URL, value: 'http://cart:80'}]\n")
        + workload("old", kind="DeploymentConfig")
        + """
apiVersion: serving.knative.dev/v1
kind: Service
metadata: {name: cart}
spec: {template: {spec: {containers: [{image: shop/cart:1}]}}}
---
kind: Rollout
metadata: {name: web-rollout}
spec: {replicas: 4, workloadRef: {kind: Deployment, name: web}}
"""
    )
    assert sorted(found.services) == ["cart", "old", "web"]
    assert edges(found) == {"web -> cart": "strong"}
    assert found.services["web"].replicas == 4


def test_kinds_that_are_not_understood_are_one_note_with_counts() -> None:
    others = "".join(f"---\nkind: Kafka\nmetadata: {{name: k{number}}}\n" for number in range(3))
    others += "---\nkind: SpringApp\nmetadata: {name: s}\n---\nkind: Role\nmetadata: {name: r}"
    found = applied(workload("web") + others)
    (note,) = [note for note in found.notes if "Kafka" in note]
    assert "3 Kafka" in note
    assert "1 SpringApp" in note
    assert "Role" not in note


def test_gateways_and_services_with_an_outer_address_are_ways_in() -> None:
    outer = "kind: Service\nmetadata: {name: shop-out}\nspec: {type: LoadBalancer, selector: {app: shop}}\n"
    assert list(applied(workload("shop") + workload("cart") + outer).entries) == ["shop"]
    route = "---\nkind: Ingress\nmetadata: {name: i}\nspec: {defaultBackend: {service: {name: cart}}}\n"
    assert list(applied(workload("shop") + workload("cart") + outer + route).entries) == ["ingress"]
