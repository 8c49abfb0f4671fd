import type { HttpMethod } from '../platform/auth/access-rule.js';
import { agentMemoryOperations } from './agent-memory.operations.js';
import { agentReportOperations } from './agent-report.operations.js';
import { agentOperations } from './agent.operations.js';
import { budgetOperations } from './budget.operations.js';
import { connectionOperations } from './connection.operations.js';
import { costOperations } from './cost.operations.js';
import { figureOperations } from './figure.operations.js';
import { importOperations } from './import.operations.js';
import { callbackOperations } from './callback.operations.js';
import { keyOperations } from './key.operations.js';
import { notificationOperations } from './notification.operations.js';
import type { Operation } from './operation.js';
import { operationsOperations } from './operations.operations.js';
import { queueOperations } from './queue.operations.js';
import { projectOperations } from './project.operations.js';
import { taskOperations } from './task.operations.js';
import { priceOperations } from './price.operations.js';
import { tokenOperations } from './token.operations.js';
import { webhookOperations } from './webhook.operations.js';

/** Every documented operation, by `METHOD /path` as the access table writes it. */
export const operations: Readonly<Record<string, Operation>> = {
  ...connectionOperations,
  ...agentOperations,
  ...agentMemoryOperations,
  ...agentReportOperations,
  ...queueOperations,
  ...projectOperations,
  ...callbackOperations,
  ...webhookOperations,
  ...keyOperations,
  ...taskOperations,
  ...tokenOperations,
  ...notificationOperations,
  ...costOperations,
  ...importOperations,
  ...figureOperations,
  ...budgetOperations,
  ...priceOperations,
  ...operationsOperations,
};

/** Throws for a route that nobody has documented. */
export function operationOf(method: HttpMethod, path: string): Operation {
  const operation = operations[`${method} ${path}`];
  if (operation === undefined) throw new Error(`${method} ${path} is not documented`);
  return operation;
}
