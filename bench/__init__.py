"""Speed and precision: the comparison with other relays (`python -m bench`), and the guards that hold it in CI.

Linux only: costs are read from /proc and from the CPU clocks of other processes. Only ratios within one run count.
"""
