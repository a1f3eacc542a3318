"""The control plane of Brownout: plans experiments, injects faults, watches, reverts and judges."""
