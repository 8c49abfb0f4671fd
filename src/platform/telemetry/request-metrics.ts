/** Upper bounds of the duration histogram, seconds. */
const BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10] as const;

interface RouteFigures {
  readonly labels: string;
  readonly byStatus: Map<number, number>;
  readonly buckets: number[];
  seconds: number;
  count: number;
}

/**
 * Requests by route, method and status. Counting is an addition in an array that the route holds, because a labelled
 * metric object per request would cost more than some of the handlers. `text()` gives the Prometheus exposition.
 */
export class RequestMetrics {
  private readonly routes: RouteFigures[] = [];

  /** The figures of one route; the caller keeps them. `route` is a pattern, never a path with ids. */
  forRoute(method: string, route: string): RouteFigures {
    const labels = `method="${method}",route="${route}"`;
    const known = this.routes.find((figures) => figures.labels === labels);
    if (known !== undefined) return known;
    const figures = { labels, byStatus: new Map(), buckets: BUCKETS.map(() => 0), seconds: 0, count: 0 };
    this.routes.push(figures);
    return figures;
  }

  text(): string {
    const used = this.routes.filter((route) => route.count > 0);
    return [
      '# HELP mc_http_requests_total Answers by route, method and status.',
      '# TYPE mc_http_requests_total counter',
      ...used.flatMap(({ labels, byStatus }) =>
        [...byStatus].map(([status, n]) => `mc_http_requests_total{${labels},status="${status}"} ${n}`),
      ),
      '# HELP mc_http_request_duration_seconds Time from the first byte of the request to the end of the answer.',
      '# TYPE mc_http_request_duration_seconds histogram',
      ...used.flatMap(histogramLines),
      '',
    ].join('\n');
  }
}

export type { RouteFigures };

export function countRequest(figures: RouteFigures, status: number, seconds: number): void {
  figures.byStatus.set(status, (figures.byStatus.get(status) ?? 0) + 1);
  figures.count += 1;
  figures.seconds += seconds;
  const bucket = BUCKETS.findIndex((bound) => seconds <= bound);
  if (bucket !== -1) figures.buckets[bucket] = (figures.buckets[bucket] ?? 0) + 1;
}

function histogramLines({ labels, buckets, count, seconds }: RouteFigures): string[] {
  const name = 'mc_http_request_duration_seconds';
  let below = 0;
  const lines = BUCKETS.map((bound, index) => {
    below += buckets[index] ?? 0;
    return `${name}_bucket{${labels},le="${bound}"} ${below}`;
  });
  lines.push(`${name}_bucket{${labels},le="+Inf"} ${count}`);
  lines.push(`${name}_sum{${labels}} ${seconds}`, `${name}_count{${labels}} ${count}`);
  return lines;
}
