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
    tunnel_address   inet not null,
    last_seen_at     timestamptz not null default now(),
    generation       bigint not null default 1,
    created_at       timestamptz not null default now()
);

-- One-time tokens for new hosts.
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
    created_at timestamptz not null default now(),
    unique nulls not distinct (project_id, name)
);

create table images (
    id            text primary key,
    project_id    text references projects,
    name          text not null,
    format        text not null,
    sha256        text not null,
    size_bytes    bigint not null check (size_bytes > 0),
    virtual_bytes bigint not null check (virtual_bytes > 0),
    created_at    timestamptz not null default now(),
    unique nulls not distinct (project_id, name)
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
    generation   bigint not null default 1,
    created_at   timestamptz not null default now(),
    updated_at   timestamptz not null default now(),
    unique (project_id, name)
);
create index vms_by_host on vms (host_id);
create index vms_by_state on vms (project_id, state);

create table interfaces (
    vm_id      text not null references vms on delete cascade,
    position   integer not null,
    network_id text not null references networks,
    mac        text not null unique,
    ip         inet not null,
    primary key (vm_id, position),
    unique (network_id, ip)
);

create table volumes (
    id         text primary key,
    project_id text not null references projects,
    vm_id      text references vms,
    device     text not null,
    pool       text not null,
    host_id    text references hosts,
    size_bytes bigint not null check (size_bytes > 0),
    image_id   text references images,
    format     text not null default 'qcow2',
    state      text not null,
    created_at timestamptz not null default now()
);
create index volumes_by_vm on volumes (vm_id);
create index volumes_by_image on volumes (image_id);

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
    created_at     timestamptz not null default now(),
    verified_at    timestamptz
);
create index backups_by_vm on backups (vm_id, created_at desc);
create index backups_by_project on backups (project_id, created_at desc);

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
create index operations_open on operations (id) where ended_at is null;
create index operations_by_kind on operations (kind, ended_at desc) where ended_at is not null;

-- At most one operation works on a thing. Shared claims (a backup that is being restored twice) count; see mode.
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

create table pool_samples (
    pool           text not null,
    host_id        text not null,
    at             timestamptz not null,
    capacity_bytes bigint not null,
    used_bytes     bigint not null
) partition by range (at);
create index pool_samples_by_pool on pool_samples (pool, host_id, at desc);

-- +goose Down
drop table pool_samples, host_samples, vm_samples, events, idempotency_keys, claims, operations, backups, schedules,
    volumes, interfaces, vms, images, networks, enrolments, hosts, tokens, users, projects;
