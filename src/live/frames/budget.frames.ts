import type {
  BudgetChanged,
  BudgetDefined,
  BudgetDeleted,
  BudgetRecovered,
  BudgetScope,
  BudgetTerms,
  BudgetThresholdReached,
  ThresholdCrossing,
} from '../../budgets/budgets.events.js';
import type { EventMetadata } from '../../platform/event-store/stored-event.js';
import { activityContent } from './activity-frame.js';
import { frameMapping, type FrameContent, type FramePlace, type FrameSubject } from './frame-mapping.js';

const frame = 'activity.created';
const entityType = 'budget';

export const budgetFrames = [
  frameMapping<BudgetDefined>({
    event: 'BudgetDefined',
    frame,
    map: (data, metadata, place) => termsContent('budget_defined', 'defined', data, metadata, place),
  }),
  frameMapping<BudgetChanged>({
    event: 'BudgetChanged',
    frame,
    map: (data, metadata, place) => termsContent('budget_changed', 'changed', data, metadata, place),
  }),
  frameMapping<BudgetDeleted>({
    event: 'BudgetDeleted',
    frame,
    map: ({ budgetId, name }, metadata, place) =>
      activityContent(metadata, place, {
        type: 'budget_deleted',
        entityType,
        entityId: null,
        description: `${metadata.actor.name} deleted budget "${name}"`,
        data: { budgetId, name },
        about: {},
      }),
  }),
  frameMapping<BudgetThresholdReached>({
    event: 'BudgetThresholdReached',
    frame,
    map: (data, metadata, place) => crossingContent('alert_budget_reached', data, metadata, place),
  }),
  frameMapping<BudgetRecovered>({
    event: 'BudgetRecovered',
    frame,
    map: (data, metadata, place) => crossingContent('alert_budget_recovered', data, metadata, place),
  }),
];

function termsContent(
  type: string,
  verb: string,
  { budgetId, name, scope, period, limitUsd, softPercents, hard }: BudgetTerms & { readonly budgetId: string },
  metadata: EventMetadata,
  place: FramePlace,
): FrameContent {
  return activityContent(metadata, place, {
    type,
    entityType,
    entityId: null,
    description: `${metadata.actor.name} ${verb} budget "${name}"`,
    data: {
      budgetId,
      name,
      scope: { ...scope },
      period: { ...period },
      limitUsd,
      softPercents: [...softPercents],
      hard,
    },
    about: aboutScope(scope),
  });
}

function crossingContent(
  type: string,
  { budgetId, scope, ...data }: ThresholdCrossing,
  metadata: EventMetadata,
  place: FramePlace,
): FrameContent {
  const { name, percent, spentUsd, limitUsd, period, kind } = data;
  const what = type === 'alert_budget_reached' ? `has reached ${percent} %` : `is below ${percent} % again`;
  const stops = kind === 'hard' ? ' (hard)' : '';
  return activityContent(metadata, place, {
    type,
    entityType,
    entityId: null,
    description: `Budget "${name}" ${what}${stops}: ${spentUsd} of ${limitUsd} USD, ${period}`,
    data: { budgetId, ...data, scope: { ...scope } },
    about: aboutScope(scope),
  });
}

function aboutScope({ agent, taskId }: BudgetScope): FrameSubject {
  return { agentNames: agent === null ? [] : [agent], taskIds: taskId === null ? [] : [taskId] };
}
