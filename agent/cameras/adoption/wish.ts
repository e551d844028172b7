import { isIP } from 'node:net';
import { PerchError } from '../../base/errors.ts';
import { withoutZone, zonedUrl, zoneOf } from '../../base/url-zone.ts';
import type { Credentials } from '../../media/rtsp/digest.ts';
import type { PreferredCodec } from '../../onvif/device/choose.ts';
import { parseTargets } from '../../onvif/discovery/targets.ts';

/** Which camera, and as whom: the address itself is one of these. */
export interface CameraWish {
  /** Of a camera that has been found. */
  readonly endpoint?: string | undefined;
  /** Its ONVIF device service. */
  readonly onvif?: string | undefined;
  /** What is there is found out. */
  readonly address?: string | undefined;
  /** Its large stream, for cameras without ONVIF; `{user}` and `{password}` in it are replaced. */
  readonly rtsp?: string | undefined;
  /** With rtsp: its small one. */
  readonly sub?: string | undefined;
  readonly user?: string | undefined;
  readonly password?: string | undefined;
  readonly clearPassword?: boolean | undefined;
  /** With address: whose streams are tried first. */
  readonly maker?: string | undefined;
}

export interface AdoptWish extends CameraWish {
  /** Of the path; made of what the camera is called when it is not given. */
  readonly name?: string | undefined;
  /** What people call it. */
  readonly title?: string | undefined;
  readonly prefers?: PreferredCodec | undefined;
  readonly record?: 'always' | 'motion' | 'no' | undefined;
  /** Though it looks like one that is there. */
  readonly again?: boolean | undefined;
}

/** @throws PerchError badInput unless it says in one way which camera is meant */
export function checkWish({ endpoint, onvif, address, rtsp, sub }: CameraWish): void {
  const given = [endpoint ?? onvif, address, rtsp].filter((one) => one !== undefined && one !== '');
  if (given.length !== 1) {
    throw new PerchError('badInput', 'say which camera by one of endpoint, onvif, address and rtsp');
  }
  if (sub !== undefined && rtsp === undefined) {
    throw new PerchError('badInput', 'sub is the small stream beside rtsp');
  }
}

/** Of a camera's wish: no user is none at all. */
export const credentialsOf = ({ user, password }: CameraWish): Credentials | undefined =>
  user === undefined || user === '' ? undefined : { user, password: password ?? '' };

/** @returns the address @throws PerchError badInput for what is none of a private network */
export function privateAddress(text: string, includeLoopback: boolean): string {
  const plain = text.trim().replace(/^\[(.*)\]$/, '$1');
  if (isIP(plain.split('%')[0] ?? '') === 0) {
    throw new PerchError('badInput', `'${plain.slice(0, 60)}' is not an address such as 192.168.1.20`);
  }
  const [address = plain] = parseTargets(plain, includeLoopback);
  return address;
}

/** Whether it is a range. @throws PerchError badInput for what is neither that nor an address, or not in a private network */
export function isRange(target: string, includeLoopback: boolean): boolean {
  const range = target.includes('/');
  if (range) {
    parseTargets(target, includeLoopback);
  } else {
    privateAddress(target, includeLoopback);
  }
  return range;
}

/** The address of a device service in a private network. */
export function privateService(text: string, includeLoopback: boolean): string {
  const url = parseUrl(text);
  if ((url?.protocol !== 'http:' && url?.protocol !== 'https:') || url.username !== '' || url.password !== '') {
    throw new PerchError(
      'badInput',
      'onvif is not an http address without user and password, such as http://192.168.1.20/onvif/device_service',
    );
  }
  privateAddress(url.hostname, includeLoopback);
  return zonedUrl(url, zoneOf(text));
}

/** An RTSP address and the login that stood in it. */
export function streamAddress(text: string): { readonly url: string; readonly credentials: Credentials | undefined } {
  const url = parseUrl(text);
  if ((url?.protocol !== 'rtsp:' && url?.protocol !== 'rtsps:') || url.hostname === '') {
    throw new PerchError('badInput', 'rtsp is not an address such as rtsp://192.168.1.20/stream1');
  }
  const { username, password } = url;
  url.username = '';
  url.password = '';
  const credentials = username === '' ? undefined : { user: plainOf(username), password: plainOf(password) };
  return { url: zonedUrl(url, zoneOf(text)), credentials };
}

const parseUrl = (text: string): URL | undefined => URL.parse(withoutZone(text)) ?? undefined;

function plainOf(encoded: string): string {
  try {
    return decodeURIComponent(encoded);
  } catch {
    return encoded;
  }
}
