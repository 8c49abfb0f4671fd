/**
 * How the embedded server runs: loopback and password only, no socket files, and lean (a whole installation idles in a few
 * hundred megabytes). Tests give up what a power cut would show, and nothing that kill -9 would.
 */
export function serverSettings(options: { readonly port: number; readonly durable: boolean }): string[] {
  const settings: Record<string, string> = {
    listen_addresses: '127.0.0.1',
    port: String(options.port),
    unix_socket_directories: '',
    password_encryption: 'scram-sha-256',
    timezone: 'UTC',
    log_timezone: 'UTC',
    max_connections: options.durable ? '60' : '200',
    shared_buffers: '64MB',
    work_mem: '8MB',
    maintenance_work_mem: '64MB',
    effective_cache_size: '512MB',
    // What is asked for is in memory nearly always, and on a solid-state disk otherwise.
    random_page_cost: '1.1',
    jit: 'off',
    io_method: 'sync',
    wal_level: 'minimal',
    max_wal_senders: '0',
    max_logical_replication_workers: '0',
    max_worker_processes: '4',
    max_parallel_workers_per_gather: '1',
    autovacuum_max_workers: '2',
    checkpoint_completion_target: '0.9',
    ...(options.durable ? {} : { fsync: 'off', full_page_writes: 'off' }),
  };
  return Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
}
