import { Controller, Get, Param, Query, Res } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { type Invariant, invariants, invariantSums } from '../../projections/cost/invariants.queries.js';
import {
  type Provenance,
  ProvenanceQueries,
  type ProvenTerm,
  type RateRow,
} from '../../projections/cost/provenance.queries.js';
import { QueryEndpoint } from '../platform/command/query-endpoint.js';
import { notFound, Refusal } from '../platform/http/errors.js';
import type { Query as ListQuery } from '../platform/http/list-query.js';
import { type Caller, CurrentCaller } from '../platform/http/request-context.js';
import { Database } from '../platform/read-models/database.js';
import { rowJson } from '../tokens/usage-json.js';

const shownBy = ['cost'] as const;
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
/** The sums go over every report. */
const STATEMENT_TIMEOUT_MS = 120_000;

/** Why a cost is what it is, and whether all of them agree. */
@ApiTags('tokens')
@Controller('api/tokens')
export class ProvenanceController {
  constructor(
    private readonly provenance: ProvenanceQueries,
    private readonly database: Database,
    private readonly answers: QueryEndpoint,
  ) {}

  @Get('invariants')
  @ApiOperation({ summary: 'Whether all sums agree, exactly' })
  async invariants(
    @CurrentCaller() caller: Caller,
    @Query() query: ListQuery,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    if (caller.principal.agentId !== undefined) throw new Refusal(403, 'Requires viewer role or higher');
    return this.answers.answer(reply, shownBy, query, async () => {
      const snapshot = await this.database.snapshot({ statementTimeoutMs: STATEMENT_TIMEOUT_MS });
      try {
        const checks = await invariants(snapshot, caller.principal.workspaceId);
        return { holds: checks.every(({ holds }) => holds), checks: checks.map(checkJson) };
      } finally {
        await snapshot.close();
      }
    });
  }

  @Get(':id/cost')
  @ApiOperation({ summary: 'How a report came to its cost' })
  async cost(
    @CurrentCaller() caller: Caller,
    @Param('id') id: string,
    @Query() query: ListQuery,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<object> {
    const { workspaceId, agentId } = caller.principal;
    if (!UUID.test(id)) throw notFound('Token usage record not found');
    return this.answers.answer(reply, shownBy, query, async () => {
      const found = await this.provenance.of(workspaceId, id);
      if (found !== undefined) {
        if (agentId === undefined || found.usage.agentId === agentId) return provenanceJson(found);
        throw notFound('Token usage record not found');
      }
      const voided = agentId === undefined ? await this.provenance.voided(workspaceId, id) : undefined;
      if (voided === undefined) throw notFound('Token usage record not found');
      return { ...voided, voided: true, voidedAt: voided.voidedAt.toISOString() };
    });
  }
}

function checkJson({ name, expected, actual, holds }: Invariant) {
  const named = (sums: readonly string[]) =>
    sums.length === 1
      ? { reports: sums[0] }
      : Object.fromEntries(invariantSums.map((sum, index) => [sum, sums[index] ?? null]));
  return { name, holds, expected: named(expected), actual: named(actual) };
}

function provenanceJson(found: Provenance) {
  const { usage, rate, terms } = found;
  return {
    record: rowJson(usage),
    costUsd: usage.costUsd,
    unpricedReason: usage.unpricedReason,
    matchKind: found.matchKind,
    canonicalProvider: found.canonicalProvider,
    canonicalModel: found.canonicalModel,
    namesTried: found.namesTried,
    bookVersion: found.bookVersion,
    rate: rate === undefined ? null : rateJson(rate),
    terms,
    formula: rate === undefined ? null : formulaOf(terms, usage.costUsd ?? ''),
    reportedCostUsd: usage.reportedCostUsd,
    reportedDifferenceUsd: found.reportedDifferenceUsd,
    correctedAt: found.correctedAt?.toISOString() ?? null,
    currency: 'USD',
  };
}

function rateJson({ rate, provider, model, layer, source, firstBookVersion }: RateRow) {
  return { ...rate, serviceClass: rate.serviceClass ?? 'standard', provider, model, layer, source, firstBookVersion };
}

/** The formula with its numbers, e.g. `(1500 × 3 + 800 × 15) × 0.000001 = 0.016500000000`. */
function formulaOf(terms: readonly ProvenTerm[], costUsd: string): string {
  const used = terms.filter(({ tokens }) => tokens !== '0');
  const sum = used.map(({ tokens, perMTok }) => `${tokens} × ${perMTok}`).join(' + ');
  return `(${sum === '' ? '0' : sum}) × 0.000001 = ${costUsd}`;
}
