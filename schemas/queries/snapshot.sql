-- name: SnapshotsOf :many
select s.*, (v.snapshot_id is not distinct from s.id)::boolean as current
from snapshots s join vms v on v.id = s.vm_id
where s.vm_id = @vm_id order by s.created_at, s.id;

-- name: FindSnapshot :one
select s.*, (v.snapshot_id is not distinct from s.id)::boolean as current
from snapshots s join vms v on v.id = s.vm_id
where (s.vm_id = @vm_id or @vm_id::text = '') and (s.id = @ref or s.name = @ref and @vm_id <> '');

-- name: InsertSnapshot :exec
insert into snapshots (id, project_id, vm_id, parent_id, name, description, state, disks)
select @id, v.project_id, v.id, v.snapshot_id, @name, @description, @state, @disks from vms v where v.id = @vm_id;

-- name: SetSnapshot :one
update snapshots set state = @state, quiesced = @quiesced where id = @id returning vm_id;

-- name: SetCurrentSnapshot :exec
update vms set snapshot_id = sqlc.narg(snapshot_id) where id = @id;

-- name: AdoptSnapshots :exec
-- The children and the VM of a snapshot that goes are its parent's.
with going as (select g.id, g.parent_id, g.vm_id from snapshots g where g.id = @id),
children as (update snapshots s set parent_id = going.parent_id from going where s.parent_id = going.id)
update vms v set snapshot_id = going.parent_id from going where v.id = going.vm_id and v.snapshot_id = going.id;

-- name: DeleteSnapshot :many
delete from snapshots where id = @id returning vm_id;
