-- name: InsertSchedule :exec
insert into schedules (id, project_id, vm_id, name, cron, every_seconds, keep_last, keep_hours, paused)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9);

-- name: FindSchedule :many
select * from schedule_records
where (id = @ref or name = @ref) and (@project_id::text = '' or project_id = @project_id)
limit 2;

-- name: ListSchedules :many
select * from schedule_records
where (@project_id::text = '' or project_id = @project_id) and (@vm_id::text = '' or vm_id = @vm_id)
order by name, id;

-- name: SetSchedulePaused :one
update schedules set paused = @paused where id = @id returning project_id, vm_id, name;

-- name: RecordScheduleRun :one
update schedules
set last_run_at = case when @skipped::boolean then last_run_at else @at::timestamptz end,
    last_result = @last_result,
    skipped = skipped + case when @skipped::boolean then 1 else 0 end
where id = @id
returning project_id, vm_id, name;

-- name: DeleteSchedule :one
delete from schedules where id = @id returning project_id, vm_id, name;
