"""Who may do what, and as whom the database is asked. Every door goes through `acting_as`."""

from crm.access.acting import acting_as, as_system, person_of, reach_of, writing
from crm.access.person import OPERATOR, RESOURCES, Membership, Person, Reach, closed_field, load, missing_grant, scopes_of

__all__ = ["OPERATOR", "RESOURCES", "Membership", "Person", "Reach", "acting_as", "as_system", "closed_field", "load", "missing_grant", "person_of",
           "reach_of", "scopes_of", "writing"]  # fmt: skip
