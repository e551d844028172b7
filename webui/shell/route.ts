import { signal } from '@preact/signals';

/** The page in the address after `#`. Camera names may contain anything and are encoded. */
export type Route =
  | { readonly page: 'start' | 'login' | 'live' }
  | { readonly page: 'wall' /** Undefined: all cameras. */; readonly wall?: string }
  | { readonly page: 'camera'; readonly camera: string /** Asked to talk through it. */; readonly talk?: true }
  | ListRoute
  | RecordingsRoute
  | SettingsRoute;

interface ListRoute {
  readonly page: 'events' | 'clips';
  /** Undefined: of all cameras. */
  readonly camera?: string;
  /** What follows `?` in the address: filters of events. */
  readonly query?: string;
}

interface RecordingsRoute extends RecordedMoment {
  readonly page: 'recordings';
  readonly camera?: string;
}

interface RecordedMoment {
  /** Unix milliseconds. */
  readonly atMs?: number;
  /** Seconds before the newest recording. */
  readonly agoS?: number;
  /** With the events of all cameras. */
  readonly all?: true;
  /** The clip, Unix milliseconds. */
  readonly clip?: { readonly startMs: number; readonly endMs: number };
  /** The card of events that is played. */
  readonly card?: string;
  /** Its cameras play in sync. */
  readonly sync?: true;
}

/** The sections of the settings, with the pages below each. */
const SECTIONS = {
  // The pages `boxes`, `objects` and `away` are of features: a camera may have their names.
  cameras: ['add', 'layouts', 'boxes', 'objects', 'away'],
  storage: [],
  system: ['backup', 'log', 'file', 'https', 'remote', 'servers', 'name'],
  people: ['views'],
} as const;
export type SettingsSection = keyof typeof SECTIONS;
type SettingsPart = (typeof SECTIONS)[SettingsSection][number];

interface SettingsRoute {
  readonly page: 'settings';
  /** One of `SettingsSection`, or of a feature; the page shows the cameras if there is no such section. */
  readonly section: string;
  /** Edited camera; only in the section `cameras`. */
  readonly camera?: string;
  readonly part?: SettingsPart;
  /** A part that the page does not know: of a feature. Not in the section `cameras`, where it is a camera. */
  readonly feature?: string;
  /** Name in the viewing history; only in the part `views`. */
  readonly person?: string;
  /** What follows `?` in the address of a part. */
  readonly query?: string;
}

export function parseRoute(hash: string): Route {
  const [path = '', query = ''] = hash.replace(/^#?\/?/, '').split(/\?(.*)/s);
  const [page = '', rest] = path.split(/\/(.*)/s);
  const camera = rest ? decode(rest) : undefined;
  switch (page) {
    case 'start':
    case 'login':
      return { page };
    case 'wall':
      return { page, ...(rest ? { wall: decode(rest) } : {}) };
    case 'settings':
      return readSettings(rest ?? '', query);
    case 'events':
    case 'clips':
      return { page, ...(camera ? { camera } : {}), ...(query && { query }) };
    case 'rec':
      return { page: 'recordings', ...(camera ? { camera } : {}), ...readMoment(query) };
    default:
      return camera && page === 'live' ? readCamera(camera, query) : { page: 'live' };
  }
}

const readCamera = (camera: string, query: string): Route => ({
  page: 'camera',
  camera,
  ...(new URLSearchParams(query).has('talk') ? { talk: true } : {}),
});

function readSettings(path: string, query: string): SettingsRoute {
  const page = 'settings';
  const [section = '', rest = ''] = path.split(/\/(.*)/s);
  if (!isSection(section)) {
    return { page, section: section || 'cameras' };
  }
  const [first, person] = rest.split(/\/(.*)/s);
  if (section === 'people' && first === 'views') {
    return { page, section, part: first, ...(person === undefined ? {} : { person: decode(person) }) };
  }
  const part = partOf(section, rest);
  if (section === 'cameras' && rest !== '' && !part) {
    return { page, section, camera: decode(rest) };
  }
  const feature = part || rest === '' ? {} : { feature: rest };
  return { page, section, ...(part && { part }), ...feature, ...(query !== '' && { query }) };
}

const isSection = (name: string): name is SettingsSection => Object.hasOwn(SECTIONS, name);

const partOf = (section: SettingsSection, name: string): SettingsPart | undefined =>
  SECTIONS[section].find((part: SettingsPart) => part === name);

function readMoment(query: string): RecordedMoment {
  const fields = new URLSearchParams(query);
  const atMs = Date.parse(fields.get('t') ?? '');
  const agoS = Number.parseFloat(fields.get('ago') ?? '');
  const [, start = '', end = ''] = /^(\d{1,15})-(\d{1,15})$/.exec(fields.get('clip') ?? '') ?? [];
  const card = fields.get('card');
  const clip = { startMs: Number(start), endMs: Number(end) };
  return {
    ...(Number.isFinite(atMs) ? { atMs } : {}),
    ...(Number.isFinite(agoS) && agoS >= 0 ? { agoS } : {}),
    ...(fields.has('all') ? { all: true } : {}),
    ...(clip.endMs > clip.startMs ? { clip } : {}),
    ...(card ? { card, ...(fields.has('sync') ? { sync: true } : {}) } : {}),
  };
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

export const LIVE = '#/live';

export const cameraLink = (camera: string): string => `#/live/${encodeURIComponent(camera)}`;

/** @param camera empty: of all cameras. @param query filters */
export const eventsLink = (camera = '', query = ''): string =>
  `#/events/${encodeURIComponent(camera)}${query && `?${query}`}`;

/** @param camera empty: of all cameras */
export const clipsLink = (camera = ''): string => `#/clips/${encodeURIComponent(camera)}`;

export function recordingsLink(camera: string, { atMs, agoS, all, clip, card, sync }: RecordedMoment = {}): string {
  const fields = [
    ...(atMs === undefined ? [] : [`t=${new Date(atMs).toISOString()}`]),
    ...(atMs !== undefined || agoS === undefined ? [] : [`ago=${agoS}`]),
    ...(all ? ['all'] : []),
    ...(clip ? [`clip=${Math.round(clip.startMs)}-${Math.round(clip.endMs)}`] : []),
    ...(card ? [`card=${card}`, ...(sync ? ['sync'] : [])] : []),
  ];
  return `#/rec/${encodeURIComponent(camera)}${fields.length > 0 ? `?${fields.join('&')}` : ''}`;
}

export const settingsLink = (section: SettingsSection, part?: SettingsPart): string => featureLink(section, part ?? '');

/** @param part of a feature's page */
export const featureLink = (section: SettingsSection, part: string): string =>
  `#/settings/${section}${part && `/${part}`}`;

/** A camera may be named `add`, whose first letter is then encoded. */
export const cameraSettingsLink = (camera: string): string =>
  `#/settings/cameras/${partOf('cameras', camera) ? `%${camera.charCodeAt(0).toString(16)}${camera.slice(1)}` : encodeURIComponent(camera)}`;

/** @param name empty: all cameras */
export const wallLink = (name = ''): string => `#/wall${name && `/${encodeURIComponent(name)}`}`;

/** Key of the scroll position: a sheet shares that of its page. */
export function scrollKey(route: Route): string {
  switch (route.page) {
    case 'settings':
      return [route.section, route.part ?? route.feature].filter(Boolean).join('/');
    case 'recordings':
      return `recordings/${route.camera ?? ''}`;
    default:
      return route.page;
  }
}

/** Token of a guest link, `#/guest/TOKEN`. Browsers do not send what is behind `#`. */
export const guestToken = (hash: string): string | undefined => /^#\/?guest\/([\w.-]{1,256})$/.exec(hash)?.[1];

/** Setup code of a link, `#/setup/CODE`. */
export const setupCodeIn = (hash: string): string | undefined => /^#\/?setup\/([\w-]{1,64})$/.exec(hash)?.[1];

export const route = signal<Route>({ page: 'live' });
