import { Resolver } from 'node:dns/promises';
import { isIP } from 'node:net';
import type { NetworkInterfaceInfo } from 'node:os';
import { PerchError } from '../../../base/errors.ts';
import { fixedLookup } from '../../../base/network/checked-lookup.ts';
import { readBody, sendRequest } from '../../../base/network/http-client.ts';
import { type Interfaces, systemInterfaces } from '../../../base/network/interfaces.ts';
import { canonicalIp, IpList, isPublicIp } from '../../../base/network/ip-address.ts';

const TIMEOUT_MS = 10_000;
/** Time limit of one query to a DNS server; each server gets two. */
const QUESTION_MS = 2_000;
/** Maximum bytes read of an answer; the rest is not read. */
export const MAX_ANSWER_BYTES = 2_048;
const HTTPS_PORT = 443;
/** Length of the IPv6 prefix that providers delegate to a home (RIPE-690). */
const HOME_PREFIX_BITS = 56;

interface HttpsRequest {
  readonly url: string;
  readonly body: Uint8Array;
  readonly headers: Readonly<Record<string, string>>;
}

export interface HttpsAnswer {
  readonly status: number;
  readonly text: string;
}

/** Options only for tests with local servers. */
export interface PublicHttpsOptions {
  readonly isAllowed?: (ip: string) => boolean;
  readonly resolve?: (host: string) => Promise<readonly string[]>;
  /** Port of https; default 443. */
  readonly port?: number;
  /** CA certificates in PEM; default: the well-known authorities. */
  readonly ca?: string;
  readonly timeoutMs?: number;
}

/** @throws PerchError badInput for anything but an https URL without login */
export function checkHttpsUrl(text: string): URL {
  const url = text.length <= 2_048 && URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol !== 'https:' || url.username !== '' || url.password !== '') {
    throw new PerchError('badInput', 'the endpoint is not an https address');
  }
  return url;
}

/**
 * Whether the address is on the internet and not in a network of this box: IPv6 addresses of the local network are global as well.
 * @param ip in canonical form
 */
export function isRemotePublicIp(ip: string, interfaces: Interfaces = systemInterfaces()): boolean {
  const own = Object.values(interfaces).flatMap((infos = []) => infos.map(networkOf));
  return isPublicIp(ip) && !new IpList(own).has(ip);
}

function networkOf({ address, family, cidr }: NetworkInterfaceInfo): string {
  const bits = Number(cidr?.split('/')[1] ?? Number.NaN);
  return family === 'IPv6' ? `${address}/${Math.min(HOME_PREFIX_BITS, bits || HOME_PREFIX_BITS)}` : (cidr ?? address);
}

/**
 * Posts to servers on the internet that a browser has named: never into the local network, and only to the port of https. The name is
 * looked up for each request, and the connection goes to the address that was checked. Redirects are not followed.
 */
export class PublicHttps {
  readonly #isAllowed: (ip: string) => boolean;
  readonly #resolve: (host: string) => Promise<readonly string[]>;
  readonly #port: number;
  readonly #ca: string | undefined;
  readonly #timeoutMs: number;

  constructor({
    isAllowed = isRemotePublicIp,
    resolve = (host) => addressesOf(host),
    port = HTTPS_PORT,
    ca,
    timeoutMs = TIMEOUT_MS,
  }: PublicHttpsOptions = {}) {
    this.#isAllowed = isAllowed;
    this.#resolve = resolve;
    this.#port = port;
    this.#ca = ca;
    this.#timeoutMs = timeoutMs;
  }

  /** @throws PerchError badInput, unsupported (a private address), unavailable, timeout */
  async post({ url: text, body, headers }: HttpsRequest): Promise<HttpsAnswer> {
    const url = checkHttpsUrl(text);
    if (Number(url.port || HTTPS_PORT) !== this.#port) {
      throw new PerchError('badInput', `the endpoint has the port ${url.port}: push services have ${HTTPS_PORT}`);
    }
    const host = url.hostname.replace(/^\[|\]$/g, '');
    const signal = AbortSignal.timeout(this.#timeoutMs);
    const addresses = await this.checked(host, signal);
    try {
      // The request uses the checked addresses, even if the name has others by now.
      const lookup = fixedLookup(addresses.map((address) => ({ address, family: isIP(address) })));
      const response = await sendRequest(url, { method: 'POST', headers, body, lookup, ca: this.#ca, signal });
      const { bytes } = await readBody(response, MAX_ANSWER_BYTES);
      return { status: response.statusCode ?? 0, text: bytes.toString('utf8') };
    } catch (cause) {
      throw failureOf(host, cause, signal);
    }
  }

  /** The addresses of a host. @throws PerchError unless all of them are allowed */
  async checked(host: string, signal: AbortSignal): Promise<readonly string[]> {
    const found = isIP(host) === 0 ? await this.#lookUp(host, signal) : [host];
    const all = found.map((address) => canonicalIp(address) ?? address);
    const wrong = all.find((ip) => !this.#isAllowed(ip));
    if (wrong !== undefined) {
      throw new PerchError('unsupported', `${host} has the address ${wrong}, which is not on the internet`);
    }
    return all;
  }

  async #lookUp(host: string, signal: AbortSignal): Promise<readonly string[]> {
    const late = new Promise<never>((_, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason), { once: true });
    });
    const found = await Promise.race([this.#resolve(host), late]).catch((cause: unknown) => {
      throw new PerchError('unavailable', `the name ${host} is not found: look at this box's DNS`, {}, cause);
    });
    if (found.length === 0) {
      throw new PerchError('unavailable', `the name ${host} has no address`);
    }
    return found;
  }
}

/**
 * IPv4 and IPv6 addresses of a host, by DNS only. `lookup` has few, shared threads, and guests may name hosts whose servers never answer.
 * @param servers DNS servers; default: those of this box @throws if the host has neither an IPv4 nor an IPv6 address
 */
export async function addressesOf(host: string, servers?: readonly string[]): Promise<readonly string[]> {
  const resolver = new Resolver({ timeout: QUESTION_MS, tries: 2 });
  if (servers) {
    resolver.setServers(servers);
  }
  const answers = await Promise.allSettled([resolver.resolve4(host), resolver.resolve6(host)]);
  const found = answers.flatMap((answer) => (answer.status === 'fulfilled' ? answer.value : []));
  const failed = answers.find((answer) => answer.status === 'rejected');
  if (found.length === 0 && failed) {
    throw failed.reason;
  }
  return found.slice(0, 16);
}

function failureOf(host: string, cause: unknown, signal: AbortSignal): PerchError {
  return signal.aborted
    ? new PerchError('timeout', `${host} does not answer: is this box on the internet?`, {}, cause)
    : new PerchError('unavailable', `no connection to ${host}`, {}, cause);
}
