"""Every page of the app and the grant it needs. No Streamlit here: the server and the tests read the list too."""

from __future__ import annotations

from dataclasses import dataclass

from crm.access import Person

ACCOUNT, HOME = "pages/account.py", "pages/home.py"


@dataclass(frozen=True, slots=True)
class PageEntry:
    """One page: where it is, what the menu calls it, and the grant (resource, action) without which it stays shut.

    A resource of None: every signed-in person. `everywhere`: the grant must reach the whole organisation. `is_private`: it
    shows what is nobody's but one's own, so it stays shut to whoever looks as somebody else.
    """

    path: str
    url: str
    title: str
    icon: str
    group: str
    resource: str | None = None
    action: str = "view"
    everywhere: bool = False
    is_in_menu: bool = True
    is_default: bool = False
    is_private: bool = False

    def is_open_to(self, person: Person) -> bool:
        if self.is_private and person.is_viewed:
            return False
        return self.resource is None or reaches(person, self.resource, self.action, everywhere=self.everywhere)


def reaches(person: Person, resource: str, action: str, *, everywhere: bool = False) -> bool:
    """Whether they hold the grant at all, or (`everywhere`) for the whole organisation."""
    reach = person.reach(resource, action)
    return reach.everywhere if everywhere else not reach.is_none


PAGES: tuple[PageEntry, ...] = (
    PageEntry(HOME, "", "Home", ":material/home:", "Work", "lead", is_default=True),
    PageEntry("pages/board.py", "board", "Board", ":material/view_kanban:", "Work", "lead"),
    PageEntry("pages/leads.py", "leads", "Leads", ":material/table_rows:", "Work", "lead"),
    PageEntry("pages/lead.py", "lead", "Lead", ":material/article:", "Work", "lead", is_in_menu=False),
    PageEntry("pages/customers.py", "customers", "Customers", ":material/storefront:", "Work", "customer"),
    PageEntry("pages/conflicts.py", "conflicts", "Conflicts", ":material/call_split:", "Work", "lead", is_private=True),
    PageEntry("pages/dashboards.py", "dashboards", "Dashboards", ":material/dashboard:", "Understand", "report"),
    PageEntry("pages/pipeline_report.py", "pipeline", "Pipeline", ":material/filter_alt:", "Understand", "report"),
    PageEntry("pages/forecast.py", "forecast", "Forecast", ":material/query_stats:", "Understand", "report"),
    PageEntry("pages/win_loss.py", "win-loss", "Win and loss", ":material/trophy:", "Understand", "report"),
    PageEntry("pages/team_report.py", "team-report", "Team and activity", ":material/leaderboard:", "Understand", "report"),
    PageEntry("pages/revenue.py", "revenue", "Revenue", ":material/payments:", "Understand", "report"),
    PageEntry("pages/stale.py", "stale", "Stale", ":material/hourglass_empty:", "Understand", "report"),
    PageEntry("pages/explore.py", "explore", "Explore", ":material/insights:", "Understand", "report"),
    PageEntry("pages/pipelines.py", "pipelines", "Pipelines", ":material/view_column:", "Shape", "pipeline", "configure"),
    PageEntry("pages/fields.py", "fields", "Fields", ":material/label:", "Shape", "field", "configure"),
    PageEntry("pages/templates.py", "templates", "Templates", ":material/mail:", "Shape", "template"),
    PageEntry("pages/people.py", "people", "People", ":material/group:", "Shape", "person", "configure", everywhere=True),
    PageEntry("pages/roles.py", "roles", "Roles", ":material/key:", "Shape", "role", "configure", everywhere=True),
    PageEntry("pages/access.py", "access", "Access", ":material/help:", "Shape", "role"),
    PageEntry("pages/goals.py", "goals", "Goals", ":material/flag:", "Shape", "goal", "configure"),
    PageEntry("pages/assignment.py", "assignment", "Assignment", ":material/person_add:", "Shape", "pipeline", "configure"),
    PageEntry("pages/orders.py", "orders", "Orders", ":material/sync_alt:", "Shape", "settings", "configure", everywhere=True),
    PageEntry("pages/settings.py", "settings", "Organisation", ":material/domain:", "Shape", "settings", "configure", everywhere=True),
    PageEntry("pages/audit.py", "audit", "Audit", ":material/history:", "Shape", "audit", everywhere=True),
    PageEntry(ACCOUNT, "account", "My account", ":material/account_circle:", "", is_in_menu=False, is_private=True),
)
