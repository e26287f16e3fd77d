-- name: GetVolume :one
select * from volume_records where id = @id;

-- name: FindVolume :many
select * from volume_records
where (id = @ref or name = @ref) and (@project_id::text = '' or project_id = @project_id)
limit 2;

-- name: ListVolumes :many
select * from volume_records
where (@project_id::text = '' or project_id = @project_id)
  and (@pool::text = '' or pool = @pool)
  and (@state::text = '' or state = @state)
  and (@pattern::text = '' or label like @pattern)
  and (label, id) > (@after_label::text, @after_id::text)
order by label, id
limit @page_size;

-- name: VolumesOf :many
-- The one that the VM boots from is the first.
select * from volume_records where vm_id = @vm_id order by device like 'sd%', device, id;

-- name: VolumesOnHost :many
select d.* from volume_records d left join vms v on v.id = d.vm_id
where d.host_id = @host_id::text or (d.host_id is null and v.host_id = @host_id::text)
order by d.id;

-- name: ExpiredVolumes :many
select * from volume_records where state = 'trashed' and purge_at <= @now::timestamptz and operation_id = '' order by purge_at limit 100;

-- name: InsertVolume :exec
insert into volumes (id, project_id, name, vm_id, device, pool, host_id, size_bytes, image_id, format, state)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
on conflict (id) do nothing;

-- name: SetVolume :execrows
update volumes
set state = coalesce(nullif(@state::text, ''), state),
    pool = coalesce(nullif(@pool::text, ''), pool),
    format = coalesce(nullif(@format::text, ''), format),
    host_id = case when @set_host::boolean then sqlc.narg(host_id) else host_id end,
    image_id = case when @set_image::boolean then sqlc.narg(image_id) else image_id end
where id = @id;

-- name: SetVolumePlace :one
update volumes set vm_id = sqlc.narg(vm_id), device = @device where id = @id returning project_id, name;

-- name: SetVolumeLimits :one
update volumes set max_iops = @max_iops, max_bytes_per_second = @max_bytes_per_second where id = @id returning vm_id;

-- name: SetVolumeTrash :exec
update volumes set state = @state, purge_at = sqlc.narg(purge_at) where id = @id;

-- name: GrowVolume :one
update volumes set size_bytes = greatest(size_bytes, @size_bytes) where id = @id returning project_id, name, vm_id;

-- name: DeleteVolume :many
delete from volumes where id = @id returning project_id, name;

-- name: ReleaseVolumesOf :exec
update volumes set vm_id = null, device = '' where vm_id = @vm_id::text and name <> '';

-- name: DeleteVolumesOf :exec
delete from volumes where vm_id = @vm_id::text;

-- name: DetachVolumes :many
-- Names and limits go to the disks that take their place.
with old as (select id, device, name, max_iops, max_bytes_per_second from volumes where vm_id = @vm_id::text and id = any(@ids::text[]) for update)
update volumes d set vm_id = null, state = 'deleting', name = '' from old where d.id = old.id returning old.device, old.name, old.max_iops, old.max_bytes_per_second;

-- name: AttachVolumes :execrows
update volumes set vm_id = @vm_id::text, state = 'ready' where id = any(@ids::text[]);

-- name: ReplaceVolume :exec
update volumes set name = @name, max_iops = @max_iops, max_bytes_per_second = @max_bytes_per_second where id = any(@ids::text[]) and device = @device;

-- name: RenameVolume :execrows
update volumes set name = @name where id = @id;
