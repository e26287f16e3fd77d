-- name: InsertEnrolment :exec
insert into enrolments (hash, expires_at) values ($1, $2);

-- name: LockEnrolment :one
select (e.expires_at <= now())::boolean as expired, (e.used_at is not null)::boolean as used, coalesce(h.id, '')::text as host_id,
       coalesce(h.name, '')::text as host_name, coalesce(h.last_seen_at > h.created_at, false)::boolean as reported
from enrolments e left join hosts h on h.id = e.used_by
where e.hash = @hash
for update of e;

-- name: UseEnrolment :exec
update enrolments set used_by = @used_by::text, used_at = now() where hash = @hash;

-- name: InsertHost :exec
insert into hosts (id, name, token_hash, facts) values ($1, $2, $3, $4);

-- name: SetHostToken :exec
update hosts set token_hash = @token_hash, facts = @facts where id = @id;

-- name: GetHostByToken :one
select r.* from host_records r join hosts h on h.id = r.id where h.token_hash = @token_hash;

-- name: GetHost :one
select * from host_records where id = @ref or name = @ref;

-- name: ListHosts :many
select * from host_records order by name;

-- name: LockHost :one
select id, name, cordoned, facts, generation from hosts where id = @id for update;

-- name: SetHostFacts :one
update hosts set facts = @facts, last_seen_at = now() where id = @id returning name;

-- name: SetHostUse :execrows
update hosts
set use = @use, last_seen_at = now(),
    facts = case when sqlc.narg(pools)::jsonb is null then facts else jsonb_set(facts, '{pools}', sqlc.narg(pools)::jsonb) end
where id = @id;

-- name: SetHostCordoned :exec
update hosts set cordoned = @cordoned, generation = generation + 1 where id = @id;

-- name: PromisedOnHost :one
select coalesce(sum(cpus), 0)::bigint as cpus, coalesce(sum(memory_bytes), 0)::bigint as memory_bytes
from vms where host_id = @host_id::text and id <> @except_vm_id;

-- name: CountOnHost :one
select (select count(*) from vms v where v.host_id = @host_id::text)::bigint as vms,
       (select count(*) from volumes d where d.host_id = @host_id::text)::bigint as volumes;

-- name: DeleteHost :exec
delete from hosts where id = @id;
