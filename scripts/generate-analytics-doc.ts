import { writeFileSync } from 'node:fs';
import { ANALYTICS_DOC, analyticsDoc } from './analytics/analytics-doc.js';

writeFileSync(ANALYTICS_DOC, await analyticsDoc());
