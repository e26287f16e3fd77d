-- name: FindTemplate :many
select * from template_records
where (id = @ref or name = @ref) and (@project_id::text = '' or project_id is null or project_id = @project_id)
order by project_id nulls last
limit 2;

-- name: ListTemplates :many
select * from template_records
where @project_id::text = '' or project_id is null or project_id = @project_id
order by name, id;

-- name: TemplateVersions :many
-- Newest first.
select * from template_version_records where template_id = @template_id order by number desc;

-- name: FindTemplateVersion :one
select * from template_version_records where template_id = @template_id and number = @number;

-- name: GetTemplateVersion :one
select * from template_version_records where id = @id;

-- name: EnsureTemplate :one
-- The line is locked until the end, and counts one more. A description that is not given stays.
insert into templates as t (id, project_id, name, description, last_number) values (@id, sqlc.narg(project_id), @name, @description, 1)
on conflict (project_id, name) do update
set last_number = t.last_number + 1, description = case when excluded.description = '' then t.description else excluded.description end
returning t.id, t.last_number;

-- name: LockTemplate :one
select id, name, project_id from templates where id = @id for update;

-- name: InsertTemplateVersion :exec
insert into template_versions (id, template_id, number, state, image_id, cpus, memory_bytes, disk_bytes, network_id, notes, generalised,
                               forgotten, source_vm_id, source_vm_name, published_by, changed_by)
values (@id, @template_id, @number, @state, @image_id, sqlc.narg(cpus), sqlc.narg(memory_bytes), sqlc.narg(disk_bytes), sqlc.narg(network_id),
        @notes, @generalised, @forgotten, @source_vm_id, @source_vm_name, @published_by, @published_by);

-- name: ShareTemplateVersion :one
-- Its state stays until the end of the transaction.
select state from template_versions where id = @id for share;

-- name: SetTemplateVersionState :exec
update template_versions set state = @state, changed_by = @changed_by, changed_at = now() where id = @id;

-- name: DeleteTemplateVersion :exec
delete from template_versions where id = @id;

-- name: DeleteTemplate :exec
delete from templates where id = @id;
