import type { ProjectionTables } from '../engine/projection.js';

export const keysTables: ProjectionTables = {
  list: [
    { view: 'api_keys', key: ['key_id'] },
    // Made from events with retention: a rebuild knows only the recent ones.
    { view: 'api_key_uses', key: ['credential_id'], volatile: ['last_used_at'] },
  ],

  // Of a key only what people need to tell it from others: neither the key nor its hash.
  create: (v) => `
    create table api_keys_v${v} (
      key_id bigint primary key,
      workspace_id integer not null,
      agent_id bigint,
      name text not null,
      key_prefix text not null,
      role text not null,
      scopes json not null,
      created_by text not null,
      is_rotation boolean not null,
      expires_at timestamptz,
      created_at timestamptz not null,
      revoked_at timestamptz,
      revoke_reason text
    );

    create table api_key_uses_v${v} (
      credential_id text primary key,
      last_used_at timestamptz not null
    ) with (fillfactor = 70);
  `,

  index: (v) => `
    create index if not exists api_keys_v${v}_workspace on api_keys_v${v} (workspace_id, created_at desc, key_id desc)
      where agent_id is null;
    create index if not exists api_keys_v${v}_agent on api_keys_v${v} (agent_id, created_at desc, key_id desc);
  `,
};
