"""Every record type, gathered: importing this module lets the write path, undo and history know all of them."""

from crm.activities import records as activities
from crm.alerts import records as alerts
from crm.assignment import records as assignment
from crm.companies import records as companies
from crm.customers import records as customers
from crm.dashboards import records as dashboards
from crm.fields import records as fields
from crm.goals import records as goals
from crm.leads import records as leads
from crm.organisation import records as organisation
from crm.people import records as people
from crm.pipelines import records as pipelines
from crm.roles import records as roles
from crm.templates import records as templates
from crm.views import records as views

__all__ = [
    "activities", "alerts", "assignment", "companies", "customers", "dashboards", "fields", "goals", "leads", "organisation", "people", "pipelines", "roles",
    "templates", "views",
]  # fmt: skip
