package main

// manyVMs fills a database of its own with 1,000 running VMs on 10 hosts, each with a network card and a disk.
const manyVMs = `
INSERT INTO hosts (id, name, token_hash, facts)
SELECT 'host_bench' || i, 'bench' || i, sha256(('bench' || i)::bytea), '{}' FROM generate_series(0, 9) i;
INSERT INTO vms (id, project_id, name, state, host_id, cpus, memory_bytes)
SELECT 'vm_bench' || i, (SELECT id FROM projects LIMIT 1), 'bench-' || i, 'running', 'host_bench' || i % 10, 1, 1 << 28
FROM generate_series(1, 1000) i;
INSERT INTO interfaces (vm_id, position, network_id, mac, ip)
SELECT 'vm_bench' || i, 0, (SELECT id FROM networks LIMIT 1), 'mac' || i, '10.90.0.1'::inet + i FROM generate_series(1, 1000) i;
INSERT INTO volumes (id, project_id, vm_id, device, pool, size_bytes, state)
SELECT 'vol_bench' || i, (SELECT id FROM projects LIMIT 1), 'vm_bench' || i, 'vda', (SELECT name FROM pools LIMIT 1), 1 << 30, 'ready'
FROM generate_series(1, 1000) i;
ANALYZE;`
