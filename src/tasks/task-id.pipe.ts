import type { PipeTransform } from '@nestjs/common';
import { badRequest } from '../platform/http/errors.js';

const TASK_ID = /^[1-9]\d{0,15}$/;

/** The id of a task in a path. Errors: 400 when it is not a positive integer. */
export const TaskId: PipeTransform<string, number> = {
  transform(given) {
    const id = TASK_ID.test(given) ? Number(given) : Number.NaN;
    if (!Number.isSafeInteger(id)) throw badRequest('Invalid task ID');
    return id;
  },
};
