import type { CommentRow } from '../../projections/tasks/tasks.queries.js';
import type { CommandContext } from '../platform/command/command-context.js';
import type { Json } from '../platform/event-store/stored-event.js';
import type { CommentAdded } from './tasks.events.js';

/** JSON nested deeper is refused on the way in; deeper replies stand beside the one that they answer. */
const MAX_DEPTH = 30;

type CommentFields = Omit<CommentRow, 'authorAgentId'>;

function commentJson(comment: CommentFields, replies: readonly Json[]): { readonly [key: string]: Json } {
  return {
    id: comment.id,
    task_id: comment.taskId,
    author: comment.author,
    content: comment.content,
    created_at: Math.floor(comment.createdAt.getTime() / 1_000),
    parent_id: comment.parentId,
    mentions: comment.mentions.map(({ name }) => name),
    workspace_id: comment.workspaceId,
    replies,
  };
}

/** A comment that has just been made. */
export function commentOf(data: CommentAdded['data'], { workspaceId, receivedAt: createdAt }: CommandContext): Json {
  const { commentId: id, taskId, author, content, parentId, mentions } = data;
  return commentJson({ id, taskId, workspaceId, author, content, parentId, mentions, createdAt }, []);
}

/** Comments with their replies, oldest first. A comment comes after the one that it answers. */
export function threadsOf(rows: readonly CommentRow[]): readonly Json[] {
  const threads: Json[] = [];
  const open = new Map<number, { readonly depth: number; readonly replies: Json[]; readonly siblings: Json[] }>();
  for (const row of rows) {
    const parent = row.parentId === null ? undefined : open.get(row.parentId);
    const isTooDeep = parent !== undefined && parent.depth >= MAX_DEPTH;
    const siblings = parent === undefined ? threads : isTooDeep ? parent.siblings : parent.replies;
    const depth = parent === undefined ? 1 : Math.min(parent.depth + 1, MAX_DEPTH);
    const replies: Json[] = [];
    open.set(row.id, { depth, replies, siblings });
    siblings.push(commentJson(row, replies));
  }
  return threads;
}
