import { plainArray, textArray } from '../engine/pg-array.js';
import type { SqlTransaction } from '../engine/sql.js';
import type { AssignmentChange, ProjectChange, ProjectsChanges } from './projects.fold.js';

export async function writeProjects(
  transaction: SqlTransaction,
  { projects, assignments }: ProjectsChanges,
  version: number,
): Promise<void> {
  const rows = [...projects.values()].sort((a, b) => a.projectId - b.projectId);
  await insertProjects(transaction, rows.filter(isCreation), version);
  await patchProjects(
    transaction,
    rows.filter((row) => row.created === undefined),
    version,
  );
  const agents = [...assignments.values()].sort((a, b) => a.projectId - b.projectId || a.agentId - b.agentId);
  await writeAssignments(transaction, agents, version);
}

type Creation = ProjectChange & Required<Pick<ProjectChange, 'created'>>;

const isCreation = (row: ProjectChange): row is Creation => row.created !== undefined;

async function insertProjects(transaction: SqlTransaction, rows: readonly Creation[], v: number): Promise<void> {
  if (rows.length === 0) return;
  await transaction.run({
    name: `projects_insert_v${v}`,
    text: `
      insert into projects_v${v} (
        project_id, workspace_id, slug, name, ticket_prefix, description, github_repo, deadline, color, created_at,
        updated_at, archived_at, deleted_at, revision)
      select * from unnest(
        $1::bigint[], $2::integer[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::bigint[],
        $9::text[], $10::timestamptz[], $11::timestamptz[], $12::timestamptz[], $13::timestamptz[], $14::bigint[])
      on conflict (project_id) do nothing`,
    values: [
      plainArray(rows.map((row) => row.projectId)),
      plainArray(rows.map((row) => row.created.workspaceId)),
      textArray(rows.map((row) => row.created.slug)),
      textArray(rows.map((row) => row.fields.name ?? '')),
      textArray(rows.map((row) => row.fields.ticketPrefix ?? '')),
      textArray(rows.map((row) => row.fields.description ?? null)),
      textArray(rows.map((row) => row.fields.githubRepo ?? null)),
      plainArray(rows.map((row) => row.fields.deadline ?? null)),
      textArray(rows.map((row) => row.fields.color ?? null)),
      textArray(rows.map((row) => row.created.at)),
      textArray(rows.map((row) => row.updatedAt)),
      textArray(rows.map((row) => row.archivedAt ?? null)),
      textArray(rows.map((row) => row.deletedAt ?? null)),
      plainArray(rows.map((row) => row.revision)),
    ],
  });
}

/** Fields that may be set to nothing say by a bit whether they were touched at all. */
const touched = { description: 1, githubRepo: 2, deadline: 4, color: 8, archivedAt: 16 } as const;

function maskOf({ fields, archivedAt }: ProjectChange): number {
  const set: Partial<Record<keyof typeof touched, unknown>> = { ...fields, archivedAt };
  return Object.entries(touched).reduce(
    (mask, [field, bit]) => (set[field as keyof typeof touched] === undefined ? mask : mask | bit),
    0,
  );
}

async function patchProjects(transaction: SqlTransaction, rows: readonly ProjectChange[], v: number): Promise<void> {
  if (rows.length === 0) return;
  await transaction.run({
    name: `projects_patch_v${v}`,
    text: `
      update projects_v${v} p
         set name = coalesce(u.name, p.name),
             ticket_prefix = coalesce(u.ticket_prefix, p.ticket_prefix),
             description = case when u.mask & ${touched.description} <> 0 then u.description else p.description end,
             github_repo = case when u.mask & ${touched.githubRepo} <> 0 then u.github_repo else p.github_repo end,
             deadline = case when u.mask & ${touched.deadline} <> 0 then u.deadline else p.deadline end,
             color = case when u.mask & ${touched.color} <> 0 then u.color else p.color end,
             archived_at = case when u.mask & ${touched.archivedAt} <> 0 then u.archived_at else p.archived_at end,
             deleted_at = coalesce(u.deleted_at, p.deleted_at),
             updated_at = u.updated_at,
             revision = u.revision
        from unnest(
          $1::bigint[], $2::integer[], $3::text[], $4::text[], $5::text[], $6::text[], $7::bigint[], $8::text[],
          $9::timestamptz[], $10::timestamptz[], $11::timestamptz[], $12::bigint[])
          as u (project_id, mask, name, ticket_prefix, description, github_repo, deadline, color, archived_at,
                deleted_at, updated_at, revision)
       where p.project_id = u.project_id and p.revision < u.revision`,
    values: [
      plainArray(rows.map((row) => row.projectId)),
      plainArray(rows.map(maskOf)),
      textArray(rows.map((row) => row.fields.name ?? null)),
      textArray(rows.map((row) => row.fields.ticketPrefix ?? null)),
      textArray(rows.map((row) => row.fields.description ?? null)),
      textArray(rows.map((row) => row.fields.githubRepo ?? null)),
      plainArray(rows.map((row) => row.fields.deadline ?? null)),
      textArray(rows.map((row) => row.fields.color ?? null)),
      textArray(rows.map((row) => row.archivedAt ?? null)),
      textArray(rows.map((row) => row.deletedAt ?? null)),
      textArray(rows.map((row) => row.updatedAt)),
      plainArray(rows.map((row) => row.revision)),
    ],
  });
}

async function writeAssignments(
  transaction: SqlTransaction,
  rows: readonly AssignmentChange[],
  v: number,
): Promise<void> {
  if (rows.length === 0) return;
  await transaction.run({
    name: `project_agents_write_v${v}`,
    text: `
      insert into project_agents_v${v} as p (
        project_id, agent_id, workspace_id, agent_name, role, assigned_at, removed_at, revision)
      select * from unnest(
        $1::bigint[], $2::bigint[], $3::integer[], $4::text[], $5::text[], $6::timestamptz[], $7::timestamptz[],
        $8::bigint[])
      on conflict (project_id, agent_id) do update
         set agent_name = excluded.agent_name,
             role = excluded.role,
             assigned_at = excluded.assigned_at,
             removed_at = excluded.removed_at,
             revision = excluded.revision
       where p.revision < excluded.revision`,
    values: [
      plainArray(rows.map((row) => row.projectId)),
      plainArray(rows.map((row) => row.agentId)),
      plainArray(rows.map((row) => row.workspaceId)),
      textArray(rows.map((row) => row.agentName)),
      textArray(rows.map((row) => row.role)),
      textArray(rows.map((row) => row.at)),
      textArray(rows.map((row) => (row.removed ? row.at : null))),
      plainArray(rows.map((row) => row.revision)),
    ],
  });
}
