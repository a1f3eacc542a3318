"""Where commands send their runs: this process or a controller, and how they follow them."""
