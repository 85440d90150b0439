"""The shapes of answers. They document the API; tests hold real answers against them."""

from crm.api.replies import companies, leads, organisation, problems, reports, settling

__all__ = ["companies", "leads", "organisation", "problems", "reports", "settling"]
