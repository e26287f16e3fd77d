-- name: InsertProject :execrows
insert into projects (id, name) values ($1, $2) on conflict (name) do nothing;

-- name: GetProject :one
select * from projects where id = @ref or name = @ref;

-- name: ListProjects :many
select * from projects order by name;
