"""Runs one service: `python -m deploy.demo.shop payment-resilient 8083`. Addresses come from the environment."""

import os
import sys
from collections.abc import Callable

from deploy.demo.shop import auth, common, gateway, naive, payment, pool_regression, resilient


def main(service: str, port: str) -> None:
    environment = os.environ
    if service == "gateway":
        app = gateway.make(environment["AUTH_URL"])
    elif service == "auth":
        app = auth.make(environment["REDIS_URL"], environment["PAYMENT_URL"])
    else:
        versions: dict[str, Callable[[str], payment.Ledger]] = {
            "payment-naive": naive.Ledger,
            "payment-resilient": resilient.Ledger,
            "payment-pool-regression": pool_regression.Ledger,
        }
        app = payment.make(versions[service](environment["POSTGRES_DSN"]))
    common.serve(app, int(port))


if __name__ == "__main__":
    main(*sys.argv[1:])
