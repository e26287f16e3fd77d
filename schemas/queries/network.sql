-- name: InsertNetwork :exec
insert into networks (id, project_id, name, vni, range, mtu, free_from) values ($1, $2, $3, $4, $5, $6, $7)
on conflict (project_id, name) do nothing;

-- name: FindNetwork :many
select * from networks
where (id = @ref or name = @ref) and (@project_id::text = '' or project_id is null or project_id = @project_id)
order by project_id nulls last
limit 2;

-- name: ListNetworks :many
select * from networks
where @project_id::text = '' or project_id is null or project_id = @project_id
order by name, id;

-- name: LockNetworks :many
select * from networks where id = any(@ids::text[]) order by id for update;

-- name: NextFreeAddress :one
-- The lowest address that is not taken and not below free_from; it may lie beyond the range.
select case
    when not exists (select from interfaces i where i.network_id = @network_id and i.ip = @free_from::inet) then @free_from::inet
    else (select i.ip + 1 from interfaces i
          where i.network_id = @network_id and i.ip >= @free_from::inet
            and not exists (select from interfaces n where n.network_id = @network_id and n.ip = i.ip + 1)
          order by i.ip
          limit 1)
end::inet as address;

-- name: AddressTaken :one
select exists (select from interfaces where network_id = @network_id and ip = @ip);

-- name: SetFreeFrom :exec
update networks set free_from = @free_from where id = @id;

-- name: MACTaken :one
select exists (select from interfaces where mac = @mac);
