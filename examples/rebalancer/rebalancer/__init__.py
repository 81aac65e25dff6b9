"""A small portfolio-rebalancing service: FastAPI in front, Beanie on PyMongo's async API behind.

app.py            what uvicorn starts
service.py        routes, and what a request is answered when something failed
health.py         health routes
domain.py         models and rebalances as the service thinks of them: no database in it
repositories.py   what is asked of a store, as interfaces
stored.py         both repositories on MongoDB: through Beanie, else through the driver
records.py        raw documents, of every version that was ever written, to domain and back
documents.py      the same for Beanie
database.py       the one connection, and the one initialization
settings.py, logs.py
"""
