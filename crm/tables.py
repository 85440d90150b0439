"""Every table, gathered for migrations and the catalogue tests."""

from crm.access import models as access
from crm.activities import models as activities
from crm.alerts import models as alerts
from crm.assignment import models as assignment
from crm.changes import models as changes
from crm.companies import models as companies
from crm.configuration import models as configuration
from crm.customers import models as customers
from crm.dashboards import models as dashboards
from crm.db.base import Base
from crm.exports import models as exports
from crm.fields import models as fields
from crm.goals import models as goals
from crm.leads import models as leads
from crm.ledger import fold_models as folds
from crm.ledger import models as ledger
from crm.organisation import models as organisation
from crm.pipelines import models as pipelines
from crm.templates import models as templates
from crm.views import models as views

__all__ = [
    "Base", "access", "activities", "alerts", "assignment", "changes", "companies", "configuration", "customers", "dashboards", "exports", "fields", "folds",
    "goals", "leads", "ledger", "organisation", "pipelines", "templates", "views",
]  # fmt: skip
