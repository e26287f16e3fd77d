-- name: InsertUser :execrows
insert into users (id, name, password_hash, admin) values ($1, $2, $3, $4) on conflict (name) do nothing;

-- name: GetUserByName :one
select * from users where name = @name;

-- name: SetPasswordHash :execrows
update users set password_hash = @password_hash where id = @id;

-- name: InsertToken :exec
insert into tokens (id, user_id, project_id, name, hash, session, expires_at) values ($1, $2, $3, $4, $5, $6, $7);

-- name: DeleteExpiredTokens :exec
delete from tokens where user_id = @user_id and expires_at <= now();

-- name: GetPrincipal :one
select u.id as user_id, u.name as user_name, u.admin, t.project_id, t.id as token_id,
       (t.last_used_at is null or t.last_used_at < now() - interval '1 minute')::boolean as stale
from tokens t join users u on u.id = t.user_id
where t.hash = @hash and (t.expires_at is null or t.expires_at > now());

-- name: TouchToken :exec
update tokens set last_used_at = now() where id = @id;

-- name: ListTokens :many
select id, user_id, project_id, name, session, expires_at, last_used_at, created_at
from tokens
where (@user_id::text = '' or user_id = @user_id) and (expires_at is null or expires_at > now())
order by created_at desc, id desc;

-- name: DeleteToken :execrows
delete from tokens where id = @id and (@user_id::text = '' or user_id = @user_id);
