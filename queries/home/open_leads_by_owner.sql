-- name: open_leads_by_owner
-- answers: what does everybody have on their desk, and what of it waits too long?
-- grain: one row per owner of open leads in sight, and one for those that nobody owns
-- params: owner_id bigint or null (null for everybody); quiet_before timestamptz; moved_since timestamptz; now timestamptz;
--   closes_from date (inclusive); closes_before date (exclusive)
-- columns: owner_id bigint (null for nobody); leads bigint; value_usd numeric; quiet bigint (not contacted since quiet_before);
--   stalled bigint (longer in their stage than its target); moved bigint (came into their stage at moved_since or later);
--   closing bigint (expected to close in the period); closing_usd numeric (their value, weighted by the chance of their stage)

select
    l.owner_id,
    count(*) as leads,
    coalesce(sum(l.value_usd), 0) as value_usd,
    count(*) filter (where coalesce(l.last_contacted_at, l.created_at) < :quiet_before) as quiet,
    count(*) filter (where l.stage_entered_at < :now - make_interval(days => s.target_days)) as stalled,
    count(*) filter (where l.stage_entered_at >= :moved_since) as moved,
    count(*) filter (where l.expected_close_on >= :closes_from and l.expected_close_on < :closes_before) as closing,
    round(coalesce(sum(l.value_usd * s.probability) filter (where l.expected_close_on >= :closes_from and l.expected_close_on < :closes_before), 0), 2) as closing_usd
from crm.leads as l
join crm.stages as s on s.id = l.stage_id
where l.deleted_at is null
    and s.kind = 'open'
    and (:owner_id is null or l.owner_id = :owner_id)
group by l.owner_id
order by value_usd desc, l.owner_id
