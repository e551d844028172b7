import { signal } from '@preact/signals';

/** Where the page stands, from what is behind `#`. Camera names may contain anything, so they are encoded whole. */
export type Place =
  | { readonly page: 'start' | 'login' | 'live' | 'settings' }
  | { readonly page: 'camera'; readonly camera: string }
  /** `atMs`: the moment, in Unix milliseconds; `agoS`: so many seconds before the newest that is recorded. */
  | { readonly page: 'recordings'; readonly camera?: string; readonly atMs?: number; readonly agoS?: number };

export function readPlace(hash: string): Place {
  const [path = '', query = ''] = hash.replace(/^#?\/?/, '').split(/\?(.*)/s);
  const [page = '', rest] = path.split(/\/(.*)/s);
  const camera = rest ? decode(rest) : undefined;
  switch (page) {
    case 'start':
    case 'login':
    case 'settings':
      return { page };
    case 'rec':
      return { page: 'recordings', ...(camera ? { camera } : {}), ...readMoment(query) };
    default:
      return camera && page === 'live' ? { page: 'camera', camera } : { page: 'live' };
  }
}

function readMoment(query: string): { atMs?: number; agoS?: number } {
  const fields = new URLSearchParams(query);
  const atMs = Date.parse(fields.get('t') ?? '');
  const agoS = Number.parseFloat(fields.get('ago') ?? '');
  return {
    ...(Number.isFinite(atMs) ? { atMs } : {}),
    ...(Number.isFinite(agoS) && agoS >= 0 ? { agoS } : {}),
  };
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

export const cameraLink = (camera: string): string => `#/live/${encodeURIComponent(camera)}`;

export function recordingsLink(camera: string, moment: { atMs?: number; agoS?: number } = {}): string {
  const link = `#/rec/${encodeURIComponent(camera)}`;
  if (moment.atMs !== undefined) {
    return `${link}?t=${new Date(moment.atMs).toISOString()}`;
  }
  return moment.agoS === undefined ? link : `${link}?ago=${moment.agoS}`;
}

/** The token of a guest's link, `#/guest/TOKEN`: it stands behind `#`, so that no browser sends it and no log has it. */
export const guestToken = (hash: string): string | undefined => /^#\/?guest\/([\w.-]{1,256})$/.exec(hash)?.[1];

export const place = signal<Place>({ page: 'live' });

export function watchPlace(): void {
  const read = () => {
    place.value = readPlace(location.hash);
  };
  window.addEventListener('hashchange', read);
  read();
}
