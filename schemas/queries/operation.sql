-- name: InsertOperation :one
insert into operations (id, project_id, kind, state, subject_kind, subject_id, subject_name, parent_id, actor, request)
values ($1, $2, $3, 'accepted', $4, $5, $6, $7, $8, $9)
returning id, project_id, kind, state, subject_kind, subject_id, subject_name, parent_id, actor, request, result, error,
          question, leaks, no_return, cancel_requested, run_id, created_at, started_at, ended_at;

-- name: GetOperation :one
select * from operation_records where id = @id and (@project_id::text = '' or project_id = @project_id);

-- name: LockOperation :one
select * from operation_records where id = @id for update;

-- name: ListOperations :many
select * from operation_records
where (@project_id::text = '' or project_id = @project_id)
  and (@kind::text = '' or kind = @kind)
  and (@state::text = '' or state = @state)
  and (@subject_id::text = '' or subject_id = @subject_id)
  and (@subject_name::text = '' or subject_name = @subject_name)
  and (@parent_id::text = '' or parent_id = @parent_id)
  and (not @open::boolean or ended_at is null)
  and (@before::text = '' or id < @before)
order by id desc
limit @page_size;

-- name: PendingOperations :many
select * from operation_records where state = 'accepted' order by id limit @page_size;

-- name: OpenOperations :many
select * from operation_records where ended_at is null order by id;

-- name: UnarchivedOperations :many
select r.* from operation_records r join operations o on o.id = r.id
where o.ended_at is not null and o.timeline is null order by o.ended_at limit @page_size;

-- name: BeginOperation :exec
update operations set state = @state, run_id = @run_id, started_at = coalesce(started_at, now()) where id = @id;

-- name: SetOperationState :exec
update operations set state = @state, question = @question where id = @id;

-- name: MarkNoReturn :exec
update operations set no_return = true where id = @id;

-- name: RequestCancel :exec
update operations set cancel_requested = true where id = @id;

-- name: EndOperation :exec
update operations
set state = @state, result = sqlc.narg(result), error = sqlc.narg(error), leaks = @leaks, question = '', ended_at = now()
where id = @id;

-- name: SaveTimeline :execrows
update operations set timeline = @timeline where id = @id;

-- name: GetTimeline :one
select timeline from operations where id = @id;

-- name: ExpectedSeconds :one
select coalesce(percentile_cont(0.5) within group (order by seconds), 0)::float8
from (
    select extract(epoch from ended_at - coalesce(started_at, created_at))::float8 as seconds
    from operations
    where kind = @kind and state = 'succeeded'
    order by ended_at desc
    limit 20
) as recent;

-- name: HolderOf :one
-- The operation that has a thing for itself.
select o.* from operation_records o join claims c on c.operation_id = o.id where c.resource_id = @resource_id and not c.shared;
