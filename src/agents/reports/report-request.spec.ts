import { describe, expect, it } from '@jest/globals';
import { periodBefore, reportRequest } from './report-request.js';

const sections = ['summary', 'tasks', 'errors'] as const;
const now = new Date('2026-01-02T00:00:00.900Z');
const request = (query: Record<string, string>) => reportRequest(query, sections, now);

describe('what a report asks for', () => {
  it('is everything of the last day by default', () => {
    expect(request({})).toEqual({
      period: { hours: 24, since: 1_767_225_601, until: 1_767_312_001 },
      sections,
      privileged: false,
    });
  });

  it('is the named sections, in the order of the report', () => {
    expect(request({ section: 'errors, summary' }).sections).toEqual(['summary', 'errors']);
    expect(request({ privileged: '1' }).privileged).toBe(true);
  });

  it('ends where the period before it begins', () => {
    const { period } = request({ hours: '1' });
    expect(periodBefore(period)).toEqual({ hours: 1, since: period.since - 3_600, until: period.since });
  });

  it.each([
    { hours: '0' },
    { hours: '721' },
    { hours: 'x' },
    { section: '' },
    { section: 'mood' },
    { section: 'tasks,' },
    { privileged: 'yes' },
  ])('is refused when it says %j', (query) => {
    expect(() => request(query as unknown as Record<string, string>)).toThrow(/^Invalid/);
  });
});
