-- name: CopyVMSamples :copyfrom
insert into vm_samples (vm_id, at, cpu_ns, cpus, memory_bytes, memory_used_bytes, disk_read_bytes, disk_write_bytes,
                        disk_reads, disk_writes, net_receive_bytes, net_send_bytes, disk_used_bytes)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13);

-- name: InsertHostSample :exec
insert into host_samples (host_id, at, cpu_fraction, memory_used_bytes, disk_used_bytes) values ($1, $2, $3, $4, $5);

-- name: AddHostHour :exec
insert into host_hours as h (host_id, hour, last_at, readings, cpu_fraction, memory_used_bytes, disk_used_bytes)
values (@host_id, date_trunc('hour', @at::timestamptz, 'UTC'), @at::timestamptz, 1, @cpu_fraction, @memory_used_bytes, @disk_used_bytes)
on conflict (host_id, hour) do update
set readings = h.readings + 1,
    last_at = greatest(h.last_at, excluded.last_at),
    cpu_fraction = h.cpu_fraction + (excluded.cpu_fraction - h.cpu_fraction) / (h.readings + 1),
    memory_used_bytes = h.memory_used_bytes + (excluded.memory_used_bytes - h.memory_used_bytes) / (h.readings + 1),
    disk_used_bytes = h.disk_used_bytes + (excluded.disk_used_bytes - h.disk_used_bytes) / (h.readings + 1);

-- name: SetPoolHour :exec
insert into pool_hours (pool, host_id, hour, last_at, capacity_bytes, used_bytes)
values (@pool, @host_id, date_trunc('hour', @at::timestamptz, 'UTC'), @at::timestamptz, @capacity_bytes, @used_bytes)
on conflict (pool, host_id, hour) do update
set last_at = excluded.last_at, capacity_bytes = excluded.capacity_bytes, used_bytes = excluded.used_bytes
where excluded.last_at >= pool_hours.last_at;

-- name: VMMetrics :many
-- Two readings further apart than five minutes say nothing about the time between them.
with readings as (
    select at, cpus, memory_bytes, memory_used_bytes, disk_used_bytes,
           extract(epoch from at - lag(at) over w)::float8 as seconds,
           growth(cpu_ns, lag(cpu_ns) over w) as cpu_ns,
           growth(disk_read_bytes, lag(disk_read_bytes) over w) as disk_read_bytes,
           growth(disk_write_bytes, lag(disk_write_bytes) over w) as disk_write_bytes,
           growth(disk_reads, lag(disk_reads) over w) as disk_reads,
           growth(disk_writes, lag(disk_writes) over w) as disk_writes,
           growth(net_receive_bytes, lag(net_receive_bytes) over w) as net_receive_bytes,
           growth(net_send_bytes, lag(net_send_bytes) over w) as net_send_bytes
    from vm_samples
    where vm_id = @vm_id and at >= @since::timestamptz - interval '5 minutes'
    window w as (order by at)
)
select date_bin(make_interval(secs => @step_seconds::float8), at, 'epoch')::timestamptz as bucket,
       (sum(cpu_ns) / (sum(seconds * greatest(cpus, 1)) * 1e9))::float8 as cpu_fraction,
       max(memory_bytes)::bigint as memory_bytes,
       avg(memory_used_bytes)::bigint as memory_used_bytes,
       (sum(disk_read_bytes) / sum(seconds))::float8 as disk_read_bytes,
       (sum(disk_write_bytes) / sum(seconds))::float8 as disk_write_bytes,
       (sum(disk_reads) / sum(seconds))::float8 as disk_reads,
       (sum(disk_writes) / sum(seconds))::float8 as disk_writes,
       (sum(net_receive_bytes) / sum(seconds))::float8 as net_receive_bytes,
       (sum(net_send_bytes) / sum(seconds))::float8 as net_send_bytes,
       avg(disk_used_bytes)::bigint as disk_used_bytes
from readings
where at >= @since::timestamptz and seconds > 0 and seconds <= 300
group by bucket
order by bucket;

-- name: HostMetrics :many
select date_bin(make_interval(secs => @step_seconds::float8), at, 'epoch')::timestamptz as bucket,
       avg(cpu_fraction)::float8 as cpu_fraction,
       avg(memory_used_bytes)::bigint as memory_used_bytes,
       avg(disk_used_bytes)::bigint as disk_used_bytes
from host_samples
where host_id = @host_id and at >= @since::timestamptz
group by bucket
order by bucket;

-- name: HostHours :many
select s.host_id, h.name, s.last_at, s.cpu_fraction, s.memory_used_bytes, s.disk_used_bytes
from host_hours s join hosts h on h.id = s.host_id
where s.hour >= @since
order by h.name, s.hour;

-- name: PoolHours :many
select s.pool, s.host_id, coalesce(h.name, '')::text as host_name, s.last_at, s.capacity_bytes, s.used_bytes
from pool_hours s left join hosts h on h.id = s.host_id
where s.hour >= @since and (s.host_id = '' or h.id is not null)
order by s.pool, host_name, s.hour;

-- name: PromisedInPools :many
select pool, host_id, promised_bytes from pool_promises;
