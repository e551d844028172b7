import { generateKeyPairSync } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import Type, { type Static } from 'typebox';
import { Check } from 'typebox/value';
import { SERVICE_FOLDER } from '../../../system/camera-network.ts';
import type { HostRequests } from '../../../system/host-requests.ts';
import { PerchError } from '../../base/errors.ts';
import { parseJson } from '../../base/files/parse-json.ts';

/** Slightly longer than `TimeoutStartSec` of perch-wireguard.service. */
const PATIENCE_MS = 65_000;
/** UDP port of the box; IANA has none for WireGuard, this is its usual one. */
const WIREGUARD_PORT = 51_820;
/** Keeps the mapping in the routers on the way, as WireGuard advises behind NAT. */
const KEEPALIVE_S = 25;
/** How long a report is not read again. */
const FRESH_MS = 5_000;
const FOLDERS = ['/usr/bin', '/usr/sbin', '/bin', '/sbin'];
/** Debian's packages and their programs that the service needs. */
const NEEDED = { 'wireguard-tools': 'wg', nftables: 'nft' } as const;

/** Ports of Perch that phones reach; 0: none. */
export interface PhonePorts {
  readonly http: number;
  readonly https: number;
  /** WebRTC's media, UDP and TCP. */
  readonly media: number;
}

interface PhonesDeps {
  readonly host: Pick<HostRequests, 'offers' | 'ask'>;
  readonly clock: { monoMs(): number };
  /** Folder of the answers of root's service. */
  readonly answers?: string;
  readonly folders?: readonly string[];
  ports(): PhonePorts;
}

/** Phones that reach Perch by WireGuard, which root's service runs. The key of the box stays with root, that of a phone with the phone. */
export class Phones {
  readonly #deps: PhonesDeps;
  #read: { readonly atMs: number; readonly state: WireGuardState | undefined } | undefined;

  constructor(deps: PhonesDeps) {
    this.#deps = deps;
  }

  /** Whether this installation has the service. */
  get isSupported(): boolean {
    return this.#deps.host.offers('wireguard');
  }

  /** Debian packages that have to be installed. */
  get missing(): readonly string[] {
    const { folders = FOLDERS } = this.#deps;
    const isThere = (program: string) => folders.some((folder) => existsSync(join(folder, program)));
    return Object.entries(NEEDED).flatMap(([name, program]) => (isThere(program) ? [] : [name]));
  }

  /** Undefined: it is off. The service may be that of another Perch on this machine. */
  get state(): WireGuardState | undefined {
    const nowMs = this.#deps.clock.monoMs();
    if (!this.#read || nowMs - this.#read.atMs >= FRESH_MS) {
      this.#read = { atMs: nowMs, state: this.isSupported ? readWireGuard(this.#deps.answers) : undefined };
    }
    return this.#read.state;
  }

  async turn(isOn: boolean, signal: AbortSignal): Promise<void> {
    const ports = this.#deps.ports();
    await this.#ask(isOn ? { do: 'on', port: this.state?.port ?? WIREGUARD_PORT, ...ports } : { do: 'off' }, signal);
  }

  /** Opens the present ports of Perch to phones, if they are others than before. */
  async follow(signal: AbortSignal): Promise<void> {
    const { state } = this;
    const ports = this.#deps.ports();
    if (state && (state.http !== ports.http || state.https !== ports.https || state.media !== ports.media)) {
      await this.turn(true, signal);
    }
  }

  /** @param endpoint address and port of the box from outside @returns the configuration of the phone, which is not kept */
  async add(name: string, endpoint: string, signal: AbortSignal): Promise<string> {
    const { privateKey, publicKey } = generateKeyPairSync('x25519');
    const key = base64(publicKey.export({ format: 'jwk' }).x);
    await this.#ask({ do: 'add', key, name: Buffer.from(name).toString('hex') }, signal);
    const { state } = this;
    const phone = state?.phones.find((one) => one.key === key);
    if (!state || !phone) {
      // Nobody gets the phone's key, so it is not to stay in the list.
      await this.#ask({ do: 'remove', key }, signal).catch(() => {});
      throw new PerchError('unavailable', 'WireGuard has been turned off meanwhile');
    }
    return [
      '[Interface]',
      `PrivateKey = ${base64(privateKey.export({ format: 'jwk' }).d)}`,
      `Address = ${phone.address}/32`,
      '[Peer]',
      `PublicKey = ${state.key}`,
      `Endpoint = ${endpoint}`,
      `AllowedIPs = ${state.address}/32`,
      `PersistentKeepalive = ${KEEPALIVE_S}`,
      '',
    ].join('\n');
  }

  /** @throws PerchError notFound */
  async remove(key: string, signal: AbortSignal): Promise<void> {
    if (!this.state?.phones.some((one) => one.key === key)) {
      throw new PerchError('notFound', 'there is no such phone');
    }
    await this.#ask({ do: 'remove', key }, signal);
  }

  /** For the API. */
  get list() {
    return (this.state?.phones ?? []).map(({ key, address, name, seenS }) => ({
      key,
      address,
      name: nameOf(name),
      seen: seenS === 0 ? null : new Date(seenS * 1_000).toISOString(),
    }));
  }

  async #ask(request: object, signal: AbortSignal): Promise<void> {
    const { ok, text } = await this.#deps.host.ask('wireguard', request, PATIENCE_MS, signal);
    this.#read = undefined;
    if (!ok) {
      throw new PerchError('badInput', text);
    }
  }
}

/** JWK has base64url (RFC 8037), WireGuard base64. */
const base64 = (text = ''): string => Buffer.from(text, 'base64url').toString('base64');

const Port = Type.Integer({ minimum: 0, maximum: 65_535 });
const State = Type.Object({
  port: Port,
  http: Port,
  https: Port,
  media: Port,
  address: Type.String({ maxLength: 15 }),
  key: Type.String({ maxLength: 44 }),
  phones: Type.Array(
    Type.Object({
      key: Type.String({ maxLength: 44 }),
      address: Type.String({ maxLength: 15 }),
      /** UTF-8 in hexadecimal digits. */
      name: Type.String({ maxLength: 128 }),
      /** Unix seconds of the last handshake; 0: there was none. */
      seenS: Type.Integer({ minimum: 0 }),
    }),
  ),
});

/** WireGuard as root's service (packaging/linux/wireguard-phones) reports it. */
export type WireGuardState = Static<typeof State>;

/** @returns undefined: it is off, or this is no report */
export function parseWireGuard(text: string): WireGuardState | undefined {
  const value = parseJson(text);
  return text.length <= 65_536 && Check(State, value) ? value : undefined;
}

function readWireGuard(folder = SERVICE_FOLDER): WireGuardState | undefined {
  try {
    return parseWireGuard(readFileSync(join(folder, 'wireguard'), 'utf8'));
  } catch {
    return undefined;
  }
}

const nameOf = (hex: string): string => Buffer.from(hex, 'hex').toString('utf8');
