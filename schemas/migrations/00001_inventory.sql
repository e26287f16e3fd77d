-- +goose Up

create table projects (
    id         text primary key,
    name       text not null unique,
    created_at timestamptz not null default now()
);

create table users (
    id            text primary key,
    name          text not null unique,
    password_hash text not null,
    admin         boolean not null default false,
    created_at    timestamptz not null default now()
);

-- A token's secret is never kept: hash is SHA-256 of it. A token without a project reaches all that its user reaches.
create table tokens (
    id           text primary key,
    user_id      text not null references users on delete cascade,
    project_id   text references projects on delete cascade,
    name         text not null,
    hash         bytea not null unique,
    session      boolean not null default false,
    expires_at   timestamptz,
    last_used_at timestamptz,
    created_at   timestamptz not null default now()
);

create table hosts (
    id               text primary key,
    name             text not null unique,
    token_hash       bytea not null unique,
    cordoned         boolean not null default false,
    facts            jsonb not null,
    use              jsonb not null default '{}',
    last_seen_at     timestamptz not null default now(),
    generation       bigint not null default 1,
    created_at       timestamptz not null default now()
);

-- One-time tokens for new hosts: hash is SHA-256 of the secret.
create table enrolments (
    hash       bytea primary key,
    expires_at timestamptz not null,
    used_by    text references hosts on delete set null,
    used_at    timestamptz,
    created_at timestamptz not null default now()
);

create table networks (
    id         text primary key,
    project_id text references projects,
    name       text not null,
    vni        integer not null unique check (vni between 1 and 16777215),
    range      cidr not null,
    mtu        integer not null default 1450,
    free_from  inet not null, -- every address below it is taken: where the search for a free one begins
    created_at timestamptz not null default now(),
    unique nulls not distinct (project_id, name)
);

-- A place for volumes. settings say where it is and hold nothing secret; sealed_key is a key that only the server can open.
create table pools (
    id         text primary key,
    name       text not null unique,
    driver     text not null,
    settings   jsonb not null,
    shared     boolean not null,
    sealed_key bytea,
    tier       text not null,
    overcommit double precision not null check (overcommit >= 1),
    only_hosts text[] not null default '{}', -- empty: every host has it
    state      text not null default 'ready',
    generation bigint not null default 1,
    created_at timestamptz not null default now()
);

create table images (
    id            text primary key,
    project_id    text references projects,
    name          text not null,
    format        text not null,
    source_format text not null, -- the one that it came in
    sha256        text not null,
    size_bytes    bigint not null check (size_bytes > 0),
    virtual_bytes bigint not null check (virtual_bytes > 0),
    created_at    timestamptz not null default now(),
    unique nulls not distinct (project_id, name)
);

-- A line of versions to make VMs from.
create table templates (
    id          text primary key,
    project_id  text references projects,
    name        text not null,
    description text not null default '',
    last_number integer not null default 0, -- of its versions, so that none is used again
    created_at  timestamptz not null default now(),
    unique nulls not distinct (project_id, name)
);

-- What is null of the defaults is left to the installation's. An image may only go from under a version that is withdrawn.
create table template_versions (
    id             text primary key,
    template_id    text not null references templates on delete cascade,
    number         integer not null,
    state          text not null,
    image_id       text references images on delete set null,
    cpus           integer,
    memory_bytes   bigint,
    disk_bytes     bigint,
    network_id     text references networks,
    notes          text not null default '',
    generalised    text not null,
    forgotten      text[] not null default '{}',
    source_vm_id   text not null default '', -- no foreign keys: it outlives that VM
    source_vm_name text not null default '',
    published_by   text not null,
    published_at   timestamptz not null default now(),
    changed_by     text not null,
    changed_at     timestamptz not null default now(),
    unique (template_id, number),
    constraint template_versions_image_stays check (image_id is not null or state = 'withdrawn')
);
create unique index template_versions_current on template_versions (template_id) where state = 'current';
create index template_versions_by_image on template_versions (image_id);

-- What guests are told at their first start, sealed: only the server can open it. A VM, its backups and whatever is made of
-- those share one, which goes with the last of them.
create table cloud_inits (
    id         text primary key,
    sealed     bytea not null,
    created_at timestamptz not null default now()
);

create table vms (
    id           text primary key,
    project_id   text not null references projects,
    name         text not null,
    description  text not null default '',
    state        text not null,
    host_id      text references hosts,
    image_id     text references images,
    cpus         integer not null check (cpus > 0),
    memory_bytes bigint not null check (memory_bytes > 0),
    snapshot_id  text, -- the one that its disks have changed since
    template_version text references template_versions, -- the one that it was made from
    cloud_init_id text references cloud_inits,
    generation   bigint not null default 1,
    created_at   timestamptz not null default now(),
    updated_at   timestamptz not null default now(),
    unique (project_id, name)
);
create index vms_by_host on vms (host_id) include (cpus, memory_bytes);
create index vms_by_name on vms (name, id);
create index vms_by_state on vms (state, name, id);
create index vms_by_image on vms (image_id);
create index vms_by_template_version on vms (template_version);
create index vms_by_cloud_init on vms (cloud_init_id) where cloud_init_id is not null;

create table interfaces (
    vm_id      text not null references vms on delete cascade,
    position   integer not null,
    network_id text not null references networks,
    mac        text not null unique,
    ip         inet not null,
    primary key (vm_id, position),
    unique (network_id, ip)
);

-- An address that comes back may be below the point from which its network looks for free ones.
-- +goose StatementBegin
create function release_address() returns trigger language plpgsql as $$
begin
    update networks set free_from = least(free_from, old.ip) where id = old.network_id;
    return null;
end
$$;
-- +goose StatementEnd
create trigger interfaces_released after delete on interfaces for each row execute function release_address();

-- One with a name has a life of its own, attached to a VM or to none; one without belongs to its VM.
create table volumes (
    id         text primary key,
    project_id text not null references projects,
    name       text not null default '',
    vm_id      text references vms,
    device     text not null, -- empty while it is attached to no VM
    pool       text not null references pools (name),
    host_id    text references hosts,
    size_bytes bigint not null check (size_bytes > 0),
    image_id   text references images,
    format     text not null default 'qcow2',
    max_iops   bigint not null default 0, -- 0: no limit
    max_bytes_per_second bigint not null default 0,
    state      text not null,
    purge_at   timestamptz, -- when one in the trash is deleted
    created_at timestamptz not null default now()
);
create unique index volumes_project_id_name_key on volumes (project_id, name) where name <> '';
create index volumes_by_vm on volumes (vm_id);
create index volumes_by_host on volumes (host_id);
create index volumes_by_pool on volumes (pool) include (host_id, size_bytes);
create index volumes_by_image on volumes (image_id);

-- What a VM's disks were at an instant. The parent is the one that they had changed since then; no foreign key, because a
-- parent that goes hands its children on to its own.
create table snapshots (
    id          text primary key,
    project_id  text not null references projects,
    vm_id       text not null references vms on delete cascade,
    parent_id   text,
    name        text not null,
    description text not null default '',
    state       text not null,
    quiesced    boolean not null default false,
    disks       jsonb not null,
    created_at  timestamptz not null default now(),
    unique (vm_id, name)
);

create table schedules (
    id            text primary key,
    project_id    text not null references projects,
    vm_id         text not null references vms on delete cascade,
    name          text not null,
    cron          text not null default '',
    every_seconds bigint not null default 0,
    keep_last     integer not null default 0,
    keep_hours    bigint not null default 0,
    paused        boolean not null default false,
    last_run_at   timestamptz,
    last_result   text not null default '',
    skipped       bigint not null default 0,
    created_at    timestamptz not null default now(),
    unique (project_id, name)
);

-- A backup outlives its VM, so vm_id is no foreign key.
create table backups (
    id             text primary key,
    project_id     text not null references projects,
    vm_id          text not null,
    vm_name        text not null,
    mode           text not null,
    mode_reason    text not null default '',
    base_id        text,
    state          text not null,
    frozen         boolean not null default false,
    schedule_id    text references schedules on delete set null,
    disks          jsonb not null default '[]',
    cpus           integer not null,
    memory_bytes   bigint not null,
    checkpoint     boolean not null default false, -- the VM's disks track changes since this backup
    read_bytes     bigint not null default 0,
    stored_bytes   bigint not null default 0,
    damaged_detail text not null default '',
    cloud_init_id  text references cloud_inits,
    created_at     timestamptz not null default now(),
    verified_at    timestamptz
);
create index backups_by_vm on backups (vm_id, created_at desc);
create index backups_by_project on backups (project_id, created_at desc);
create index backups_by_cloud_init on backups (cloud_init_id) where cloud_init_id is not null;

-- +goose StatementBegin
create function release_cloud_init() returns trigger language plpgsql as $$
begin
    delete from cloud_inits c
    where c.id = old.cloud_init_id and not exists (select 1 from vms where cloud_init_id = c.id)
      and not exists (select 1 from backups where cloud_init_id = c.id);
    return null;
end
$$;
-- +goose StatementEnd
create trigger vms_cloud_init_released after delete on vms for each row when (old.cloud_init_id is not null)
    execute function release_cloud_init();
create trigger backups_cloud_init_released after delete on backups for each row when (old.cloud_init_id is not null)
    execute function release_cloud_init();

create table operations (
    id               text primary key,
    project_id       text not null references projects,
    kind             text not null,
    state            text not null,
    subject_kind     text not null,
    subject_id       text not null,
    subject_name     text not null,
    parent_id        text references operations,
    actor            text not null,
    request          jsonb not null,
    result           jsonb,
    error            jsonb,
    question         text not null default '',
    leaks            jsonb not null default '[]',
    no_return        boolean not null default false,
    cancel_requested boolean not null default false,
    run_id           text not null default '',
    timeline         jsonb, -- archived when the operation ends
    created_at       timestamptz not null default now(),
    started_at       timestamptz,
    ended_at         timestamptz
);
create index operations_by_project on operations (project_id, id desc);
create index operations_by_subject on operations (subject_id, id desc);
create index operations_by_parent on operations (parent_id, id desc) where parent_id is not null;
create index operations_pending on operations (id) where state = 'accepted';
create index operations_open on operations (id) where ended_at is null;
create index operations_unarchived on operations (ended_at) where ended_at is not null and timeline is null;
create index operations_by_subject_name on operations (subject_name, id desc);
create index operations_done on operations (kind, ended_at desc) where state = 'succeeded';

-- What an operation holds until it ends: at most one holds a thing for itself; several may share it (two restores of one
-- backup). That nobody shares what another has for itself is seen to by the store, under an advisory lock.
create table claims (
    resource_id  text not null,
    operation_id text not null references operations,
    shared       boolean not null default false,
    claimed_at   timestamptz not null default now(),
    primary key (resource_id, operation_id)
);
create unique index claims_exclusive on claims (resource_id) where not shared;
create index claims_by_operation on claims (operation_id);

create table idempotency_keys (
    principal    text not null,
    key          text not null,
    body_hash    bytea not null,
    operation_id text not null references operations,
    created_at   timestamptz not null default now(),
    primary key (principal, key)
);
create index idempotency_keys_by_age on idempotency_keys (created_at);

-- Sequences are drawn under an advisory lock that is held until commit, so they grow in the order of commits and a reader
-- that has seen one has seen all before it.
create table events (
    sequence     bigint generated always as identity primary key,
    at           timestamptz not null default now(),
    type         text not null,
    project_id   text,
    subject_kind text not null,
    subject_id   text not null,
    operation_id text,
    data         jsonb
);
create index events_by_subject on events (subject_id, sequence desc);
create index events_by_project on events (project_id, sequence desc);

-- Counters as reported; rates are worked out when they are read.
create table vm_samples (
    vm_id             text not null,
    at                timestamptz not null,
    cpu_ns            bigint not null,
    cpus              integer not null,
    memory_bytes      bigint not null,
    memory_used_bytes bigint not null,
    disk_read_bytes   bigint not null,
    disk_write_bytes  bigint not null,
    disk_reads        bigint not null,
    disk_writes       bigint not null,
    net_receive_bytes bigint not null,
    net_send_bytes    bigint not null,
    disk_used_bytes   bigint not null
) partition by range (at);
create index vm_samples_by_vm on vm_samples (vm_id, at desc);

create table host_samples (
    host_id           text not null,
    at                timestamptz not null,
    cpu_fraction      double precision not null,
    memory_used_bytes bigint not null,
    disk_used_bytes   bigint not null
) partition by range (at);
create index host_samples_by_host on host_samples (host_id, at desc);

-- One row an hour, kept for years: what capacity plans are made from.
create table host_hours (
    host_id           text not null references hosts on delete cascade,
    hour              timestamptz not null,
    last_at           timestamptz not null,
    readings          bigint not null,
    cpu_fraction      double precision not null, -- means over the readings
    memory_used_bytes double precision not null,
    disk_used_bytes   double precision not null,
    primary key (host_id, hour)
);

-- A shared pool has an empty host_id: every host that reports it sees the same bytes.
create table pool_hours (
    pool           text not null,
    host_id        text not null,
    hour           timestamptz not null,
    last_at        timestamptz not null,
    capacity_bytes bigint not null, -- the last reading
    used_bytes     bigint not null,
    primary key (pool, host_id, hour)
);

-- A VM with all that belongs to it. Sub-selects rather than joins, so that a page pays for its own rows only.
create view vm_records as
select v.id, v.project_id, v.name, v.description, v.state, v.host_id, v.image_id, v.cpus, v.memory_bytes, v.generation,
       v.created_at, v.updated_at,
       coalesce((select h.name from hosts h where h.id = v.host_id), '')::text as host_name,
       coalesce((select jsonb_agg(jsonb_build_object('network_id', i.network_id, 'mac', i.mac, 'ip', host(i.ip))
                                  order by i.position)
                 from interfaces i where i.vm_id = v.id), '[]')::jsonb as interfaces,
       array(select d.id from volumes d where d.vm_id = v.id order by d.device like 'sd%', d.device, d.id)::text[] as volume_ids,
       coalesce(v.snapshot_id, '')::text as snapshot_id,
       coalesce(v.template_version, '')::text as template_version,
       coalesce((select t.id from template_versions n join templates t on t.id = n.template_id where n.id = v.template_version), '')::text as template_id,
       coalesce((select t.name || ':' || n.number from template_versions n join templates t on t.id = n.template_id where n.id = v.template_version), '')::text as template,
       coalesce(v.cloud_init_id, '')::text as cloud_init_id,
       (select count(*) from snapshots s where s.vm_id = v.id)::bigint as snapshots,
       coalesce((select c.operation_id from claims c where c.resource_id = v.id
                 order by c.shared, c.operation_id limit 1), '')::text as operation_id,
       coalesce((select o.kind from claims c join operations o on o.id = c.operation_id where c.resource_id = v.id
                 order by c.shared, c.operation_id limit 1), '')::text as operation_kind
from vms v;

-- A volume with the names of what it is on. The label is what lists sort by.
create view volume_records as
select d.*,
       coalesce(v.name, '')::text as vm_name,
       coalesce((select h.name from hosts h where h.id = d.host_id), '')::text as host_name,
       (case when d.name <> '' then d.name else coalesce(v.name, '') || '/' || d.device end)::text as label,
       coalesce((select c.operation_id from claims c where c.resource_id in (d.id, d.vm_id)
                 order by c.shared, c.operation_id limit 1), '')::text as operation_id,
       coalesce((select o.kind from claims c join operations o on o.id = c.operation_id where c.resource_id in (d.id, d.vm_id)
                 order by c.shared, c.operation_id limit 1), '')::text as operation_kind
from volumes d left join vms v on v.id = d.vm_id;

-- A host with what is promised on it.
create view host_records as
select h.id, h.name, h.cordoned, h.facts, h.use, h.last_seen_at, h.generation, h.created_at,
       p.vms, p.promised_cpus, p.promised_memory_bytes,
       coalesce((select c.operation_id from claims c where c.resource_id = h.id
                 order by c.shared, c.operation_id limit 1), '')::text as operation_id
from hosts h
cross join lateral (
    select count(*)::bigint as vms, coalesce(sum(v.cpus), 0)::bigint as promised_cpus,
           coalesce(sum(v.memory_bytes), 0)::bigint as promised_memory_bytes
    from vms v where v.host_id = h.id
) p;


-- An operation without its timeline, which is large and read by itself.
create view operation_records as
select id, project_id, kind, state, subject_kind, subject_id, subject_name, parent_id, actor, request, result, error,
       question, leaks, no_return, cancel_requested, run_id, created_at, started_at, ended_at
from operations;

create view backup_records as
select b.*, (select count(*) from claims c where c.resource_id = b.id)::bigint as referenced_by
from backups b;

create view schedule_records as
select s.*, v.name as vm_name
from schedules s join vms v on v.id = s.vm_id;

-- What is promised in each pool: host_id is empty for volumes of a shared pool, and for those of VMs that have no host yet.
create view pool_promises as
select pool, coalesce(host_id, '')::text as host_id, count(*)::bigint as volumes, sum(size_bytes)::bigint as promised_bytes
from volumes
group by 1, 2;

create view pool_records as
select p.*, coalesce(u.volumes, 0)::bigint as volumes, coalesce(u.promised_bytes, 0)::bigint as promised_bytes,
       coalesce((select c.operation_id from claims c where c.resource_id = p.id
                 order by c.shared, c.operation_id limit 1), '')::text as operation_id
from pools p
left join (select pool, sum(volumes) as volumes, sum(promised_bytes) as promised_bytes from pool_promises group by 1) u on u.pool = p.name;

create view image_records as
select i.*, (select count(distinct d.vm_id) from volumes d where d.image_id = i.id)::bigint as vms,
       array(select t.name || ':' || n.number from template_versions n join templates t on t.id = n.template_id
             where n.image_id = i.id and n.state <> 'withdrawn' order by t.name, n.number)::text[] as templates
from images i;

create view template_version_records as
select n.*, t.project_id, t.name, coalesce(i.name, '')::text as image_name, coalesce(i.virtual_bytes, 0)::bigint as image_bytes,
       (select count(*) from vms v where v.template_version = n.id)::bigint as vms
from template_versions n join templates t on t.id = n.template_id left join images i on i.id = n.image_id;

create view template_records as
select t.*, count(n.id)::bigint as versions, coalesce(sum(n.vms), 0)::bigint as vms,
       coalesce(max(n.number) filter (where n.state = 'current'), 0)::integer as current
from templates t left join template_version_records n on n.template_id = t.id
group by t.id;

-- What a counter grew by; one that is smaller than before began again at zero.
create function growth(now bigint, before bigint) returns bigint language sql immutable
    as $$ select case when now >= before then now - before else now end $$;

-- +goose Down
drop view template_records, template_version_records, image_records, pool_records, pool_promises, schedule_records, backup_records, operation_records, host_records, volume_records, vm_records;
drop table pool_hours, host_hours, host_samples, vm_samples, events, idempotency_keys, claims, operations,
    backups, schedules, snapshots, volumes, interfaces, vms, cloud_inits, template_versions, templates, images, pools, networks, enrolments, hosts, tokens, users, projects;
drop function release_address();
drop function release_cloud_init();
drop function growth(bigint, bigint);
