-- name: InsertCloudInit :exec
insert into cloud_inits (id, sealed) values (@id, @sealed);

-- name: GetCloudInit :one
select sealed from cloud_inits where id = @id;
