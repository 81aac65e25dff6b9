"""A small portfolio-rebalancing service: FastAPI in front, Beanie on PyMongo's async API behind.

It contains nothing about readygate. It is started behind `readygate wait`, so by the time this
package is imported its collections and indexes exist and the database answers.
"""
