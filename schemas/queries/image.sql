-- name: InsertImage :exec
insert into images (id, project_id, name, format, source_format, sha256, size_bytes, virtual_bytes)
values ($1, $2, $3, $4, $5, $6, $7, $8);

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

-- name: ShareImageBytes :exec
-- For the session; the seed keeps it apart from the locks of resources and keys.
select pg_advisory_lock_shared(hashtextextended(@sha256::text, 2));

-- name: HoldImageBytes :exec
select pg_advisory_lock(hashtextextended(@sha256::text, 2));

-- name: ReleaseImageBytes :exec
select pg_advisory_unlock_all();

-- name: ImagePeers :many
-- Hosts that answer and have disks of their own which stand on the image, and so a copy of it; a few, by chance.
select h.facts, h.token_hash from hosts h
where h.id <> @except_id and h.last_seen_at > @seen_since
  and exists (select 1 from volumes d where d.image_id = @image_id::text and d.host_id = h.id and d.state = 'ready')
order by random() limit 3;
