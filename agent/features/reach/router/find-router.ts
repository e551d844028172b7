import { isIPv4 } from 'node:net';
import { explain, PerchError } from '../../../base/errors.ts';
import { IpList, isPublicIp } from '../../../base/network/ip-address.ts';
import type { DefaultRoute, RouterClient, RouterProtocol, WantedPort } from './contract.ts';
import { NatPmpClient, PcpClient } from './port-control-client.ts';
import { findGateway } from './ssdp.ts';
import { type ForwardedPort, UpnpClient } from './upnp-client.ts';

export interface RouterDeps {
  readonly clock: { monoMs(): number; sleep(ms: number, signal: AbortSignal): Promise<void> };
  /** See `PcpClient`. */
  nonceOf(port: WantedPort): Uint8Array;
  /** Ports of a router in tests. */
  readonly ports?: { readonly portControl: number; readonly ssdp: number };
}

/** What the router says, without a change to it. */
export interface RouterReport {
  readonly protocols: readonly RouterProtocol[];
  readonly outsideIp: string | undefined;
  readonly verdict: Verdict;
  /** What it forwards to this box; undefined: it does not say it, because it does not speak UPnP. */
  readonly forwarded: readonly ForwardedPort[] | undefined;
  /** Its firewall for IPv6. `asked`: it lets ports through when PCP asks. */
  readonly firewall6: 'asked' | 'on' | 'off' | 'unknown';
}

/** Protocols of the router that answer, best first. Never throws. */
export async function findRouter(
  deps: RouterDeps,
  route: DefaultRoute,
  signal: AbortSignal,
): Promise<readonly RouterClient[]> {
  const { clock, nonceOf, ports } = deps;
  const options = { clock, nonceOf, own: route.own, gateway: route.gateway, ...(ports && { port: ports.portControl }) };
  const clients = [new PcpClient(options), new NatPmpClient(options)] as const;
  const found = await Promise.all([...clients.map((client) => answering(client, signal)), upnpOf(deps, route, signal)]);
  return found.filter((client) => client !== undefined);
}

/** PCP of the router of IPv6, if it answers. Never throws. */
export async function findRouter6(
  { clock, nonceOf }: RouterDeps,
  { own, gateway }: DefaultRoute,
  signal: AbortSignal,
): Promise<readonly RouterClient[]> {
  const client = await answering(new PcpClient({ clock, nonceOf, own, gateway }), signal);
  return client ? [client] : [];
}

async function answering(client: RouterClient, signal: AbortSignal): Promise<RouterClient | undefined> {
  const isThere = await client.check(signal).then(
    () => true,
    () => false,
  );
  return isThere ? client : undefined;
}

async function upnpOf(
  { clock, ports }: RouterDeps,
  route: DefaultRoute,
  signal: AbortSignal,
): Promise<UpnpClient | undefined> {
  try {
    const place = { clock, ...route, ...(ports && { port: ports.ssdp, isUnicastOnly: true }) };
    const location = await findGateway(place, signal);
    return location && (await UpnpClient.open(location, route, signal));
  } catch {
    // The test says that the router does not speak UPnP.
    return undefined;
  }
}

export async function reportOf(
  deps: RouterDeps,
  route: DefaultRoute,
  route6: DefaultRoute | undefined,
  signal: AbortSignal,
): Promise<RouterReport> {
  const [clients, clients6] = await Promise.all([
    findRouter(deps, route, signal),
    route6 ? findRouter6(deps, route6, signal) : [],
  ]);
  const outside = await Promise.all(
    clients.map((client) =>
      client.check(signal).then(
        (state) => state.outsideIp,
        () => undefined,
      ),
    ),
  );
  const outsideIp = outside.find((ip) => ip !== undefined);
  const upnp = clients.find((client) => client instanceof UpnpClient);
  return {
    protocols: clients.map(({ protocol }) => protocol),
    outsideIp,
    verdict: verdictOf(outsideIp),
    forwarded: await upnp?.forwarded(signal).catch(() => undefined),
    firewall6: clients6.length > 0 ? 'asked' : firewallOf(await upnp?.hasFirewall(signal).catch(() => undefined)),
  };
}

const firewallOf = (isOn: boolean | undefined): RouterReport['firewall6'] =>
  isOn === undefined ? 'unknown' : isOn ? 'on' : 'off';

/** For people, with the reason in one word. */
export const failureOf = (error: unknown): { readonly text: string; readonly why: string } => ({
  text: explain(error),
  why: (error instanceof PerchError && typeof error.context['why'] === 'string' && error.context['why']) || 'other',
});

/**
 * What the router's outside address means. `carrier`: many customers share one address of the provider, so nothing from outside arrives.
 * `private`: another router is before this one. `unknown`: the router does not say its address.
 */
type Verdict = 'public' | 'carrier' | 'private' | 'offline' | 'unknown';

/** RFC 6598; RFC 6333 §5.7 (DS-Lite). */
const CARRIER = new IpList(['100.64.0.0/10', '192.0.0.0/29']);

export function verdictOf(outsideIp: string | undefined): Verdict {
  if (outsideIp === undefined || !isIPv4(outsideIp)) {
    return 'unknown';
  }
  if (outsideIp === '0.0.0.0') {
    return 'offline';
  }
  return CARRIER.has(outsideIp) ? 'carrier' : isPublicIp(outsideIp) ? 'public' : 'private';
}
