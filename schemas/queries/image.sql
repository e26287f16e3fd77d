-- name: InsertImage :exec
insert into images (id, project_id, name, format, sha256, size_bytes, virtual_bytes) values ($1, $2, $3, $4, $5, $6, $7);

-- name: FindImage :many
select * from image_records
where (id = @ref or name = @ref) and (@project_id::text = '' or project_id is null or project_id = @project_id)
order by project_id nulls last
limit 2;

-- name: ListImages :many
select * from image_records
where @project_id::text = '' or project_id is null or project_id = @project_id
order by name, id;

-- name: DeleteImage :one
delete from images where id = @id returning project_id, name;
