"""`python -m brownout_proxy` is `brownout-proxy`."""

from __future__ import annotations

from brownout_proxy.cli import proxy_main

if __name__ == "__main__":
    proxy_main()
