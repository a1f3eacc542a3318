"""What lets requests in is a gateway; what a policy lets through is a weak guess."""

from __future__ import annotations

from tests.support.builders.imports import applied, edges, guess, workload

SHOP = workload("web") + workload("cart")


def test_an_ingress_is_a_gateway_that_calls_what_it_routes_to() -> None:
    found = applied(
        SHOP
        + """
kind: Ingress
metadata: {name: shop, annotations: {cert-manager.io/cluster-issuer: letsencrypt}}
spec:
  ingressClassName: nginx
  defaultBackend: {service: {name: web, port: {number: 80}}}
  rules:
  - http: {paths: [{path: /cart, backend: {service: {name: cart, port: {name: http}}}}, {backend: {serviceName: gone}}]}
"""
    )
    assert edges(found) == {"ingress-nginx -> web": "strong", "ingress-nginx -> cart": "strong"}
    content = found.services["ingress-nginx"].content()
    assert content["certificate"] == {"rotation": "automatic"}
    assert guess(found, "ingress-nginx -> web").startswith("strong: ingress/shop routes to it (standard input:")


def test_old_ingresses_and_issued_certificates_are_known() -> None:
    found = applied(
        SHOP
        + """
kind: Ingress
metadata: {name: shop, annotations: {kubernetes.io/ingress.class: gce}}
spec: {backend: {serviceName: web, servicePort: 80}, tls: [{secretName: tls}]}
---
kind: Certificate
metadata: {name: c}
spec: {secretName: tls}
"""
    )
    assert edges(found) == {"ingress-gce -> web": "strong"}
    assert found.services["ingress-gce"].rotation == "automatic"


def test_gateways_of_the_gateway_api_and_of_istio_are_found() -> None:
    found = applied(
        SHOP
        + """
kind: HTTPRoute
metadata: {name: r}
spec: {parentRefs: [{name: edge}], rules: [{backendRefs: [{name: web, port: 80}]}]}
---
kind: VirtualService
metadata: {name: v}
spec:
  gateways: [istio-system/public, mesh]
  http: [{route: [{destination: {host: cart.default.svc.cluster.local, port: {number: 80}}}]}]
"""
    )
    assert edges(found) == {"edge -> web": "strong", "public -> cart": "strong"}


def test_a_route_without_a_gateway_or_to_nobody_is_none() -> None:
    found = applied(
        SHOP
        + "kind: VirtualService\nmetadata: {name: v}\nspec: {http: [{route: [{destination: {host: cart}}]}]}\n---\n"
        + "kind: Ingress\nmetadata: {name: i}\nspec: {backend: {serviceName: gone}}\n"
    )
    assert edges(found) == {}
    assert set(found.services) == {"web", "cart"}


def test_a_workload_with_the_name_of_a_gateway_stays_itself() -> None:
    found = applied(
        workload("web")
        + workload("ingress")
        + "kind: Ingress\nmetadata: {name: i}\nspec: {backend: {serviceName: web}}\n"
    )
    assert edges(found) == {"ingress-gateway -> web": "strong"}


def test_network_policies_are_weak_evidence_in_both_directions() -> None:
    found = applied(
        SHOP
        + workload("db", image="postgres")
        + """
kind: NetworkPolicy
metadata: {name: db}
spec:
  podSelector: {matchLabels: {app: db}}
  ingress: [{from: [{podSelector: {matchLabels: {app: cart}}}, {podSelector: {}},
                    {podSelector: {matchLabels: {app: web}}, namespaceSelector: {}}]}]
---
kind: NetworkPolicy
metadata: {name: web}
spec:
  podSelector: {matchLabels: {app: web}}
  egress: [{to: [{podSelector: {matchLabels: {app: cart}}}, {ipBlock: {cidr: 0.0.0.0/0}}]}]
"""
    )
    assert edges(found) == {"cart -> db": "weak", "web -> cart": "weak"}


def test_routes_of_traefik_and_openshift_are_gateways_too() -> None:
    found = applied(
        SHOP
        + """
apiVersion: traefik.io/v1alpha1
kind: IngressRoute
metadata: {name: shop}
spec: {routes: [{match: Host(`x`), services: [{name: web, port: 80}]}]}
---
kind: Route
metadata: {name: cart}
spec: {to: {kind: Service, name: cart}, alternateBackends: [{name: web}], port: {targetPort: 8080}}
"""
    )
    assert edges(found) == dict.fromkeys(
        ("traefik -> web", "openshift-router -> cart", "openshift-router -> web"), "strong"
    )


def test_a_service_entry_is_external() -> None:
    entry = "kind: ServiceEntry\nmetadata: {name: pay}\nspec: {hosts: [api.pay.com, '*.x.com'], ports: [{number: 443}]}"
    found = applied(SHOP + entry)
    assert list(found.external) == ["api.pay.com"]
