import { Injectable } from '@nestjs/common';
import { Clock } from '../platform/clock/clock.js';
import { systemContext } from '../platform/command/command-context.js';
import type { Caller } from '../platform/http/request-context.js';
import { Ids } from '../platform/ids/ids.js';
import { ReadModelProgress } from '../platform/read-models/consistency.js';
import { ProjectDirectory } from './project-directory.js';

/** Makes sure that a list of projects holds `general`, though nobody has filed a task in the workspace yet. */
@Injectable()
export class GeneralProject {
  /** Workspaces whose `general` the read model has shown. */
  private readonly shown = new Set<number>();

  constructor(
    private readonly directory: ProjectDirectory,
    private readonly progress: ReadModelProgress,
    private readonly ids: Ids,
    private readonly clock: Clock,
  ) {}

  async ensure({ principal: { workspaceId }, correlationId }: Caller): Promise<void> {
    if (this.shown.has(workspaceId)) return;
    const context = systemContext('projects', workspaceId, this.ids.newId(), correlationId, this.clock.now());
    const { projectId } = await this.directory.general(context);
    const { position } = await this.directory.describe(projectId);
    if (position !== undefined && (await this.progress.waitFor(['projects'], position))) this.shown.add(workspaceId);
  }
}
