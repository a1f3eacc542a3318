# The data plane alone: a sidecar that runs `brownout-proxy` without root.
#
#   docker build --tag brownout .
#   docker run --network container:payments brownout 25432=postgres:5432
#
# The HTTP control listens on 127.0.0.1:8474 inside the container's network namespace, which a sidecar shares with its
# neighbours. To reach it from elsewhere say --host 0.0.0.0; off loopback the proxy then refuses to start
# without --token or --token-file.

FROM python:3.11-slim AS build
WORKDIR /src
RUN python -m venv /opt/brownout
COPY requirements.lock .
RUN /opt/brownout/bin/pip install --no-cache-dir --require-hashes --requirement requirements.lock
COPY pyproject.toml README.md CHANGELOG.md LICENSE ./
COPY proxy proxy
COPY controller controller
RUN /opt/brownout/bin/pip install --no-cache-dir --no-deps . \
    && /opt/brownout/bin/pip uninstall --yes pip

FROM python:3.11-slim
COPY --from=build /opt/brownout /opt/brownout
# A number, so that Kubernetes can check runAsNonRoot without reading /etc/passwd.
USER 10001:10001
EXPOSE 8474
STOPSIGNAL SIGTERM
ENTRYPOINT ["/opt/brownout/bin/brownout-proxy"]
