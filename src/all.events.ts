import { agentMemoryEventContracts } from './agents/agent-memory.events.js';
import { callbackEventContracts } from './callbacks/callbacks.events.js';
import { agentEventContracts } from './agents/agents.events.js';
import { budgetEventContracts } from './budgets/budgets.events.js';
import { commandEventContracts } from './platform/command/command.events.js';
import { connectionEventContracts } from './connections/connections.events.js';
import { heartbeatEventContracts } from './heartbeats/heartbeats.events.js';
import { keyEventContracts } from './keys/keys.events.js';
import { logGenerationEventContracts } from './platform/event-store/log-generation.events.js';
import { notificationEventContracts } from './notifications/notifications.events.js';
import { numberEventContracts } from './platform/numbers/numbers.events.js';
import { priceEventContracts } from './prices/prices.events.js';
import { projectEventContracts } from './projects/projects.events.js';
import { queueEventContracts } from './queue/queue.events.js';
import { reactorEventContracts } from './platform/reactor/reactor.events.js';
import { securityEventContracts } from './security/security.events.js';
import { taskEventContracts } from './tasks/tasks.contracts.js';
import { tokenEventContracts } from './tokens/tokens.events.js';
import { deliveryEventContracts } from './webhooks/deliveries.events.js';
import { webhookEventContracts } from './webhooks/webhooks.events.js';

/** Every event type that the log may hold. The registry, the golden fixtures and docs/events.md are made from this list. */
export const allEventContracts = [
  ...agentEventContracts,
  ...agentMemoryEventContracts,
  ...budgetEventContracts,
  ...connectionEventContracts,
  ...callbackEventContracts,
  ...commandEventContracts,
  ...heartbeatEventContracts,
  ...priceEventContracts,
  ...projectEventContracts,
  ...queueEventContracts,
  ...keyEventContracts,
  ...taskEventContracts,
  ...notificationEventContracts,
  ...tokenEventContracts,
  ...webhookEventContracts,
  ...deliveryEventContracts,
  ...logGenerationEventContracts,
  ...numberEventContracts,
  ...reactorEventContracts,
  ...securityEventContracts,
];
