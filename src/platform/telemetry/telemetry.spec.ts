import { describe, expect, it } from '@jest/globals';
import { prettyLine } from './pretty-lines.js';
import { redactedUrl } from './redacted-url.js';
import { countRequest, RequestMetrics } from './request-metrics.js';

describe('a URL in a log line', () => {
  it.each([
    ['/api/events?ticket=abc&types=task', '/api/events?ticket=[redacted]&types=task'],
    ['/api/x?a=1&API_KEY=secret', '/api/x?a=1&API_KEY=[redacted]'],
    ['/api/x?access_token=secret', '/api/x?access_token=[redacted]'],
    ['/api/tokens?tokens=5', '/api/tokens?tokens=5'],
  ])('%s is shown as %s', (url, shown) => {
    expect(redactedUrl(url)).toBe(shown);
  });

  it('is cut when it is very long', () => {
    expect(redactedUrl(`/${'x'.repeat(9000)}`).length).toBeLessThan(510);
  });
});

describe('a log line on a terminal', () => {
  it('shows time, level, name, message and fields, and the stack of an error', () => {
    const line = { time: '2026-01-02T03:04:05.678Z', level: 'info', name: 'api', msg: 'ready', port: 3000 };
    expect(prettyLine(JSON.stringify(line))).toBe('03:04:05.678 info  api ready port=3000\n');
    const failed = { ...line, level: 'error', err: { message: 'no', stack: 'Error: no\n    at x' } };
    expect(prettyLine(JSON.stringify(failed))).toContain('\nError: no\n    at x\n');
  });
});

describe('request figures', () => {
  it('are counted by route, method and status, with cumulative buckets', () => {
    const metrics = new RequestMetrics();
    const figures = metrics.forRoute('GET', '/api/agents/:id');
    countRequest(figures, 200, 0.002);
    countRequest(figures, 200, 0.2);
    countRequest(figures, 404, 99);
    expect(metrics.forRoute('GET', '/api/agents/:id')).toBe(figures);
    const text = metrics.text();
    expect(text).toContain('mc_http_requests_total{method="GET",route="/api/agents/:id",status="200"} 2');
    expect(text).toContain('mc_http_requests_total{method="GET",route="/api/agents/:id",status="404"} 1');
    expect(text).toContain('le="0.0025"} 1');
    expect(text).toContain('le="10"} 2');
    expect(text).toContain('le="+Inf"} 3');
    expect(text.endsWith('\n')).toBe(true);
  });
});
