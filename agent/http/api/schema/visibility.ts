import type { FastifyRequest } from 'fastify';

/** A viewer or guest of the box: not its owner, and nobody with `api` permission. */
export interface Viewer {
  may(action: string, path: string): boolean;
}

/** The only addresses of the API that viewers and guests have, and of these only what they may watch. */
const OPEN_ROUTES = new Set([
  ...['/v3/paths/list', '/v3/paths/get/*', '/v3/timeline/*', '/v3/recordings/protected'],
  ...['/v3/events', '/v3/events/list'],
]);

/** Whether a person without the permission `api` may ask this. */
export const isForViewers = ({ method, routeOptions }: FastifyRequest): boolean =>
  (method === 'GET' || method === 'HEAD') && OPEN_ROUTES.has(routeOptions.url ?? '');

export const maySee = (person: Viewer, path: string): boolean =>
  person.may('read', path) || person.may('playback', path);

/** Of all that happens to the box a viewer is told what was seen by the cameras whose recordings are his to play. */
export function isToldTo(event: { readonly type: string; readonly data: string }, person: Viewer): boolean {
  if (event.type !== 'event') {
    return false;
  }
  const { path }: { readonly path?: unknown } = JSON.parse(event.data);
  return typeof path === 'string' && path !== '' && person.may('playback', path);
}

/** Of a path's facts, those that are not for everybody. */
interface Telling {
  readonly source: unknown;
  readonly readers: unknown;
  readonly sourceStatistics: unknown;
  readonly lastError: string | null;
  readonly lastErrorWhy: string | null;
  readonly configError: string | null;
  readonly recording: { readonly error: string | null; readonly why: string | null } | null;
}

/** What a viewer needs to know of a path, and what he may: neither who else watches nor addresses of the network behind it. */
export function shownToViewers<T extends Telling & { readonly name: string }>(
  item: T,
  person: Viewer,
): T & { readonly mayRead: boolean; readonly mayPlayback: boolean } {
  return {
    ...item,
    mayRead: person.may('read', item.name),
    mayPlayback: person.may('playback', item.name),
    source: null,
    readers: [],
    ...('subscribers' in item ? { subscribers: [] } : {}),
    sourceStatistics: null,
    lastErrorWhy: null,
    lastError: item.lastError === null ? null : 'the camera cannot be reached',
    configError: item.configError === null ? null : 'the camera is not set up',
    recording: item.recording && { ...item.recording, error: null, why: null },
  };
}
