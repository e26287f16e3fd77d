-- name: LockEvents :exec
-- Held until commit: see the table. The two numbers spell NOVA, EVNT.
select pg_advisory_xact_lock(1313822273, 1163284052);

-- name: InsertEvent :one
insert into events (type, project_id, subject_kind, subject_id, operation_id, data, at)
values ($1, $2, $3, $4, $5, $6, clock_timestamp())
returning sequence;

-- name: NotifyEvents :exec
select pg_notify('novacron_events', @sequence::text);

-- name: EventsAfter :many
select * from events
where sequence > @after and (@project_id::text = '' or project_id is null or project_id = @project_id)
order by sequence
limit @page_size;

-- name: LastSequence :one
select coalesce(max(sequence), 0)::bigint from events;
