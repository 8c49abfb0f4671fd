import { atLeast, choice, listOf, object, type Operation, paging, parameter, seconds, text } from './operation.js';

const optionalText = { type: ['string', 'null'] };
const success = object({ success: { const: true } });

const project = object({
  id: { type: 'integer' },
  name: { type: 'string' },
  slug: { type: 'string', description: 'Made of the first name; it stays' },
  description: optionalText,
  ticket_prefix: { type: 'string' },
  status: { enum: ['active', 'archived'] },
  github_repo: optionalText,
  deadline: { type: ['integer', 'null'], description: 'Unix seconds' },
  color: optionalText,
  task_count: { type: 'integer' },
  assigned_agents: { type: 'array', items: { type: 'string' } },
  workspace_id: { type: 'integer' },
  created_at: seconds,
  updated_at: seconds,
});

const website = {
  id: 2,
  name: 'Website',
  slug: 'website',
  description: null,
  ticket_prefix: 'WEB',
  status: 'active',
  github_repo: 'acme/website',
  deadline: null,
  color: null,
  task_count: 0,
  assigned_agents: [],
  workspace_id: 1,
  created_at: 1_767_225_600,
  updated_at: 1_767_225_600,
};

const settings = {
  name: text(200),
  ticket_prefix: { type: 'string', pattern: '^[A-Za-z0-9]{1,20}$', description: 'Kept in upper case' },
  description: { type: ['string', 'null'], maxLength: 5_000 },
  github_repo: { type: ['string', 'null'], maxLength: 200 },
  deadline: { type: ['integer', 'null'], minimum: 0, maximum: 4_102_444_800 },
  color: { type: ['string', 'null'], maxLength: 50 },
};

export const projectOperations: Readonly<Record<string, Operation>> = {
  'GET /api/projects': {
    tag: 'Projects',
    summary: 'List projects',
    description: 'Newest first. The project `general` is always there.',
    query: [
      choice('includeArchived', '`1`: archived ones too', ['0', '1', 'false', 'true']),
      ...paging(1_000),
      atLeast,
    ],
    answer: listOf('projects', project),
    example: { projects: [website], total: 1, page: 1, limit: 1_000 },
  },
  'POST /api/projects': {
    tag: 'Projects',
    summary: 'Create a project',
    description: 'Without `ticket_prefix` it is made of the name. 409 when another project has the slug or the prefix.',
    body: {
      required: true,
      schema: object(settings, ['name']),
      example: { name: 'Website', ticket_prefix: 'WEB', github_repo: 'acme/website' },
    },
    status: 201,
    answer: object({ project }),
    example: { project: website },
    failures: [409],
  },
  'GET /api/projects/{id}': {
    tag: 'Projects',
    summary: 'One project',
    query: [atLeast],
    answer: object({ project }),
    example: { project: website },
    failures: [404],
  },
  'PATCH /api/projects/{id}': {
    tag: 'Projects',
    summary: 'Change a project',
    description: 'What is left out stays; null clears. `assigned_agents` replaces the set, all or nothing.',
    body: {
      required: true,
      schema: object({
        ...settings,
        status: { enum: ['active', 'archived'] },
        assigned_agents: { type: ['array', 'null'], items: text(100), maxItems: 1_000 },
      }),
      example: { deadline: 1_769_904_000, assigned_agents: ['build-bot'] },
    },
    answer: object({ project }),
    example: { project: { ...website, deadline: 1_769_904_000, assigned_agents: ['build-bot'] } },
    failures: [404, 409],
  },
  'DELETE /api/projects/{id}': {
    tag: 'Projects',
    summary: 'Archive or delete a project',
    description:
      'An archived project takes no new tasks and keeps those that it has. `mode=delete` needs an admin: the tasks move ' +
      'to `general` under new ticket numbers, slug and prefix become free. `general` itself stays: 400.',
    query: [choice('mode', 'What to do', ['archive', 'delete'])],
    answer: object({ success: { const: true }, mode: { enum: ['archive', 'delete'] } }),
    example: { success: true, mode: 'archive' },
    failures: [404],
  },
  'GET /api/projects/{id}/agents': {
    tag: 'Projects',
    summary: 'Who works for a project',
    query: [atLeast],
    answer: object({
      assignments: {
        type: 'array',
        items: object({
          project_id: { type: 'integer' },
          agent_name: { type: 'string' },
          role: { type: 'string' },
          assigned_at: seconds,
        }),
      },
    }),
    example: {
      assignments: [{ project_id: 2, agent_name: 'build-bot', role: 'member', assigned_at: 1_767_225_600 }],
    },
    failures: [404],
  },
  'POST /api/projects/{id}/agents': {
    tag: 'Projects',
    summary: 'Let an agent work for a project',
    description: 'Repeating it changes nothing; another role replaces the one before.',
    body: {
      required: true,
      schema: object({ agent_name: text(100), role: text(100, '`member` unless it is given') }, ['agent_name']),
      example: { agent_name: 'build-bot', role: 'lead' },
    },
    status: 201,
    answer: success,
    example: { success: true },
    failures: [404],
  },
  'DELETE /api/projects/{id}/agents': {
    tag: 'Projects',
    summary: 'An agent no longer works for a project',
    query: [parameter('agent_name', 'Required')],
    answer: success,
    example: { success: true },
    failures: [404],
  },
};
