import { Module } from '@nestjs/common';
import { DocsController } from './docs.controller.js';

/** `/api/docs`, `/api/openapi.json`. */
@Module({ controllers: [DocsController] })
export class DocsApiModule {}
