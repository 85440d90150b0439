"""The HTTP API. A door: parse, act as, one use case, answer. `crm.api.app.api` is mounted at `/api`."""
