-- name: InsertBackup :exec
insert into backups (id, project_id, vm_id, vm_name, mode, mode_reason, base_id, state, schedule_id, disks, cpus, memory_bytes, cloud_init_id)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, (select v.cloud_init_id from vms v where v.id = $3));

-- name: GetBackup :one
select * from backup_records where id = @id and (@project_id::text = '' or project_id = @project_id);

-- name: LockBackup :one
select id, project_id, vm_id, vm_name, state, damaged_detail from backups where id = @id for update;

-- name: ListBackups :many
select * from backup_records
where (@project_id::text = '' or project_id = @project_id)
  and (@vm_id::text = '' or vm_id = @vm_id)
  and (@vm_name::text = '' or vm_name = @vm_name)
  and (@schedule_id::text = '' or schedule_id = @schedule_id)
  and (@state::text = '' or state = @state)
  and (@before::text = '' or id < @before)
order by id desc
limit @page_size;

-- name: FinishBackup :exec
update backups
set state = 'ready', mode = @mode, mode_reason = @mode_reason, base_id = sqlc.narg(base_id), frozen = @frozen, disks = @disks,
    cpus = @cpus, memory_bytes = @memory_bytes, checkpoint = @checkpoint, read_bytes = @read_bytes,
    stored_bytes = @stored_bytes, damaged_detail = ''
where id = @id;

-- name: SetBackupState :exec
update backups set state = @state, damaged_detail = @damaged_detail where id = @id;

-- name: SetBackupVerified :exec
update backups set state = @state, damaged_detail = @damaged_detail, verified_at = now() where id = @id;

-- name: DeleteBackup :one
delete from backups where id = @id returning project_id, vm_id, vm_name;

-- name: BaseFor :one
select * from backup_records where vm_id = @vm_id and state = 'ready' and checkpoint order by id desc limit 1;

-- name: ClearCheckpoints :exec
update backups set checkpoint = false where vm_id = @vm_id and checkpoint and id <> all(@keep::text[]);
