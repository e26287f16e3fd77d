-- name: LockKey :exec
select pg_advisory_xact_lock(hashtextextended(@principal::text || chr(31) || @key::text, 1));

-- name: GetKey :one
select body_hash, operation_id from idempotency_keys where principal = @principal and key = @key;

-- name: InsertKey :exec
insert into idempotency_keys (principal, key, body_hash, operation_id) values ($1, $2, $3, $4);

-- name: SweepKeys :execrows
delete from idempotency_keys where created_at < @before;

-- name: LockResources :exec
-- By hash, so that two transactions always lock in the same order.
select pg_advisory_xact_lock(k)
from (select distinct hashtextextended(r, 0) as k from unnest(@resources::text[]) as r order by k) as keys;

-- name: ClaimInTheWay :one
select c.resource_id, c.operation_id, o.kind
from claims c join operations o on o.id = c.operation_id
where c.resource_id = any(@exclusive::text[]) or (not c.shared and c.resource_id = any(@shared::text[]))
order by c.shared, c.operation_id
limit 1;

-- name: InsertClaims :exec
insert into claims (resource_id, operation_id, shared)
select r, @operation_id::text, false from unnest(@exclusive::text[]) as r
union all
select r, @operation_id::text, true from unnest(@shared::text[]) as r;

-- name: ReleaseClaims :exec
delete from claims where operation_id = @operation_id;

-- name: SweepClaims :execrows
delete from claims c using operations o where o.id = c.operation_id and o.ended_at is not null;
