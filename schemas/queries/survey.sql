-- name: CountVMs :many
select state, count(*) from vms where @project_id::text = '' or project_id = @project_id group by state;

-- name: CountOpenOperations :many
select kind, state, count(*) from operations
where ended_at is null and (@project_id::text = '' or project_id = @project_id)
group by kind, state
order by kind, state;

-- name: SearchVMs :many
select id, name, state from vms
where (name like @anywhere or lower(id) like @beginning) and (@project_id::text = '' or project_id = @project_id)
order by name not like @beginning, name
limit @hits;

-- name: SearchHosts :many
select id, name from hosts
where name like @anywhere or lower(id) like @beginning
order by name not like @beginning, name
limit @hits;

-- name: SearchImages :many
select id, name, format from images
where (name like @anywhere or lower(id) like @beginning) and (@project_id::text = '' or project_id is null or project_id = @project_id)
order by name not like @beginning, name
limit @hits;

-- name: SearchOperations :many
select id, kind, subject_name, state from operations
where (lower(id) like @beginning or subject_name like @beginning or kind like @beginning)
  and (@project_id::text = '' or project_id = @project_id)
order by id desc
limit @hits;

-- name: SearchBackups :many
select id, vm_name, state from backups
where (lower(id) like @beginning or vm_name like @beginning) and (@project_id::text = '' or project_id = @project_id)
order by id desc
limit @hits;
