import type { PriceBookRevised } from '../../prices/prices.events.js';
import { activityContent } from './activity-frame.js';
import { frameMapping } from './frame-mapping.js';

export const priceFrames = [
  frameMapping<PriceBookRevised>({
    event: 'PriceBookRevised',
    frame: 'activity.created',
    map: ({ bookVersion, layer, label, source, reason, changed, removed }, metadata, place) =>
      activityContent(metadata, place, {
        type: 'price_revised',
        entityType: 'price_book',
        entityId: bookVersion,
        description: `Prices revised: version ${bookVersion}, ${changed.length} changed, ${removed.length} removed`,
        data: { layer, label, source, reason, changed: changed.length, removed: removed.length },
        about: {},
        audience: 'admin',
      }),
  }),
];
