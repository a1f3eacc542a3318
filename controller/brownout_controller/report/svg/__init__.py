"""Drawing: time series and time lines as SVG. It knows of no run."""
