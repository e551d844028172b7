import { plainEndpoint } from '../../onvif/discovery/found-camera.ts';
import { isTellingSerial } from '../following/identity.ts';

/** By what a camera is known. Serial numbers and endpoints are its claims; cheap boards of one make share both. */
export interface Identity {
  readonly endpoint?: string | undefined;
  readonly serial?: string | undefined;
  /** Of the ONVIF device service. */
  readonly onvif?: string | undefined;
  readonly source?: string | undefined;
}

/** Whether two are the same camera, as far as one can tell before it is looked at. */
export function isSameCamera(a: Identity, b: Identity): boolean {
  if (differ(a.serial, b.serial)) {
    return false;
  }
  const isThere = () => samePlace(a.onvif, b.onvif) || samePlace(a.source, b.source);
  const hasSerial = same(a.serial, b.serial) && isTellingSerial(a.serial);
  const [endpoint, other] = [a.endpoint, b.endpoint].map((one) => one && plainEndpoint(one));
  if (differ(endpoint, other)) {
    // Some have another endpoint after each start.
    return hasSerial && isThere();
  }
  return same(endpoint, other) || hasSerial || isThere();
}

/** Both are known. */
const differ = (a = '', b = ''): boolean => a !== '' && b !== '' && a.toLowerCase() !== b.toLowerCase();
const same = (a = '', b = ''): boolean => a !== '' && a.toLowerCase() === b.toLowerCase();

/** Host, port and path, without login: a recorder has a path for each of its cameras. */
function samePlace(a: string | undefined, b: string | undefined): boolean {
  const [first, second] = [placeOf(a), placeOf(b)];
  return first !== undefined && first === second;
}

function placeOf(text = ''): string | undefined {
  if (!/^(?:rtsps?|https?):/i.test(text) || !URL.canParse(text)) {
    return undefined;
  }
  const { protocol, hostname, port, pathname, search } = new URL(text);
  const usual = protocol === 'rtsp:' ? '554' : protocol === 'rtsps:' ? '322' : protocol === 'https:' ? '443' : '80';
  return `${protocol}//${hostname.toLowerCase()}:${port || usual}${pathname}${search}`;
}
