import { isIP } from 'node:net';
import { PerchError } from '../../base/errors.ts';
import { withoutZone, zonedUrl, zoneOf } from '../../base/ip-address.ts';
import type { Credentials } from '../../media/rtsp/digest.ts';
import type { PreferredCodec } from '../../onvif/device/profiles.ts';
import { parseTargets } from '../../onvif/discovery/targets.ts';

/** Which camera, with which credentials. Exactly one of endpoint/onvif, address and rtsp is given. */
export interface CameraRequest {
  readonly endpoint?: string | undefined;
  readonly onvif?: string | undefined;
  readonly address?: string | undefined;
  /** Main stream of a camera without ONVIF; `{user}` and `{password}` in it are replaced. */
  readonly rtsp?: string | undefined;
  readonly sub?: string | undefined;
  readonly user?: string | undefined;
  readonly password?: string | undefined;
  readonly clearPassword?: boolean | undefined;
  /** With address: the maker whose streams are tried first. */
  readonly maker?: string | undefined;
}

export interface AdoptRequest extends CameraRequest {
  /** Of the path; default: made of the camera's name. */
  readonly name?: string | undefined;
  readonly title?: string | undefined;
  readonly prefers?: PreferredCodec | undefined;
  readonly record?: 'always' | 'motion' | 'no' | undefined;
  /** Adopt it although a configured camera looks the same. */
  readonly again?: boolean | undefined;
}

/** @throws PerchError badInput unless exactly one address is given */
export function checkRequest({ endpoint, onvif, address, rtsp, sub }: CameraRequest): void {
  const given = [endpoint ?? onvif, address, rtsp].filter((one) => one !== undefined && one !== '');
  if (given.length !== 1) {
    throw new PerchError('badInput', 'give exactly one of endpoint, onvif, address and rtsp');
  }
  if (sub !== undefined && rtsp === undefined) {
    throw new PerchError('badInput', 'sub needs rtsp: it is the small stream of the same camera');
  }
}

export const credentialsOf = ({ user, password }: CameraRequest): Credentials | undefined =>
  user === undefined || user === '' ? undefined : { user, password: password ?? '' };

/** @returns the address @throws PerchError badInput if it is not in a private network */
export function privateAddress(text: string, includeLoopback: boolean): string {
  const plain = text.trim().replace(/^\[(.*)\]$/, '$1');
  if (isIP(plain.split('%')[0] ?? '') === 0) {
    throw new PerchError('badInput', `'${plain.slice(0, 60)}' is not an address such as 192.168.1.20`);
  }
  const [address = plain] = parseTargets(plain, includeLoopback);
  return address;
}

/** Whether it is a range. @throws PerchError badInput if it is neither a range nor an address of a private network */
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

/** Separates an RTSP address and its credentials. */
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
