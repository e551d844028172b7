import type { FastifyRequest } from 'fastify';
import { PerchError } from '../../../base/errors.ts';
import { eventKindOf } from '../../../base/event-kinds.ts';
import { pathName } from './names.ts';

/** A viewer or guest: neither the owner nor a client with `api` permission. */
export interface Viewer {
  may(action: string, path: string): boolean;
  /** A paired server. */
  readonly isServer?: boolean;
}

/** The only API addresses for viewers and guests, limited to their paths. */
const OPEN_ROUTES = new Set([
  '/v3/paths/list',
  '/v3/paths/get/*',
  '/v3/timeline/*',
  '/v3/recordings/protected',
  '/v3/recordings/clips',
  '/v3/events',
  '/v3/events/list',
  '/v3/events/digest',
  '/v3/reviews',
  '/v3/reviews/:id',
  '/v3/layouts/list',
  '/v3/layouts/get/*',
]);
/** For those who have the right to the camera. */
const STEERING_ROUTES: ReadonlyMap<string, 'turn' | 'switch'> = new Map([
  ['GET /v3/cameras/ptz/get/*', 'turn'],
  ['GET /v3/cameras/ptz/presets/*', 'turn'],
  ['POST /v3/cameras/ptz/move/*', 'turn'],
  ['POST /v3/cameras/ptz/stop/*', 'turn'],
  ['POST /v3/cameras/ptz/home/*', 'turn'],
  ['POST /v3/cameras/ptz/goto/*', 'turn'],
  ['GET /v3/cameras/ptz/position/*', 'turn'],
  ['POST /v3/cameras/ptz/position/*', 'turn'],
  ['POST /v3/cameras/ptz/center/*', 'turn'],
  ['GET /v3/cameras/outputs/list/*', 'switch'],
  ['POST /v3/cameras/outputs/set/*', 'switch'],
]);
/** Changes that concern the person alone. */
const OPEN_CHANGES = new Set(['/v3/events/seen', '/v3/reviews/:id/seen']);

/** The only API addresses for paired servers, limited to their cameras. */
const SERVER_ROUTES = new Set(['/v3/timeline/*', '/v3/events', '/v3/events/list']);

export const isForServers = ({ method, routeOptions }: FastifyRequest): boolean =>
  method === 'GET' && SERVER_ROUTES.has(routeOptions.url ?? '');

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Viewers may request it: the route itself checks for which paths. */
    readonly isForViewers?: true;
  }
}

/** Whether a person without `api` permission may request this. */
export const isForViewers = ({ method, routeOptions: { url = '', config } }: FastifyRequest): boolean =>
  config.isForViewers ??
  (method === 'GET' || method === 'HEAD' ? OPEN_ROUTES.has(url) : method === 'POST' && OPEN_CHANGES.has(url));

const steeringRight = ({ method, routeOptions: { url = '' } }: FastifyRequest): string | undefined =>
  STEERING_ROUTES.get(`${method} ${url}`);

/** Whether this is a request for the camera's position or outputs. */
export const isSteering = (request: FastifyRequest): boolean => steeringRight(request) !== undefined;

/**
 * Whether this is a request for the camera's position or outputs, and the person has the right to that.
 * @throws PerchError unauthorized for a paired server without it
 */
export function maySteer(request: FastifyRequest, person: Viewer): boolean {
  const right = steeringRight(request);
  if (right === undefined) {
    return false;
  }
  const path = pathName(request);
  const may = person.may(right, path);
  if (!may && person.isServer) {
    const doing = right === 'turn' ? 'move' : 'switch outputs of';
    throw new PerchError('unauthorized', `this box does not let the server ${doing} '${path}'`, { path });
  }
  return may;
}

export const maySee = (person: Viewer, path: string): boolean =>
  person.may('read', path) || person.may('playback', path);

/** Viewers get the events of cameras whose recordings they may play, and doorbell events also of those that they may watch live. */
export function isVisibleTo(event: { readonly type: string; readonly data: string }, person: Viewer): boolean {
  if (event.type !== 'event') {
    return false;
  }
  const { path, type }: { readonly path?: unknown; readonly type?: unknown } = JSON.parse(event.data);
  const isBell = typeof type === 'string' && eventKindOf(type) === 'doorbell';
  return typeof path === 'string' && path !== '' && (isBell ? maySee(person, path) : person.may('playback', path));
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
): T & {
  readonly mayRead: boolean;
  readonly mayPlayback: boolean;
  readonly mayTurn: boolean;
  readonly maySwitch: boolean;
} {
  return {
    ...item,
    mayRead: person.may('read', item.name),
    mayPlayback: person.may('playback', item.name),
    mayTurn: person.may('turn', item.name),
    maySwitch: person.may('switch', item.name),
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
