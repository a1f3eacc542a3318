"""The payment shop: api-gateway -> auth-service -> payment-service -> PostgreSQL, and Redis for sessions.

Small enough to read in ten minutes, and broken in ways in which real ones are: payment-service comes in three versions.
"""
