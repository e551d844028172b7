import type { FastifyPluginAsync } from 'fastify';
import { PerchError } from '../../base/errors.ts';
import { nameOf } from './names.ts';
import { paginate } from './paginate.ts';

export interface RecordingSegment {
  /** RFC 3339, as exact as the file's name. */
  readonly start: string;
}

export interface RecordingLookup {
  /** Names of the paths that have recordings. */
  names(): Promise<readonly string[]> | readonly string[];
  /** Undefined when nothing in the configuration stands for the path; empty when it has no recordings. */
  segments(path: string): Promise<readonly RecordingSegment[] | undefined> | readonly RecordingSegment[] | undefined;
  /** Removes one segment's file. Throws PerchError when there is none that starts exactly then. */
  deleteSegment(path: string, start: string): Promise<void>;
  /** What there is of a path between two times, RFC 3339. */
  timeline(request: TimelineRequest): Promise<object>;
  /** How far the index of recordings is, and which files it has left out. */
  index(): object;
}

/** As it came in the query. */
export interface TimelineRequest {
  readonly path: string;
  readonly from: string | undefined;
  readonly to: string | undefined;
  /** Seconds. */
  readonly resolution: string | undefined;
}

interface TimelineQuery {
  readonly from?: string | readonly string[];
  readonly to?: string | readonly string[];
  readonly resolution?: string | readonly string[];
}

interface DeleteQuery {
  readonly path?: string;
  readonly start?: string;
}

export const recordingRoutes: FastifyPluginAsync<{ recordings: RecordingLookup }> = async (app, { recordings }) => {
  app.get('/recordings/list', async ({ query }) => {
    const names = [...(await recordings.names())].sort();
    const page = paginate(names, query);
    // Only the page's own are looked up: a disk holds many.
    const items = [];
    for (const name of page.items) {
      items.push({ name, segments: (await recordings.segments(name)) ?? [] });
    }
    return { ...page, items };
  });

  app.get('/recordings/get/*', async (request) => {
    const name = nameOf(request);
    const segments = await recordings.segments(name);
    if (segments === undefined) {
      throw new PerchError('badInput', `path '${name}' is not configured`, { path: name });
    }
    return { name, segments };
  });

  app.get('/recordings/index', () => recordings.index());

  app.get<{ Querystring: TimelineQuery }>('/timeline/*', (request) => {
    const one = (value: string | readonly string[] | undefined) => (typeof value === 'string' ? value : value?.[0]);
    const { from, to, resolution } = request.query;
    const times = { from: one(from), to: one(to), resolution: one(resolution) };
    return recordings.timeline({ path: nameOf(request), ...times });
  });

  app.delete<{ Querystring: DeleteQuery }>('/recordings/deletesegment', async ({ query: { path, start } }) => {
    if (typeof path !== 'string' || path === '') {
      throw new PerchError('badInput', 'invalid path');
    }
    if (typeof start !== 'string' || Number.isNaN(Date.parse(start))) {
      throw new PerchError(
        'badInput',
        `invalid start: '${(start ?? '').slice(0, 64)}' is not a time such as 2026-01-31T12:00:00+01:00`,
      );
    }
    await recordings.deleteSegment(path, start).catch((error: unknown) => {
      throw error instanceof PerchError && error.code === 'notFound'
        ? new PerchError('badInput', error.message, error.context, error)
        : error;
    });
    return { status: 'ok' };
  });
};
