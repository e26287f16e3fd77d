-- name: GetVolume :one
select * from volumes where id = @id;

-- name: VolumesOf :many
select * from volumes where vm_id = @vm_id order by device, id;

-- name: VolumesOnHost :many
select d.* from volumes d left join vms v on v.id = d.vm_id
where d.host_id = @host_id::text or (d.host_id is null and v.host_id = @host_id::text)
order by d.id;

-- name: InsertVolume :exec
insert into volumes (id, project_id, vm_id, device, pool, host_id, size_bytes, image_id, format, state)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
on conflict (id) do nothing;

-- name: SetVolume :execrows
update volumes
set state = coalesce(nullif(@state::text, ''), state),
    pool = coalesce(nullif(@pool::text, ''), pool),
    host_id = case when @set_host::boolean then sqlc.narg(host_id) else host_id end,
    image_id = case when @set_image::boolean then sqlc.narg(image_id) else image_id end
where id = @id;

-- name: DeleteVolume :exec
delete from volumes where id = @id;

-- name: DeleteVolumesOf :exec
delete from volumes where vm_id = @vm_id::text;

-- name: DetachVolumes :exec
update volumes set vm_id = null, state = 'deleting' where vm_id = @vm_id::text and id = any(@ids::text[]);

-- name: AttachVolumes :execrows
update volumes set vm_id = @vm_id::text, state = 'ready' where id = any(@ids::text[]);
