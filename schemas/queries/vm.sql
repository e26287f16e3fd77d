-- name: FindVM :many
select * from vm_records
where (id = @ref or name = @ref) and (@project_id::text = '' or project_id = @project_id)
limit 2;

-- name: ListVMs :many
select * from vm_records
where (@project_id::text = '' or project_id = @project_id)
  and (@state::text = '' or state = @state)
  and (@host_id::text = '' or host_id = @host_id)
  and (@pattern::text = '' or name like @pattern)
  and (@template_id::text = '' or template_id = @template_id)
  and (@template_version::text = '' or template_version = @template_version)
  and (name, id) > (@after_name::text, @after_id::text)
order by name, id
limit @page_size;

-- name: VMsOnHost :many
select * from vm_records where host_id = @host_id order by name, id;

-- name: LockVM :one
select id, project_id, name, description, state, host_id, cpus, memory_bytes, generation from vms where id = @id for update;

-- name: VMGenerations :many
-- Locked, so that what was checked stays true until the claims are visible.
select id, name, generation from vms where id = any(@ids::text[]) order by id for update;

-- name: InsertVM :exec
insert into vms (id, project_id, name, description, state, host_id, image_id, cpus, memory_bytes, template_version, cloud_init_id)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11);

-- name: UpdateVM :exec
update vms set name = @name, description = @description, generation = generation + 1, updated_at = now() where id = @id;

-- name: SetVMState :exec
update vms set state = @state, host_id = sqlc.narg(host_id), generation = generation + 1, updated_at = now() where id = @id;

-- name: DeleteVM :one
delete from vms where id = @id returning project_id, name;

-- name: ForgetImage :exec
update vms set image_id = null, generation = generation + 1, updated_at = now() where id = @id;

-- name: TouchVM :one
update vms set generation = generation + 1, updated_at = now() where id = @id returning project_id, name;

-- name: InsertInterface :exec
insert into interfaces (vm_id, position, network_id, mac, ip) values ($1, $2, $3, $4, $5);
