import type { FastifyRequest } from 'fastify';

/** A viewer or guest: neither the owner nor a client with `api` permission. */
export interface Viewer {
  may(action: string, path: string): boolean;
}

/** The only API addresses for viewers and guests, limited to their paths. */
const OPEN_ROUTES = new Set([
  ...['/v3/paths/list', '/v3/paths/get/*', '/v3/timeline/*', '/v3/recordings/protected'],
  '/v3/recordings/clips',
  ...['/v3/events', '/v3/events/list', '/v3/events/digest', '/v3/layouts/list', '/v3/layouts/get/*'],
]);
/** Changes that concern the person alone. */
const OPEN_CHANGES = new Set(['/v3/events/seen']);

/** The only API addresses for paired servers, limited to their cameras. */
const SERVER_ROUTES = new Set(['/v3/timeline/*', '/v3/events', '/v3/events/list']);

export const isForServers = ({ method, routeOptions }: FastifyRequest): boolean =>
  method === 'GET' && SERVER_ROUTES.has(routeOptions.url ?? '');

/** Whether a person without `api` permission may request this. */
export const isForViewers = ({ method, routeOptions }: FastifyRequest): boolean =>
  method === 'GET' || method === 'HEAD'
    ? OPEN_ROUTES.has(routeOptions.url ?? '')
    : method === 'POST' && OPEN_CHANGES.has(routeOptions.url ?? '');

export const maySee = (person: Viewer, path: string): boolean =>
  person.may('read', path) || person.may('playback', path);

/** Viewers get the events of cameras whose recordings they may play. */
export function isVisibleTo(event: { readonly type: string; readonly data: string }, person: Viewer): boolean {
  if (event.type !== 'event') {
    return false;
  }
  const { path }: { readonly path?: unknown } = JSON.parse(event.data);
  return typeof path === 'string' && path !== '' && person.may('playback', path);
}

/** Fields of a path that viewers do not get. */
interface HiddenFields {
  readonly source: unknown;
  readonly readers: unknown;
  readonly sourceStatistics: unknown;
  readonly lastError: string | null;
  readonly lastErrorWhy: string | null;
  readonly configError: string | null;
  readonly recording: { readonly error: string | null; readonly why: string | null } | null;
}

/** A path for viewers: without other viewers, and without addresses of the network. */
export function shownToViewers<T extends HiddenFields & { readonly name: string }>(
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
