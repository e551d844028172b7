import type { FastifyPluginAsync } from 'fastify';
import { PerchError } from '../../base/errors.ts';
import { idOf } from './names.ts';
import { paginate } from './paginate.ts';

/** Far more than a range with the longest note. */
const MAX_BODY_BYTES = 16_384;
const KEYS = ['path', 'start', 'end', 'note'] as const;

/** Recordings that nothing deletes. Times are RFC 3339. */
export interface ProtectedRecording {
  readonly id: string;
  readonly path: string;
  readonly start: string;
  readonly end: string;
  readonly note: string;
}

export interface ProtectionLookup {
  /** By their start. */
  list(): readonly ProtectedRecording[];
  /** Throws PerchError: badInput for an unknown path or what is no time, unavailable when it cannot be kept. */
  protect(range: Omit<ProtectedRecording, 'id'>): Promise<ProtectedRecording>;
  /** Throws PerchError notFound. */
  unprotect(id: string): Promise<void>;
}

/** `/recordings/protect` and `/recordings/protected`: what is to stay whatever its age and however little space there is. */
export const protectedRoutes: FastifyPluginAsync<{ protection: ProtectionLookup }> = async (app, { protection }) => {
  app.get<{ Querystring: { path?: unknown } }>('/recordings/protected', async ({ query }) => {
    const all = protection.list();
    return paginate(typeof query.path === 'string' ? all.filter(({ path }) => path === query.path) : all, query);
  });

  app.post('/recordings/protect', { bodyLimit: MAX_BODY_BYTES }, async ({ body }) => ({
    status: 'ok',
    ...(await protection.protect(parseRange(body))),
  }));

  app.delete('/recordings/protect/:id', async (request) => {
    await protection.unprotect(idOf(request));
    return { status: 'ok' };
  });

  // The address of the list with an id behind it is a near guess.
  app.delete('/recordings/protected/:id', async (request) => {
    throw new PerchError('notFound', `not found: DELETE /v3/recordings/protect/${idOf(request)} ends a protection`);
  });
};

function parseRange(body: unknown): Omit<ProtectedRecording, 'id'> {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    throw new PerchError('badInput', 'the body is not a JSON object with path, start and end');
  }
  const unknown = Object.keys(body).find((key) => !(KEYS as readonly string[]).includes(key));
  if (unknown !== undefined) {
    throw new PerchError('badInput', `unknown field '${unknown.slice(0, 64)}': known are ${KEYS.join(', ')}`);
  }
  const text = (key: (typeof KEYS)[number], isNeeded: boolean): string => {
    const value = (body as Record<string, unknown>)[key] ?? '';
    if (typeof value !== 'string') {
      throw new PerchError('badInput', `${key} is not a text`);
    }
    if (isNeeded && value === '') {
      throw new PerchError('badInput', `${key} is missing`);
    }
    return value;
  };
  return { path: text('path', true), start: text('start', true), end: text('end', true), note: text('note', false) };
}
