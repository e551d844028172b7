import { isIPv4 } from 'node:net';
import { HostRequests } from '../../../system/host-requests.ts';
import { PerchError } from '../../base/errors.ts';
import { logOnce } from '../../base/log-once.ts';
import { systemInterfaces } from '../../base/network/interfaces.ts';
import { isLoopbackIp, isPublicIp } from '../../base/network/ip-address.ts';
import type { Component } from '../../base/reconciler.ts';
import { everyTogether } from '../../base/time/shared-timer.ts';
import type { Config } from '../../config/load/load.ts';
import { settingsIn } from '../../config/schema/feature-keys.ts';
import { portsOf } from '../../config/schema/ports.ts';
import { parseAddress } from '../../config/values/address.ts';
import { loadLate } from '../../protocols/late.ts';
import type { FeatureProblem, Host } from '../contract.ts';
import { REACH } from './keys.ts';
import { type PhonePorts, Phones } from './phones.ts';
import type { DefaultRoute, WantedPort } from './router/contract.ts';
import type { RouterDeps, RouterReport } from './router/find-router.ts';
import type { MappingItem, Mappings } from './router/mappings.ts';
import type { NewPhone, ReachControl, ReachState } from './routes.ts';

const PART = 'port mapping';
/** How often phones follow changed ports of Perch. */
const FOLLOW_MS = 10_000;
/** Bytes of a PCP nonce. */
const NONCE_BYTES = 12;

type ReachHost = Pick<Host, 'clock' | 'log' | 'config' | 'signal' | 'https' | 'network' | 'dataDir' | 'hostAnswers'> & {
  readonly accounts: { readonly people: Pick<Host['accounts']['people'], 'users' | 'key'> };
};

/** By IPv4, and by IPv6, where a port is let through by the firewall. */
interface BothMappings {
  readonly v4: Mappings;
  readonly v6: Mappings;
}

interface LastTest {
  readonly timeMs: number;
  readonly route: DefaultRoute | undefined;
  readonly route6: DefaultRoute | undefined;
  readonly report: RouterReport | undefined;
}

/** Whether the box is reached from the internet: what the router says, and ports that it forwards. */
export class Reach implements ReachControl {
  readonly #host: ReachHost;
  readonly #router: RouterDeps;
  readonly #phones: Phones;
  #opening: Promise<BothMappings> | undefined;
  #mappings: BothMappings | undefined;
  /** Of IPv6, when ports were looked at last. */
  #route6: DefaultRoute | undefined;
  #last: LastTest | undefined;
  #testing: Promise<ReachState> | undefined;

  constructor(host: ReachHost) {
    this.#host = host;
    const place = { ...host, ...(host.hostAnswers !== undefined && { answers: host.hostAnswers }) };
    this.#phones = new Phones({ ...place, host: new HostRequests(place), ports: () => this.#phonePorts() });
    const { clock, accounts } = host;
    this.#router = {
      clock,
      nonceOf: ({ transport, port }) =>
        Buffer.from(accounts.people.key.sign('portMapping', `${transport} ${port}`), 'base64url').subarray(
          0,
          NONCE_BYTES,
        ),
    };
  }

  component(): Component<Config> {
    return {
      name: PART,
      isOptional: () => true,
      // Whether a port is wanted also depends on the owner, https and WireGuard, which come and go.
      settings: () => true,
      start: async () => {
        const { clock, log, network, signal } = this.#host;
        let wanted = '[]';
        const stopWanting = clock.eachSecond(() => {
          const now = JSON.stringify(this.#wanted());
          if (now !== wanted) {
            wanted = now;
            this.#look().catch((err: unknown) => log.error({ err }, 'port mapping failed'));
          }
        });
        const failed = logOnce((cause) => log.warn({ cause }, "phones do not reach Perch's changed ports"));
        const stopFollowing = everyTogether(clock, FOLLOW_MS, () => void this.#phones.follow(signal).catch(failed));
        const ignore = network?.onChange(() => this.#lookAgain());
        return async () => {
          ignore?.();
          stopWanting();
          stopFollowing();
          const opening = this.#opening;
          this.#opening = undefined;
          this.#mappings = undefined;
          const { v4, v6 } = (await opening?.catch(() => undefined)) ?? {};
          await Promise.all([v4?.close(), v6?.close()]);
        };
      },
    };
  }

  /** The first wanted port loads the code. */
  async #look(): Promise<void> {
    this.#opening ??= this.#openMappings();
    await this.#opening;
    this.#lookAgain();
  }

  #lookAgain(): void {
    this.#mappings?.v4.look();
    this.#mappings?.v6.look();
  }

  async #openMappings(): Promise<BothMappings> {
    const [{ Mappings: Opened }, { readDefaultRoute, readDefaultRoute6 }, { findRouter, findRouter6 }] = await loadLate(
      PART,
      () =>
        Promise.all([
          import('./router/mappings.ts'),
          import('./router/default-route.ts'),
          import('./router/find-router.ts'),
        ]),
    );
    const { clock, log } = this.#host;
    const v4 = new Opened({
      clock,
      log,
      wanted: () => this.#wanted(),
      route: () => readDefaultRoute(),
      find: (route, signal) => findRouter(this.#router, route, signal),
    });
    const v6 = new Opened({
      clock,
      log,
      isOptional: true,
      wanted: () => this.#wanted().flatMap((one) => (one.name === 'https' ? [{ ...one, name: 'httpsIpv6' }] : [])),
      route: async () => {
        this.#route6 = await readDefaultRoute6();
        return this.#route6;
      },
      find: (route, signal) => findRouter6(this.#router, route, signal),
    });
    this.#mappings = { v4, v6 };
    return this.#mappings;
  }

  problems(): readonly FeatureProblem[] {
    // The port of WireGuard may be forwarded by hand, which no router says.
    return (this.#mappings?.v4.items ?? []).flatMap(({ name, state, failure }) =>
      name === 'https' && state === 'failed' && failure ? [{ why: failure.why, text: failure.text, since: null }] : [],
    );
  }

  state(): ReachState {
    const { v4, v6 } = this.#mappings ?? {};
    const open6 = v6?.items.filter(({ state }) => state === 'open') ?? [];
    return {
      isOn: settingsIn(this.#host.config(), REACH).portMapping,
      obstacle: this.#obstacle(),
      httpsPort: this.#httpsPort() ?? null,
      url: this.#url(),
      urlIpv6: open6[0] && this.#route6 ? urlOf(`[${this.#route6.own}]`, open6[0].port) : null,
      mappings: [...(v4?.items ?? []), ...open6].map(mappingJson),
      wireguard: this.#wireguardJson(),
      test: this.#last ? this.#testJson(this.#last) : null,
    };
  }

  test(): Promise<ReachState> {
    this.#testing ??= this.#test().finally(() => {
      this.#testing = undefined;
    });
    return this.#testing;
  }

  async #test(): Promise<ReachState> {
    const [{ readDefaultRoute, readDefaultRoute6 }, { reportOf }] = await loadLate(PART, () =>
      Promise.all([import('./router/default-route.ts'), import('./router/find-router.ts')]),
    );
    const { clock, signal } = this.#host;
    const [route, route6] = await Promise.all([readDefaultRoute(), readDefaultRoute6()]);
    const report = route && (await reportOf(this.#router, route, route6, signal));
    this.#last = { timeMs: clock.wallMs(), route, route6, report };
    this.#lookAgain();
    return this.state();
  }

  /** Ports that may be open: none before the box has an owner. */
  #wanted(): readonly WantedPort[] {
    const wanted: WantedPort[] = [];
    const port = this.#httpsPort();
    if (settingsIn(this.#host.config(), REACH).portMapping && port !== undefined && this.#obstacle() === null) {
      wanted.push({ name: 'https', transport: 'tcp', port });
    }
    const wireguard = this.#phones.state;
    if (wireguard && this.#hasOwner) {
      wanted.push({ name: 'wireguard', transport: 'udp', port: wireguard.port });
    }
    return wanted;
  }

  get #hasOwner(): boolean {
    return this.#host.accounts.people.users.owner !== undefined;
  }

  async turnWireGuard(isOn: boolean): Promise<ReachState> {
    if (isOn && !this.#hasOwner) {
      throw new PerchError('badInput', 'this box has no owner yet: set a password first', { why: 'noOwner' });
    }
    await this.#phones.turn(isOn, this.#host.signal);
    return this.state();
  }

  async addPhone({ name, endpoint = '' }: NewPhone): Promise<string> {
    const { state } = this.#phones;
    if (!state) {
      throw new PerchError('badInput', 'WireGuard is off: turn it on first', { why: 'off' });
    }
    const outside = this.#outside('wireguard');
    const port = outside?.port ?? state.port;
    const place = endpoint === '' ? outside?.ip : endpoint;
    if (place === undefined) {
      const text = 'the address of this box on the internet is not known: enter a name or an address';
      throw new PerchError('badInput', text, { why: 'noEndpoint' });
    }
    return this.#phones.add(name, /:\d+$/.test(place) ? place : `${place}:${port}`, this.#host.signal);
  }

  removePhone(key: string): Promise<void> {
    return this.#phones.remove(key, this.#host.signal);
  }

  /** Ports of Perch on all addresses, which phones reach by WireGuard. */
  #phonePorts(): PhonePorts {
    const { address, webrtcLocalUDPAddress: media } = this.#host.config();
    const portOf = (text: string) => {
      const { host = '', port = 0 } = parseAddress(text) ?? {};
      return host === '' || host === '0.0.0.0' || host === '::' ? port : 0;
    };
    return { http: portOf(address), https: this.#httpsPort() ?? 0, media: portOf(media) };
  }

  #wireguardJson(): ReachState['wireguard'] {
    const { isSupported: supported, missing, state, list } = this.#phones;
    const outside = state && this.#outside('wireguard');
    return {
      supported,
      missing: supported ? [...missing] : [],
      isOn: state !== undefined,
      port: state?.port ?? null,
      address: state?.address ?? null,
      endpoint: outside ? `${outside.ip}:${outside.port}` : null,
      phones: list,
    };
  }

  #obstacle(): ReachState['obstacle'] {
    if (!this.#hasOwner) {
      return 'noOwner';
    }
    return this.#httpsPort() === undefined ? 'noHttps' : letsAnyoneIn(this.#host.config()) ? 'public' : null;
  }

  /** Undefined: https is off, or for programs of this box alone. */
  #httpsPort(): number | undefined {
    const host = parseAddress(this.#host.config().tlsAddress)?.host ?? '';
    return host === 'localhost' || isLoopbackIp(host) ? undefined : this.#host.https()?.port;
  }

  /** Where the internet reaches a port that the router forwards. */
  #outside(name: WantedPort['name']): { readonly ip: string; readonly port: number } | undefined {
    const open = this.#mappings?.v4.items.find((one) => one.name === name && one.state === 'open');
    const ip = this.#mappings?.v4.outsideIp ?? this.#last?.report?.outsideIp;
    return open?.outsidePort === undefined || ip === undefined || !isIPv4(ip)
      ? undefined
      : { ip, port: open.outsidePort };
  }

  #url(): string | null {
    const { ip, port } = this.#outside('https') ?? {};
    return ip === undefined || port === undefined ? null : urlOf(ip, port);
  }

  #testJson({ timeMs, route, route6, report }: LastTest): ReachState['test'] {
    const plain = plainPorts(this.#host.config());
    const isDirect = route !== undefined && isPublicIp(route.own);
    return {
      time: new Date(timeMs).toISOString(),
      router: route?.gateway ?? null,
      own: route?.own ?? null,
      protocols: [...(report?.protocols ?? [])],
      outside: report?.outsideIp ?? null,
      verdict: isDirect ? 'direct' : (report?.verdict ?? 'noRouter'),
      ipv6: [...publicIpv6()],
      ipv6Firewall: route6 ? (report?.firewall6 ?? 'unknown') : null,
      forwarded:
        report?.forwarded?.map((one) => ({
          ...one,
          key: one.transport === 'tcp' ? (plain.get(one.port) ?? null) : null,
        })) ?? null,
    };
  }
}

const urlOf = (host: string, port: number): string => `https://${host}${port === 443 ? '' : `:${port}`}`;

const publicIpv6 = (): readonly string[] =>
  Object.values(systemInterfaces())
    .flatMap((infos = []) => infos)
    .filter(({ family, internal, address }) => family === 'IPv6' && !internal && isPublicIp(address))
    .map(({ address }) => address)
    .slice(0, 4);

const mappingJson = ({ name, transport, port, state, outsidePort, untilMs, failure }: MappingItem) => ({
  name,
  transport,
  port,
  state,
  outsidePort: outsidePort ?? null,
  until: untilMs === undefined ? null : new Date(untilMs).toISOString(),
  error: failure?.text ?? null,
  why: failure?.why ?? null,
});

type AccessConfig = Pick<Config, 'isOwn' | 'authMethod' | 'authInternalUsers' | 'authHTTPExclude' | 'authJWTExclude'>;

/** What opens pictures or settings. */
const OPENING = ['read', 'publish', 'playback', 'api'];

/** Whether a client without credentials gets something from any address. In Perch's own setup none does. */
export function letsAnyoneIn(config: AccessConfig): boolean {
  if (config.isOwn) {
    return false;
  }
  const opens = (rules: readonly { readonly action: string }[]) => rules.some(({ action }) => OPENING.includes(action));
  switch (config.authMethod) {
    case 'internal':
      return config.authInternalUsers.some(
        ({ user, ips, permissions }) => user === 'any' && !isLocalOnly(ips) && opens(permissions),
      );
    case 'http':
      return opens(config.authHTTPExclude);
    case 'jwt':
      return opens(config.authJWTExclude);
  }
}

const isLocalOnly = (ips: readonly string[]): boolean =>
  ips.length > 0 && ips.every((range) => isLoopbackIp(range.split('/')[0] ?? ''));

/** Keys of TCP ports that Perch serves without TLS, by port. WebRTC's media are encrypted by themselves. */
export function plainPorts(config: Config): ReadonlyMap<number, string> {
  const plain = portsOf(config, config.keys).filter(
    ({ key, keyPair }) => keyPair === undefined && key !== 'webrtcLocalTCPAddress' && key !== 'tlsAddress',
  );
  return new Map(
    plain.flatMap(({ key, address }) => {
      const port = parseAddress(address)?.port;
      return port === undefined || port === 0 ? [] : [[port, key] as const];
    }),
  );
}
