"""The data plane of Brownout: a TCP proxy that moves bytes faithfully until it is told to hurt them."""
