import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { Controller, Get, Header, Headers, Inject, Param, Res } from '@nestjs/common';
import type { OpenAPIObject } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { AccessTable } from '../platform/auth/access-table.js';
import { notFound } from '../platform/http/errors.js';
import { RunningApp } from '../platform/http/running-app.js';
import { pageContentSecurityPolicy } from '../platform/http/security-headers.js';
import { version } from '../health/version.js';
import { apiDocument } from './api-document.js';
import { docsPage } from './docs-page.js';

/** The files of the UI package that the page needs, and nothing else from that folder. */
const ASSETS: Readonly<Record<string, string>> = {
  'swagger-ui.css': 'text/css; charset=utf-8',
  'swagger-ui-bundle.js': 'text/javascript; charset=utf-8',
};
const assetsFolder = dirname(createRequire(import.meta.url).resolve('swagger-ui-dist/package.json'));

@Controller()
export class DocsController {
  private built: OpenAPIObject | undefined;

  constructor(
    @Inject(RunningApp) private readonly running: RunningApp,
    @Inject(AccessTable) private readonly table: AccessTable,
  ) {}

  @Get('/api/docs')
  docs(@Headers('accept') accept: string | undefined, @Res({ passthrough: true }) reply: FastifyReply): unknown {
    reply.header('vary', 'Accept');
    if (accept?.includes('text/html') !== true) return this.document();
    const nonce = randomBytes(16).toString('base64');
    reply.header('content-security-policy', pageContentSecurityPolicy(nonce)).type('text/html; charset=utf-8');
    return docsPage(nonce);
  }

  @Get('/api/openapi.json')
  openApi(): OpenAPIObject {
    return this.document();
  }

  @Get('/api/docs/assets/:file')
  @Header('cache-control', 'public, max-age=3600')
  async asset(@Param('file') file: string, @Res({ passthrough: true }) reply: FastifyReply): Promise<Buffer> {
    const type = Object.hasOwn(ASSETS, file) ? ASSETS[file] : undefined;
    if (type === undefined) throw notFound();
    reply.type(type);
    return readFile(join(assetsFolder, file));
  }

  private document(): OpenAPIObject {
    this.built ??= apiDocument(this.running.app, this.table, version);
    return this.built;
  }
}
