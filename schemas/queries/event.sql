-- name: AppendEvents :exec
-- In one statement, since everybody who changes something waits for the lock, which is held until commit: see the table. Its
-- two numbers spell NOVA, EVNT. Being part of the join, it is taken before the first sequence is drawn.
with locked as materialized (select pg_advisory_xact_lock(1313822273, 1163284052)),
appended as (
    insert into events (type, project_id, subject_kind, subject_id, operation_id, data, at)
    select (@types::text[])[position], nullif((@projects::text[])[position], ''), (@subject_kinds::text[])[position],
        (@subject_ids::text[])[position], nullif((@operations::text[])[position], ''), nullif((@datas::text[])[position], '')::jsonb,
        clock_timestamp()
    from locked, generate_subscripts(@types::text[], 1) as position
    order by position
    returning sequence
)
select pg_notify('novacron_events', max(sequence)::text) from appended;

-- name: EventsAfter :many
select * from events
where sequence > @after and (@project_id::text = '' or project_id is null or project_id = @project_id)
order by sequence
limit @page_size;

-- name: LastSequence :one
select coalesce(max(sequence), 0)::bigint from events;
