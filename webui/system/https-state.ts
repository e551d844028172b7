import type { HttpsState } from '../api-client/api-types.ts';

/** The answer of `v3/https`. */
type Here = Pick<Location, 'href' | 'protocol' | 'hostname' | 'port'>;

/** Loopback, and names without a dot, which many phones cannot resolve. */
const ONLY_HERE = /^(?:127\..*|\[::1\]|[^.:]+)$/;
const HTTPS_PORT = 443;

/** The page was opened at the box's own https port, not by a proxy. */
export const isAtHttpsPort = ({ port }: HttpsState, here: Omit<Here, 'href'>): boolean =>
  here.protocol === 'https:' && Number(here.port || HTTPS_PORT) === port;

/** Address of the steps for another phone or computer: over http if the box is opened directly, because that one does not trust it yet. */
export function stepsAddress(state: HttpsState, here: Here): string {
  const { httpPort, certificate } = state;
  const host = ONLY_HERE.test(here.hostname) ? lanAddress(certificate?.addresses ?? []) : here.hostname;
  const address = new URL('trust', here.href.split('#')[0]);
  address.search = '';
  if (httpPort !== null && isAtHttpsPort(state, here)) {
    address.protocol = 'http:';
    address.port = String(httpPort);
  }
  address.hostname = host ?? here.hostname;
  return address.href;
}

/** The first IPv4 address that other devices reach. */
const lanAddress = (addresses: readonly string[]): string | undefined =>
  addresses.find((address) => !address.includes(':') && !address.startsWith('127.'));

/** While http has no port, https is the only way to the page. */
export const mayTurnOff = ({ port, httpPort }: HttpsState): boolean => port === null || httpPort !== null;

/** Browsers insist on https (HSTS). */
export const isInsistedOn = ({ redirect, port, certificate }: HttpsState): boolean =>
  redirect && port === HTTPS_PORT && certificate?.isOwn === false;

const GROUP = /.{1,4}/g;
const LINE_GROUPS = 4;

/** Four lines of four groups, as the steps and the terminal show it. @param fingerprint `AB:CD:…` */
export function fingerprintLines(fingerprint: string): readonly string[] {
  const groups = fingerprint.replaceAll(':', '').match(GROUP) ?? [];
  const starts = groups.map((_, i) => i).filter((i) => i % LINE_GROUPS === 0);
  return starts.map((i) => groups.slice(i, i + LINE_GROUPS).join(' '));
}
