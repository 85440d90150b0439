"""Every table of the first release."""

from alembic import op
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

revision = '0001'
down_revision = None


def upgrade() -> None:
    op.execute("create extension if not exists pg_trgm")
    op.create_table('access_stamps',
    sa.Column('id', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('version', sa.Integer(), server_default=sa.text('1'), nullable=False, comment='grows by one with each recorded change'),
    sa.CheckConstraint('id = 1', name=op.f('ck_access_stamps_one_row')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_access_stamps')),
    schema='crm'
    )
    op.create_table('audit_events',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=False), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), server_default=sa.text('clock_timestamp()'), nullable=False),
    sa.Column('person_id', sa.BigInteger(), nullable=True, comment='who acted; null before sign-in'),
    sa.Column('kind', sa.String(), nullable=False),
    sa.Column('subject', sa.String(), server_default='', nullable=False, comment='what it was done to, such as person 12'),
    sa.Column('address', sa.String(), server_default='', nullable=False),
    sa.Column('facts', postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'::jsonb"), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_audit_events')),
    schema='crm'
    )
    op.create_index('ix_audit_events_at', 'audit_events', ['at'], unique=False, schema='crm')
    op.create_index('ix_audit_events_person_id_at', 'audit_events', ['person_id', 'at'], unique=False, schema='crm')
    op.create_table('exchange_rates',
    sa.Column('currency', sa.CHAR(length=3), nullable=False),
    sa.Column('valid_from', sa.Date(), nullable=False, comment='holds until the next row of the currency'),
    sa.Column('usd_per_unit', sa.Numeric(precision=18, scale=9), nullable=False, comment='USD for one unit of the currency'),
    sa.CheckConstraint('usd_per_unit > 0', name=op.f('ck_exchange_rates_positive')),
    sa.PrimaryKeyConstraint('currency', 'valid_from', name=op.f('pk_exchange_rates')),
    schema='crm'
    )
    op.create_table('markets',
    sa.Column('code', sa.CHAR(length=2), nullable=False, comment='ISO 3166 country'),
    sa.Column('name', sa.String(), nullable=False),
    sa.Column('currency', sa.CHAR(length=3), nullable=False, comment='ISO 4217'),
    sa.PrimaryKeyConstraint('code', name=op.f('pk_markets')),
    schema='crm'
    )
    op.create_table('organisation_settings',
    sa.Column('key', sa.String(), nullable=False),
    sa.Column('version', sa.Integer(), server_default=sa.text('1'), nullable=False, comment='grows by one with each recorded change'),
    sa.Column('value', postgresql.JSONB(astext_type=sa.Text()), nullable=False),
    sa.Column('updated_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.PrimaryKeyConstraint('key', name=op.f('pk_organisation_settings')),
    schema='crm'
    )
    op.create_table('people',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=False), nullable=False),
    sa.Column('version', sa.Integer(), server_default=sa.text('1'), nullable=False, comment='grows by one with each recorded change'),
    sa.Column('email', sa.String(), nullable=False, comment='lower case; the sign-in name'),
    sa.Column('name', sa.String(), nullable=False),
    sa.Column('time_zone', sa.String(), server_default='UTC', nullable=False, comment='IANA name'),
    sa.Column('disabled_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('updated_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.CheckConstraint('email = lower(email)', name=op.f('ck_people_email_lower')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_people')),
    schema='crm'
    )
    op.create_index('uq_people_email', 'people', [sa.literal_column('lower(email)')], unique=True, schema='crm')
    op.create_index('uq_people_name', 'people', [sa.literal_column('lower(name)')], unique=True, schema='crm')
    op.create_table('posting_days',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=False), nullable=False),
    sa.Column('day', sa.Date(), nullable=False, comment='effective day in the reporting time zone'),
    sa.Column('team_id', sa.BigInteger(), nullable=False),
    sa.Column('pipeline_id', sa.BigInteger(), nullable=False),
    sa.Column('stage_id', sa.BigInteger(), nullable=False),
    sa.Column('owner_id', sa.BigInteger(), nullable=True),
    sa.Column('leads', sa.Integer(), nullable=False),
    sa.Column('value_usd', sa.Numeric(precision=18, scale=2), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_posting_days')),
    sa.UniqueConstraint('day', 'team_id', 'pipeline_id', 'stage_id', 'owner_id', name=op.f('uq_posting_days_day_team_id_pipeline_id_stage_id_owner_id'), postgresql_nulls_not_distinct=True),
    schema='crm'
    )
    op.create_index('ix_posting_days_owner_id_day', 'posting_days', ['owner_id', 'day'], unique=False, schema='crm')
    op.create_index('ix_posting_days_team_id_day', 'posting_days', ['team_id', 'day'], unique=False, schema='crm')
    op.create_table('postings',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=False), nullable=False),
    sa.Column('lead_id', sa.BigInteger(), nullable=False),
    sa.Column('kind', sa.String(), nullable=False),
    sa.Column('effective_at', sa.DateTime(timezone=True), nullable=False, comment='when it was so'),
    sa.Column('posted_at', sa.DateTime(timezone=True), server_default=sa.text('clock_timestamp()'), nullable=False, comment='when we knew'),
    sa.Column('team_id', sa.BigInteger(), nullable=False),
    sa.Column('pipeline_id', sa.BigInteger(), nullable=False),
    sa.Column('stage_id', sa.BigInteger(), nullable=False),
    sa.Column('owner_id', sa.BigInteger(), nullable=True),
    sa.Column('other_stage_id', sa.BigInteger(), nullable=True, comment='the stage on the other side; null for one-sided kinds'),
    sa.Column('source', sa.String(), nullable=True),
    sa.Column('market', sa.CHAR(length=2), nullable=True),
    sa.Column('close_month', sa.Date(), nullable=True, comment='first day of the expected close month'),
    sa.Column('leads', sa.SmallInteger(), nullable=False, comment='+1 or -1'),
    sa.Column('value_usd', sa.Numeric(precision=16, scale=2), nullable=False, comment='signed USD'),
    sa.Column('change_set_id', sa.BigInteger(), nullable=True),
    sa.Column('fold_id', sa.Integer(), nullable=True, comment='the fold that counted it; null until then'),
    sa.CheckConstraint("kind in ('created', 'moved', 'owner', 'revalued', 'deleted', 'restored')", name=op.f('ck_postings_kind')),
    sa.CheckConstraint('leads in (1, -1)', name=op.f('ck_postings_leads')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_postings')),
    schema='crm'
    )
    op.create_index('ix_postings_effective_at', 'postings', ['effective_at'], unique=False, schema='crm')
    op.create_index('ix_postings_lead_id', 'postings', ['lead_id', 'effective_at'], unique=False, schema='crm')
    op.create_index('ix_postings_unfolded', 'postings', ['id'], unique=False, schema='crm', postgresql_where=sa.text('fold_id is null'))
    op.create_table('roles',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=False), nullable=False),
    sa.Column('version', sa.Integer(), server_default=sa.text('1'), nullable=False, comment='grows by one with each recorded change'),
    sa.Column('name', sa.String(), nullable=False),
    sa.Column('description', sa.String(), server_default='', nullable=False),
    sa.Column('is_shipped', sa.Boolean(), server_default=sa.text('false'), nullable=False),
    sa.Column('is_organisation_wide', sa.Boolean(), server_default=sa.text('false'), nullable=False, comment='held without a team, as admin is'),
    sa.Column('created_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_roles')),
    sa.UniqueConstraint('name', name=op.f('uq_roles_name')),
    schema='crm'
    )
    op.create_table('sign_in_attempts',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=False), nullable=False),
    sa.Column('email', sa.String(), nullable=False),
    sa.Column('address', sa.String(), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_sign_in_attempts')),
    schema='crm'
    )
    op.create_index('ix_sign_in_attempts_address_at', 'sign_in_attempts', ['address', 'at'], unique=False, schema='crm')
    op.create_index('ix_sign_in_attempts_email_at', 'sign_in_attempts', ['email', 'at'], unique=False, schema='crm')
    op.create_table('stays',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=False), nullable=False),
    sa.Column('lead_id', sa.BigInteger(), nullable=False),
    sa.Column('team_id', sa.BigInteger(), nullable=False),
    sa.Column('pipeline_id', sa.BigInteger(), nullable=False),
    sa.Column('stage_id', sa.BigInteger(), nullable=False),
    sa.Column('owner_id', sa.BigInteger(), nullable=True),
    sa.Column('source', sa.String(), nullable=True),
    sa.Column('market', sa.CHAR(length=2), nullable=True),
    sa.Column('close_month', sa.Date(), nullable=True),
    sa.Column('value_usd', sa.Numeric(precision=16, scale=2), nullable=False),
    sa.Column('entered_by', sa.String(), nullable=False, comment='the kind of posting that began it'),
    sa.Column('stage_entered_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('entered_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('left_at', sa.DateTime(timezone=True), nullable=True),
    sa.CheckConstraint('left_at >= entered_at', name=op.f('ck_stays_in_order')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_stays')),
    schema='crm'
    )
    op.create_index('ix_stays_lead_id_entered_at', 'stays', ['lead_id', 'entered_at'], unique=False, schema='crm')
    op.create_index('ix_stays_stage_id_entered_at', 'stays', ['stage_id', 'entered_at'], unique=False, schema='crm')
    op.create_index('uq_stays_open', 'stays', ['lead_id'], unique=True, schema='crm', postgresql_where=sa.text('left_at is null'))
    op.create_table('teams',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=False), nullable=False),
    sa.Column('version', sa.Integer(), server_default=sa.text('1'), nullable=False, comment='grows by one with each recorded change'),
    sa.Column('name', sa.String(), nullable=False),
    sa.Column('parent_id', sa.BigInteger(), nullable=True, comment='members of the parent team reach this team too'),
    sa.Column('deleted_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('updated_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.ForeignKeyConstraint(['parent_id'], ['crm.teams.id'], name=op.f('fk_teams_parent_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_teams')),
    schema='crm'
    )
    op.create_index('uq_teams_name', 'teams', [sa.literal_column('lower(name)')], unique=True, schema='crm')
    op.create_table('api_keys',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=False), nullable=False),
    sa.Column('person_id', sa.BigInteger(), nullable=False),
    sa.Column('name', sa.String(), nullable=False),
    sa.Column('key_hash', sa.String(), nullable=False, comment='SHA-256 of the key'),
    sa.Column('is_read_only', sa.Boolean(), server_default=sa.text('false'), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('last_used_at', sa.DateTime(timezone=True), nullable=True, comment='written at most once a minute'),
    sa.Column('revoked_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['person_id'], ['crm.people.id'], name=op.f('fk_api_keys_person_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_api_keys')),
    sa.UniqueConstraint('key_hash', name=op.f('uq_api_keys_key_hash')),
    schema='crm'
    )
    op.create_index('ix_api_keys_person_id', 'api_keys', ['person_id'], unique=False, schema='crm')
    op.create_table('change_sets',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=False), nullable=False),
    sa.Column('person_id', sa.BigInteger(), nullable=True),
    sa.Column('source', sa.String(), nullable=False, comment='the door: grid, form, api, bulk, import, undo, demo, ...'),
    sa.Column('label', sa.String(), server_default='', nullable=False, comment='what a person would call it'),
    sa.Column('undoes_id', sa.BigInteger(), nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.ForeignKeyConstraint(['person_id'], ['crm.people.id'], name=op.f('fk_change_sets_person_id')),
    sa.ForeignKeyConstraint(['undoes_id'], ['crm.change_sets.id'], name=op.f('fk_change_sets_undoes_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_change_sets')),
    schema='crm'
    )
    op.create_index('ix_change_sets_person_id_created_at', 'change_sets', ['person_id', 'created_at'], unique=False, schema='crm')
    op.create_index('ix_change_sets_undoes_id', 'change_sets', ['undoes_id'], unique=False, schema='crm', postgresql_where=sa.text('undoes_id is not null'))
    op.create_table('companies',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=False), nullable=False),
    sa.Column('version', sa.Integer(), server_default=sa.text('1'), nullable=False, comment='grows by one with each recorded change'),
    sa.Column('name', sa.String(), nullable=False),
    sa.Column('team_id', sa.BigInteger(), nullable=True),
    sa.Column('owner_id', sa.BigInteger(), nullable=True),
    sa.Column('market', sa.CHAR(length=2), nullable=True, comment='ISO 3166 country'),
    sa.Column('website', sa.String(), nullable=True),
    sa.Column('phone', sa.String(), nullable=True),
    sa.Column('custom', postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'::jsonb"), nullable=False),
    sa.Column('merged_into_id', sa.BigInteger(), nullable=True),
    sa.Column('deleted_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('updated_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.ForeignKeyConstraint(['merged_into_id'], ['crm.companies.id'], name=op.f('fk_companies_merged_into_id')),
    sa.ForeignKeyConstraint(['owner_id'], ['crm.people.id'], name=op.f('fk_companies_owner_id')),
    sa.ForeignKeyConstraint(['team_id'], ['crm.teams.id'], name=op.f('fk_companies_team_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_companies')),
    schema='crm'
    )
    op.create_index('ix_companies_name', 'companies', ['name'], unique=False, schema='crm')
    op.create_index('ix_companies_owner_id', 'companies', ['owner_id'], unique=False, schema='crm')
    op.create_index('ix_companies_team_id_name', 'companies', ['team_id', 'name'], unique=False, schema='crm')
    op.create_table('credentials',
    sa.Column('person_id', sa.BigInteger(), nullable=False),
    sa.Column('password_hash', sa.String(), nullable=False, comment='bcrypt'),
    sa.Column('changed_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.ForeignKeyConstraint(['person_id'], ['crm.people.id'], name=op.f('fk_credentials_person_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('person_id', name=op.f('pk_credentials')),
    schema='crm'
    )
    op.create_table('grants',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=False), nullable=False),
    sa.Column('role_id', sa.BigInteger(), nullable=False),
    sa.Column('resource', sa.String(), nullable=False),
    sa.Column('action', sa.String(), nullable=False),
    sa.Column('scope', sa.String(), nullable=False),
    sa.CheckConstraint("scope in ('none', 'own', 'team', 'all')", name=op.f('ck_grants_scope')),
    sa.ForeignKeyConstraint(['role_id'], ['crm.roles.id'], name=op.f('fk_grants_role_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_grants')),
    sa.UniqueConstraint('role_id', 'resource', 'action', name=op.f('uq_grants_role_id_resource_action')),
    schema='crm'
    )
    op.create_table('idempotency_keys',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=False), nullable=False),
    sa.Column('person_id', sa.BigInteger(), nullable=False),
    sa.Column('key', sa.String(), nullable=False),
    sa.Column('request_hash', sa.String(), nullable=False, comment='SHA-256 of method, path and body'),
    sa.Column('status', sa.Integer(), nullable=True, comment='null while the first request runs'),
    sa.Column('answer', postgresql.JSONB(astext_type=sa.Text()), nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.ForeignKeyConstraint(['person_id'], ['crm.people.id'], name=op.f('fk_idempotency_keys_person_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_idempotency_keys')),
    sa.UniqueConstraint('person_id', 'key', name=op.f('uq_idempotency_keys_person_id_key')),
    schema='crm'
    )
    op.create_table('memberships',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=False), nullable=False),
    sa.Column('person_id', sa.BigInteger(), nullable=False),
    sa.Column('team_id', sa.BigInteger(), nullable=True, comment='null for an organisation-wide role'),
    sa.Column('role_id', sa.BigInteger(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.ForeignKeyConstraint(['person_id'], ['crm.people.id'], name=op.f('fk_memberships_person_id'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['role_id'], ['crm.roles.id'], name=op.f('fk_memberships_role_id')),
    sa.ForeignKeyConstraint(['team_id'], ['crm.teams.id'], name=op.f('fk_memberships_team_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_memberships')),
    sa.UniqueConstraint('person_id', 'team_id', name=op.f('uq_memberships_person_id_team_id'), postgresql_nulls_not_distinct=True),
    schema='crm'
    )
    op.create_index('ix_memberships_role_id', 'memberships', ['role_id'], unique=False, schema='crm')
    op.create_index('ix_memberships_team_id', 'memberships', ['team_id'], unique=False, schema='crm')
    op.create_table('one_time_links',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=False), nullable=False),
    sa.Column('person_id', sa.BigInteger(), nullable=True, comment="null for the first admin's set-up"),
    sa.Column('purpose', sa.String(), nullable=False),
    sa.Column('token_hash', sa.String(), nullable=False),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('used_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.CheckConstraint("purpose in ('ticket', 'reset', 'setup')", name=op.f('ck_one_time_links_purpose')),
    sa.ForeignKeyConstraint(['person_id'], ['crm.people.id'], name=op.f('fk_one_time_links_person_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_one_time_links')),
    sa.UniqueConstraint('token_hash', name=op.f('uq_one_time_links_token_hash')),
    schema='crm'
    )
    op.create_index('ix_one_time_links_person_id', 'one_time_links', ['person_id'], unique=False, schema='crm')
    op.create_table('pipelines',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=False), nullable=False),
    sa.Column('version', sa.Integer(), server_default=sa.text('1'), nullable=False, comment='grows by one with each recorded change'),
    sa.Column('team_id', sa.BigInteger(), nullable=False),
    sa.Column('name', sa.String(), nullable=False),
    sa.Column('position', sa.Integer(), server_default=sa.text('0'), nullable=False, comment="the team's first pipeline takes new leads"),
    sa.Column('deleted_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('updated_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.ForeignKeyConstraint(['team_id'], ['crm.teams.id'], name=op.f('fk_pipelines_team_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_pipelines')),
    schema='crm'
    )
    op.create_index('uq_pipelines_team_id_name', 'pipelines', ['team_id', sa.literal_column('lower(name)')], unique=True, schema='crm')
    op.create_table('sessions',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=False), nullable=False),
    sa.Column('person_id', sa.BigInteger(), nullable=False),
    sa.Column('token_hash', sa.String(), nullable=False, comment="SHA-256 of the cookie's 256-bit token"),
    sa.Column('created_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('last_used_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False, comment='written at most once a minute'),
    sa.Column('address', sa.String(), server_default='', nullable=False, comment='of the sign-in'),
    sa.Column('device', sa.String(), server_default='', nullable=False, comment='browser and system, as the browser says'),
    sa.Column('revoked_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['person_id'], ['crm.people.id'], name=op.f('fk_sessions_person_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_sessions')),
    sa.UniqueConstraint('token_hash', name=op.f('uq_sessions_token_hash')),
    schema='crm'
    )
    op.create_index('ix_sessions_expires_at', 'sessions', ['expires_at'], unique=False, schema='crm')
    op.create_index('ix_sessions_person_id', 'sessions', ['person_id'], unique=False, schema='crm')
    op.create_table('changes',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=False), nullable=False),
    sa.Column('record_type', sa.String(), nullable=False),
    sa.Column('record_id', sa.BigInteger(), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False, comment='the version this change made'),
    sa.Column('change_set_id', sa.BigInteger(), nullable=True),
    sa.Column('person_id', sa.BigInteger(), nullable=True),
    sa.Column('source', sa.String(), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), server_default=sa.text('clock_timestamp()'), nullable=False),
    sa.Column('effective_at', sa.DateTime(timezone=True), nullable=True, comment='where a writer said that it happened earlier'),
    sa.Column('fields', postgresql.JSONB(astext_type=sa.Text()), nullable=False, comment='{"stage_id": [old, new], "custom.size": [old, new]}'),
    sa.ForeignKeyConstraint(['change_set_id'], ['crm.change_sets.id'], name=op.f('fk_changes_change_set_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_changes')),
    sa.UniqueConstraint('record_type', 'record_id', 'version', name=op.f('uq_changes_record_type_record_id_version')),
    schema='crm'
    )
    op.create_index('ix_changes_change_set_id', 'changes', ['change_set_id'], unique=False, schema='crm')
    op.create_table('conflicts',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=False), nullable=False),
    sa.Column('person_id', sa.BigInteger(), nullable=False),
    sa.Column('change_set_id', sa.BigInteger(), nullable=True, comment='the save that met it'),
    sa.Column('record_type', sa.String(), nullable=False),
    sa.Column('record_id', sa.BigInteger(), nullable=False),
    sa.Column('seen_version', sa.Integer(), nullable=False),
    sa.Column('their_version', sa.Integer(), nullable=False, comment="the record's version when they met"),
    sa.Column('their_person_id', sa.BigInteger(), nullable=True, comment='who set theirs'),
    sa.Column('their_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('their_source', sa.String(), nullable=True),
    sa.Column('field', sa.String(), nullable=False),
    sa.Column('seen', postgresql.JSONB(astext_type=sa.Text()), nullable=True),
    sa.Column('theirs', postgresql.JSONB(astext_type=sa.Text()), nullable=True),
    sa.Column('mine', postgresql.JSONB(astext_type=sa.Text()), nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('resolved_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('resolution', sa.String(), nullable=True, comment='mine or theirs'),
    sa.ForeignKeyConstraint(['change_set_id'], ['crm.change_sets.id'], name=op.f('fk_conflicts_change_set_id')),
    sa.ForeignKeyConstraint(['person_id'], ['crm.people.id'], name=op.f('fk_conflicts_person_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_conflicts')),
    schema='crm'
    )
    op.create_index('ix_conflicts_person_id', 'conflicts', ['person_id'], unique=False, schema='crm', postgresql_where=sa.text('resolved_at is null'))
    op.create_index('ix_conflicts_record', 'conflicts', ['record_type', 'record_id'], unique=False, schema='crm')
    op.create_table('contacts',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=False), nullable=False),
    sa.Column('version', sa.Integer(), server_default=sa.text('1'), nullable=False, comment='grows by one with each recorded change'),
    sa.Column('company_id', sa.BigInteger(), nullable=True),
    sa.Column('name', sa.String(), nullable=False),
    sa.Column('email', sa.String(), nullable=True),
    sa.Column('phone', sa.String(), nullable=True),
    sa.Column('title', sa.String(), nullable=True),
    sa.Column('team_id', sa.BigInteger(), nullable=True),
    sa.Column('owner_id', sa.BigInteger(), nullable=True),
    sa.Column('custom', postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'::jsonb"), nullable=False),
    sa.Column('merged_into_id', sa.BigInteger(), nullable=True),
    sa.Column('deleted_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('updated_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.ForeignKeyConstraint(['company_id'], ['crm.companies.id'], name=op.f('fk_contacts_company_id')),
    sa.ForeignKeyConstraint(['merged_into_id'], ['crm.contacts.id'], name=op.f('fk_contacts_merged_into_id')),
    sa.ForeignKeyConstraint(['owner_id'], ['crm.people.id'], name=op.f('fk_contacts_owner_id')),
    sa.ForeignKeyConstraint(['team_id'], ['crm.teams.id'], name=op.f('fk_contacts_team_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_contacts')),
    schema='crm'
    )
    op.create_index('ix_contacts_company_id', 'contacts', ['company_id'], unique=False, schema='crm')
    op.create_index('ix_contacts_email', 'contacts', ['email'], unique=False, schema='crm')
    op.create_index('ix_contacts_owner_id', 'contacts', ['owner_id'], unique=False, schema='crm')
    op.create_index('ix_contacts_team_id', 'contacts', ['team_id'], unique=False, schema='crm')
    op.create_table('stages',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=False), nullable=False),
    sa.Column('version', sa.Integer(), server_default=sa.text('1'), nullable=False, comment='grows by one with each recorded change'),
    sa.Column('pipeline_id', sa.BigInteger(), nullable=False),
    sa.Column('name', sa.String(), nullable=False),
    sa.Column('kind', sa.String(), nullable=False),
    sa.Column('position', sa.Integer(), nullable=False),
    sa.Column('probability', sa.Numeric(precision=4, scale=3), server_default=sa.text('0'), nullable=False, comment='0..1'),
    sa.Column('target_days', sa.Integer(), nullable=True, comment='days a lead should stay here at most'),
    sa.Column('requirements', postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'::jsonb"), nullable=False, comment='{"fields": [...]}: must be filled on entry'),
    sa.Column('deleted_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('updated_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.CheckConstraint("kind in ('open', 'won', 'lost', 'dormant')", name=op.f('ck_stages_kind')),
    sa.CheckConstraint('probability between 0 and 1', name=op.f('ck_stages_probability')),
    sa.ForeignKeyConstraint(['pipeline_id'], ['crm.pipelines.id'], name=op.f('fk_stages_pipeline_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_stages')),
    sa.UniqueConstraint('pipeline_id', 'id', name=op.f('uq_stages_pipeline_id_id')),
    schema='crm'
    )
    op.create_index('uq_stages_pipeline_id_name', 'stages', ['pipeline_id', sa.literal_column('lower(name)')], unique=True, schema='crm')
    op.create_table('leads',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=False), nullable=False),
    sa.Column('version', sa.Integer(), server_default=sa.text('1'), nullable=False, comment='grows by one with each recorded change'),
    sa.Column('name', sa.String(), nullable=False),
    sa.Column('team_id', sa.BigInteger(), nullable=False),
    sa.Column('pipeline_id', sa.BigInteger(), nullable=False),
    sa.Column('stage_id', sa.BigInteger(), nullable=False),
    sa.Column('owner_id', sa.BigInteger(), nullable=True),
    sa.Column('company_id', sa.BigInteger(), nullable=True),
    sa.Column('value_amount', sa.Numeric(precision=14, scale=2), nullable=True, comment='in value_currency'),
    sa.Column('value_currency', sa.CHAR(length=3), nullable=True, comment='ISO 4217'),
    sa.Column('value_usd', sa.Numeric(precision=16, scale=2), nullable=True, comment='USD at the rate of the day the value was set'),
    sa.Column('expected_close_on', sa.Date(), nullable=True),
    sa.Column('next_step', sa.String(), nullable=True),
    sa.Column('source', sa.String(), nullable=True),
    sa.Column('market', sa.CHAR(length=2), nullable=True, comment='ISO 3166 country'),
    sa.Column('email', sa.String(), nullable=True),
    sa.Column('phone', sa.String(), nullable=True),
    sa.Column('lost_reason', sa.String(), nullable=True),
    sa.Column('external_id', sa.String(), nullable=True, comment="the record's key in the system it was imported from; unique per team"),
    sa.Column('custom', postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'::jsonb"), nullable=False),
    sa.Column('came_from_lead_id', sa.BigInteger(), nullable=True, comment='the lead this one continues in another pipeline'),
    sa.Column('merged_into_id', sa.BigInteger(), nullable=True),
    sa.Column('deleted_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('created_by_id', sa.BigInteger(), nullable=True),
    sa.Column('updated_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('effective_at', sa.DateTime(timezone=True), nullable=False, comment='when the present stage, owner, value and so on took effect; a writer may state an earlier time'),
    sa.Column('stage_entered_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('lifetime_usd', sa.Numeric(precision=16, scale=2), server_default=sa.text('0'), nullable=False, comment='derived: USD of all orders'),
    sa.Column('last_order_at', sa.DateTime(timezone=True), nullable=True, comment='derived'),
    sa.Column('last_contacted_at', sa.DateTime(timezone=True), nullable=True, comment='derived: newest call, meeting, mail or message'),
    sa.Column('score', sa.Integer(), nullable=True, comment='derived'),
    sa.CheckConstraint('(value_amount is null) = (value_currency is null)', name=op.f('ck_leads_value_has_currency')),
    sa.CheckConstraint('length(name) between 1 and 300', name=op.f('ck_leads_name_length')),
    sa.ForeignKeyConstraint(['came_from_lead_id'], ['crm.leads.id'], name=op.f('fk_leads_came_from_lead_id')),
    sa.ForeignKeyConstraint(['company_id'], ['crm.companies.id'], name=op.f('fk_leads_company_id')),
    sa.ForeignKeyConstraint(['created_by_id'], ['crm.people.id'], name=op.f('fk_leads_created_by_id')),
    sa.ForeignKeyConstraint(['merged_into_id'], ['crm.leads.id'], name=op.f('fk_leads_merged_into_id')),
    sa.ForeignKeyConstraint(['owner_id'], ['crm.people.id'], name=op.f('fk_leads_owner_id')),
    sa.ForeignKeyConstraint(['pipeline_id', 'stage_id'], ['crm.stages.pipeline_id', 'crm.stages.id'], name='fk_leads_pipeline_id_stage_id'),
    sa.ForeignKeyConstraint(['pipeline_id'], ['crm.pipelines.id'], name=op.f('fk_leads_pipeline_id')),
    sa.ForeignKeyConstraint(['team_id'], ['crm.teams.id'], name=op.f('fk_leads_team_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_leads')),
    schema='crm'
    )
    op.create_index('ix_leads_came_from_lead_id', 'leads', ['came_from_lead_id'], unique=False, schema='crm', postgresql_where=sa.text('came_from_lead_id is not null'))
    op.create_index('ix_leads_company_id', 'leads', ['company_id'], unique=False, schema='crm')
    op.create_index('ix_leads_expected_close_on', 'leads', ['expected_close_on', 'id'], unique=False, schema='crm', postgresql_where=sa.text('deleted_at is null'))
    op.create_index('ix_leads_last_contacted_at', 'leads', [sa.literal_column('last_contacted_at nulls first'), 'id'], unique=False, schema='crm', postgresql_where=sa.text('deleted_at is null'))
    op.create_index('ix_leads_lifetime_usd', 'leads', [sa.literal_column('lifetime_usd desc'), sa.literal_column('id desc')], unique=False, schema='crm', postgresql_where=sa.text('deleted_at is null'))
    op.create_index('ix_leads_merged_into_id', 'leads', ['merged_into_id'], unique=False, schema='crm', postgresql_where=sa.text('merged_into_id is not null'))
    op.create_index('ix_leads_name', 'leads', ['name', 'id'], unique=False, schema='crm', postgresql_where=sa.text('deleted_at is null'))
    op.create_index('ix_leads_owner_id_pipeline_id', 'leads', ['owner_id', 'pipeline_id'], unique=False, schema='crm')
    op.create_index('ix_leads_owner_id_updated_at', 'leads', ['owner_id', sa.literal_column('updated_at desc'), sa.literal_column('id desc')], unique=False, schema='crm', postgresql_where=sa.text('deleted_at is null'))
    op.create_index('ix_leads_stage_id_updated_at', 'leads', ['pipeline_id', 'stage_id', sa.literal_column('updated_at desc'), sa.literal_column('id desc')], unique=False, schema='crm', postgresql_where=sa.text('deleted_at is null'))
    op.create_index('ix_leads_team_id_updated_at', 'leads', ['team_id', sa.literal_column('updated_at desc'), sa.literal_column('id desc')], unique=False, schema='crm', postgresql_where=sa.text('deleted_at is null'))
    op.create_index('ix_leads_updated_at', 'leads', [sa.literal_column('updated_at desc'), sa.literal_column('id desc')], unique=False, schema='crm', postgresql_where=sa.text('deleted_at is null'))
    op.create_index('ix_leads_value_usd', 'leads', [sa.literal_column('value_usd desc nulls last'), sa.literal_column('id desc')], unique=False, schema='crm', postgresql_where=sa.text('deleted_at is null'))
    op.create_index('uq_leads_team_id_external_id', 'leads', ['team_id', 'external_id'], unique=True, schema='crm', postgresql_where=sa.text('external_id is not null and deleted_at is null'))
    op.create_table('activities',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=False), nullable=False),
    sa.Column('version', sa.Integer(), server_default=sa.text('1'), nullable=False, comment='grows by one with each recorded change'),
    sa.Column('lead_id', sa.BigInteger(), nullable=False),
    sa.Column('person_id', sa.BigInteger(), nullable=True, comment='who did it'),
    sa.Column('kind', sa.String(), nullable=False),
    sa.Column('body', sa.String(), server_default='', nullable=False),
    sa.Column('happened_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('duration_minutes', sa.Integer(), nullable=True),
    sa.Column('deleted_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('updated_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.CheckConstraint("kind in ('call', 'meeting', 'note', 'mail_in', 'mail_out', 'message')", name=op.f('ck_activities_kind')),
    sa.CheckConstraint('duration_minutes >= 0', name=op.f('ck_activities_duration')),
    sa.ForeignKeyConstraint(['lead_id'], ['crm.leads.id'], name=op.f('fk_activities_lead_id'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['person_id'], ['crm.people.id'], name=op.f('fk_activities_person_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_activities')),
    schema='crm'
    )
    op.create_index('ix_activities_lead_id_happened_at', 'activities', ['lead_id', 'happened_at'], unique=False, schema='crm')
    op.create_index('ix_activities_person_id', 'activities', ['person_id'], unique=False, schema='crm')
    op.create_table('lead_contacts',
    sa.Column('lead_id', sa.BigInteger(), nullable=False),
    sa.Column('contact_id', sa.BigInteger(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.ForeignKeyConstraint(['contact_id'], ['crm.contacts.id'], name=op.f('fk_lead_contacts_contact_id'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['lead_id'], ['crm.leads.id'], name=op.f('fk_lead_contacts_lead_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('lead_id', 'contact_id', name=op.f('pk_lead_contacts')),
    schema='crm'
    )
    op.create_index('ix_lead_contacts_contact_id', 'lead_contacts', ['contact_id'], unique=False, schema='crm')
    op.create_table('lead_search_texts',
    sa.Column('lead_id', sa.BigInteger(), nullable=False),
    sa.Column('content', sa.String(), nullable=False, comment='lower case: name, company, mail, phone, next step, external id'),
    sa.ForeignKeyConstraint(['lead_id'], ['crm.leads.id'], name=op.f('fk_lead_search_texts_lead_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('lead_id', name=op.f('pk_lead_search_texts')),
    schema='crm'
    )
    op.create_index('ix_lead_search_texts_content', 'lead_search_texts', ['content'], unique=False, schema='crm', postgresql_using='gin', postgresql_ops={'content': 'gin_trgm_ops'})


def downgrade() -> None:
    op.drop_index('ix_lead_search_texts_content', table_name='lead_search_texts', schema='crm', postgresql_using='gin', postgresql_ops={'content': 'gin_trgm_ops'})
    op.drop_table('lead_search_texts', schema='crm')
    op.drop_index('ix_lead_contacts_contact_id', table_name='lead_contacts', schema='crm')
    op.drop_table('lead_contacts', schema='crm')
    op.drop_index('ix_activities_person_id', table_name='activities', schema='crm')
    op.drop_index('ix_activities_lead_id_happened_at', table_name='activities', schema='crm')
    op.drop_table('activities', schema='crm')
    op.drop_index('uq_leads_team_id_external_id', table_name='leads', schema='crm', postgresql_where=sa.text('external_id is not null and deleted_at is null'))
    op.drop_index('ix_leads_value_usd', table_name='leads', schema='crm', postgresql_where=sa.text('deleted_at is null'))
    op.drop_index('ix_leads_updated_at', table_name='leads', schema='crm', postgresql_where=sa.text('deleted_at is null'))
    op.drop_index('ix_leads_team_id_updated_at', table_name='leads', schema='crm', postgresql_where=sa.text('deleted_at is null'))
    op.drop_index('ix_leads_stage_id_updated_at', table_name='leads', schema='crm', postgresql_where=sa.text('deleted_at is null'))
    op.drop_index('ix_leads_owner_id_updated_at', table_name='leads', schema='crm', postgresql_where=sa.text('deleted_at is null'))
    op.drop_index('ix_leads_name', table_name='leads', schema='crm', postgresql_where=sa.text('deleted_at is null'))
    op.drop_index('ix_leads_merged_into_id', table_name='leads', schema='crm', postgresql_where=sa.text('merged_into_id is not null'))
    op.drop_index('ix_leads_expected_close_on', table_name='leads', schema='crm', postgresql_where=sa.text('deleted_at is null'))
    op.drop_index('ix_leads_last_contacted_at', table_name='leads', schema='crm', postgresql_where=sa.text('deleted_at is null'))
    op.drop_index('ix_leads_lifetime_usd', table_name='leads', schema='crm', postgresql_where=sa.text('deleted_at is null'))
    op.drop_index('ix_leads_company_id', table_name='leads', schema='crm')
    op.drop_index('ix_leads_came_from_lead_id', table_name='leads', schema='crm', postgresql_where=sa.text('came_from_lead_id is not null'))
    op.drop_table('leads', schema='crm')
    op.drop_index('uq_stages_pipeline_id_name', table_name='stages', schema='crm')
    op.drop_table('stages', schema='crm')
    op.drop_index('ix_contacts_team_id', table_name='contacts', schema='crm')
    op.drop_index('ix_contacts_owner_id', table_name='contacts', schema='crm')
    op.drop_index('ix_contacts_email', table_name='contacts', schema='crm')
    op.drop_index('ix_contacts_company_id', table_name='contacts', schema='crm')
    op.drop_table('contacts', schema='crm')
    op.drop_index('ix_conflicts_record', table_name='conflicts', schema='crm')
    op.drop_index('ix_conflicts_person_id', table_name='conflicts', schema='crm', postgresql_where=sa.text('resolved_at is null'))
    op.drop_table('conflicts', schema='crm')
    op.drop_index('ix_changes_change_set_id', table_name='changes', schema='crm')
    op.drop_table('changes', schema='crm')
    op.drop_index('ix_sessions_person_id', table_name='sessions', schema='crm')
    op.drop_index('ix_sessions_expires_at', table_name='sessions', schema='crm')
    op.drop_table('sessions', schema='crm')
    op.drop_index('uq_pipelines_team_id_name', table_name='pipelines', schema='crm')
    op.drop_table('pipelines', schema='crm')
    op.drop_index('ix_one_time_links_person_id', table_name='one_time_links', schema='crm')
    op.drop_table('one_time_links', schema='crm')
    op.drop_index('ix_memberships_team_id', table_name='memberships', schema='crm')
    op.drop_index('ix_memberships_role_id', table_name='memberships', schema='crm')
    op.drop_table('memberships', schema='crm')
    op.drop_table('idempotency_keys', schema='crm')
    op.drop_table('grants', schema='crm')
    op.drop_table('credentials', schema='crm')
    op.drop_index('ix_companies_team_id_name', table_name='companies', schema='crm')
    op.drop_index('ix_companies_owner_id', table_name='companies', schema='crm')
    op.drop_index('ix_companies_name', table_name='companies', schema='crm')
    op.drop_table('companies', schema='crm')
    op.drop_index('ix_change_sets_undoes_id', table_name='change_sets', schema='crm', postgresql_where=sa.text('undoes_id is not null'))
    op.drop_index('ix_change_sets_person_id_created_at', table_name='change_sets', schema='crm')
    op.drop_table('change_sets', schema='crm')
    op.drop_index('ix_api_keys_person_id', table_name='api_keys', schema='crm')
    op.drop_table('api_keys', schema='crm')
    op.drop_index('uq_teams_name', table_name='teams', schema='crm')
    op.drop_table('teams', schema='crm')
    op.drop_index('uq_stays_open', table_name='stays', schema='crm', postgresql_where=sa.text('left_at is null'))
    op.drop_index('ix_stays_stage_id_entered_at', table_name='stays', schema='crm')
    op.drop_index('ix_stays_lead_id_entered_at', table_name='stays', schema='crm')
    op.drop_table('stays', schema='crm')
    op.drop_index('ix_sign_in_attempts_email_at', table_name='sign_in_attempts', schema='crm')
    op.drop_index('ix_sign_in_attempts_address_at', table_name='sign_in_attempts', schema='crm')
    op.drop_table('sign_in_attempts', schema='crm')
    op.drop_table('roles', schema='crm')
    op.drop_index('ix_postings_unfolded', table_name='postings', schema='crm', postgresql_where=sa.text('fold_id is null'))
    op.drop_index('ix_postings_lead_id', table_name='postings', schema='crm')
    op.drop_index('ix_postings_effective_at', table_name='postings', schema='crm')
    op.drop_table('postings', schema='crm')
    op.drop_index('ix_posting_days_team_id_day', table_name='posting_days', schema='crm')
    op.drop_index('ix_posting_days_owner_id_day', table_name='posting_days', schema='crm')
    op.drop_table('posting_days', schema='crm')
    op.drop_index('uq_people_name', table_name='people', schema='crm')
    op.drop_index('uq_people_email', table_name='people', schema='crm')
    op.drop_table('people', schema='crm')
    op.drop_table('organisation_settings', schema='crm')
    op.drop_table('markets', schema='crm')
    op.drop_table('exchange_rates', schema='crm')
    op.drop_index('ix_audit_events_person_id_at', table_name='audit_events', schema='crm')
    op.drop_index('ix_audit_events_at', table_name='audit_events', schema='crm')
    op.drop_table('audit_events', schema='crm')
    op.drop_table('access_stamps', schema='crm')
