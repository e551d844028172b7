import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { PerchError } from '../../base/errors.ts';
import { withoutZone, zonedUrl, zoneOf } from '../../base/network/ip-address.ts';
import { percentDecode } from '../../base/network/url-parts.ts';
import type { SourceKeys } from '../../config/schema/common/key-rules.ts';
import { isFfmpegSource } from '../../config/schema/ffmpeg-source.ts';
import { checkSource } from '../../config/schema/source.ts';
import type { Credentials } from '../../media/rtsp/digest.ts';
import type { PreferredCodec } from '../../onvif/device/profiles.ts';
import { isLoopback, isPrivate, parseTargets } from '../../onvif/discovery/targets.ts';
import { cameraError } from '../../onvif/soap/http/failures.ts';

/** Identifies a camera and its credentials. Exactly one of endpoint/onvif, address, rtsp and source is given. */
export interface CameraRequest {
  readonly endpoint?: string | undefined;
  readonly onvif?: string | undefined;
  readonly address?: string | undefined;
  /** Main stream of a camera without ONVIF; `{user}` and `{password}` in it are replaced. */
  readonly rtsp?: string | undefined;
  readonly sub?: string | undefined;
  /** URL of the stream in a protocol other than RTSP, with its login. */
  readonly source?: string | undefined;
  readonly rtpSDP?: string | undefined;
  readonly user?: string | undefined;
  readonly password?: string | undefined;
  readonly clearPassword?: boolean | undefined;
  /** Maker whose stream addresses are tried first; for `address` only. */
  readonly maker?: string | undefined;
}

export interface AdoptRequest extends CameraRequest {
  /** Name of the path; default: made from the camera's name. */
  readonly name?: string | undefined;
  readonly title?: string | undefined;
  readonly prefers?: PreferredCodec | undefined;
  readonly record?: 'always' | 'motion' | 'no' | undefined;
  /** Whether to adopt the camera although a configured one looks the same. */
  readonly again?: boolean | undefined;
}

/** @throws PerchError badInput unless exactly one address is given */
export function checkRequest({ endpoint, onvif, address, rtsp, sub, source, rtpSDP }: CameraRequest): void {
  const given = [endpoint ?? onvif, address, rtsp, source].filter((one) => one !== undefined && one !== '');
  if (given.length !== 1) {
    throw new PerchError('badInput', 'give exactly one of endpoint, onvif, address, rtsp and source');
  }
  if (rtpSDP !== undefined && source === undefined) {
    throw new PerchError('badInput', 'rtpSDP needs source');
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

/** `192.168.1.20`, `camera.local` or `[fe80::1%eth0]`, each with `:8554` if the camera has another port. */
export function parseHost(text: string): { readonly host: string; readonly port: number | undefined } {
  const plain = text.trim();
  const [, host = plain, digits] = /^(\[[^\]]+\]|[^:[\]]+)(?::(\d{1,5}))?$/.exec(plain) ?? [];
  const port = digits === undefined ? undefined : Number(digits);
  return port === 0 || (port ?? 0) > 65_535 ? { host: plain, port: undefined } : { host, port };
}

/** Labels of RFC 1123 §2.1 with at least one letter: digits and dots alone are an address, or a part of one. */
export const isHostName = (host: string): boolean =>
  host.length <= 253 && /^(?=.*[a-z])[\w-]{1,63}(?:\.[\w-]{1,63})*\.?$/i.test(host);

/** @returns the name's address in a private network, IPv4 first @throws PerchError unreachable, badInput */
export async function resolvePrivate(name: string, includeLoopback: boolean): Promise<string> {
  const found = await lookup(name, { all: true, order: 'ipv4first' }).catch((cause: unknown) => {
    throw cameraError('unreachable', `no device has the name '${name.slice(0, 60)}'`, { host: name }, cause);
  });
  const [first] = found.filter(({ address }) => isPrivate(address) || (includeLoopback && isLoopback(address)));
  if (!first) {
    throw new PerchError('badInput', `'${name.slice(0, 60)}' is not in a private network`);
  }
  return first.address;
}

/** Whether it is a range. @throws PerchError badInput if it is neither a range, a host name nor an address of a private network */
export function isRange(target: string, includeLoopback: boolean): boolean {
  if (target.includes('/')) {
    parseTargets(target, includeLoopback);
    return true;
  }
  const { host } = parseHost(target);
  if (!isHostName(host)) {
    privateAddress(host, includeLoopback);
  }
  return false;
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
  if (!url || !/^rtsps?(?:\+(?:http|ws))?:$/.test(url.protocol) || url.hostname === '') {
    throw new PerchError('badInput', 'rtsp is not an address such as rtsp://192.168.1.20/stream1');
  }
  const { username, password } = url;
  url.username = '';
  url.password = '';
  const credentials =
    username === '' ? undefined : { user: percentDecode(username), password: percentDecode(password) };
  return { url: zonedUrl(url, zoneOf(text)), credentials };
}

/** A source of any protocol, as the file takes it. @throws PerchError badInput; also for one that runs a program */
export function otherSource(text: string, sources: readonly SourceKeys[]): string {
  const source = checkSource(text.trim(), sources);
  if (!source.includes('://') || isFfmpegSource(source)) {
    throw new PerchError('badInput', 'source is not a URL such as srt://192.168.1.20:8890?streamid=stream');
  }
  return source;
}

const parseUrl = (text: string): URL | undefined => URL.parse(withoutZone(text)) ?? undefined;
