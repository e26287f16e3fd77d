-- name: InsertPool :execrows
insert into pools (id, name, driver, settings, shared, sealed_key, tier, overcommit, only_hosts)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
on conflict (name) do nothing;

-- name: LockPools :exec
-- One declaration at a time, so that no two take the same place.
select pg_advisory_xact_lock(hashtext('novacron pools'));

-- name: GetPool :one
select * from pool_records where id = @ref or name = @ref;

-- name: ListPools :many
select * from pool_records order by name;

-- name: LockPool :one
select * from pools where id = @id for update;

-- name: SetPool :exec
update pools
set settings = @settings, tier = @tier, overcommit = @overcommit, only_hosts = @only_hosts,
    sealed_key = coalesce(sqlc.narg(sealed_key), sealed_key), generation = generation + 1
where id = @id;

-- name: SetPoolState :one
update pools set state = @state, generation = generation + 1 where id = @id and state <> @state returning name;

-- name: HostsUsingPool :many
-- The hosts that have volumes of the pool, or VMs with some.
select distinct coalesce(d.host_id, v.host_id)::text as host_id, h.name
from volumes d
left join vms v on v.id = d.vm_id
join hosts h on h.id = coalesce(d.host_id, v.host_id)
where d.pool = @pool
order by h.name;

-- name: DeletePool :one
delete from pools where id = @id returning name;

-- name: DeletePoolHours :exec
delete from pool_hours where pool = @pool;

-- name: PoolTerms :many
-- What placement must know of each pool, in one row for each host that something is promised on.
select p.name, p.state, p.overcommit, p.only_hosts, coalesce(u.host_id, '')::text as host_id,
       coalesce(u.promised_bytes, 0)::bigint as promised_bytes
from pools p left join pool_promises u on u.pool = p.name;
