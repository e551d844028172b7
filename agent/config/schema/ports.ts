import { isIPv4, isIPv6 } from 'node:net';
import { type ListenAddress, parseAddress } from '../values/address.ts';
import { httpPort, keyPairOf, type PortUse } from './common/server-keys.ts';
import type { ConfigKeys } from './config-keys.ts';
import type { GlobalSettings } from './global.ts';

/** Two servers of one configuration that cannot both listen. */
interface PortClash {
  /** The second one would find the port taken. */
  readonly ports: readonly [PortUse, PortUse];
  readonly port: number;
}

type ListeningKeys = Pick<ConfigKeys, 'servers' | 'features'>;

/** Each port with the first one before it that has the same address and number. */
export function portClashes(settings: GlobalSettings, keys: ListeningKeys): readonly PortClash[] {
  const clashes: PortClash[] = [];
  const before: (ListenAddress & { readonly use: PortUse })[] = [];
  for (const use of portsOf(settings, keys)) {
    const where = parseAddress(use.address);
    // For 0 the system chooses the port.
    if (!where || where.port === 0) {
      continue;
    }
    const other = before.find(({ host, port }) => port === where.port && overlap(host, where.host));
    if (other) {
      clashes.push({ ports: [other.use, use], port: where.port });
    }
    before.push({ ...where, use });
  }
  return clashes;
}

/** The TCP ports of all servers and features that are on. */
export function portsOf(settings: GlobalSettings, { servers, features }: ListeningKeys): readonly PortUse[] {
  const { address, tlsAddress } = settings;
  const tls = { key: 'tlsAddress', address: tlsAddress };
  return [
    { key: 'address', address, isOfPerch: true },
    tlsAddress === '' ? tls : { ...tls, keyPair: keyPairOf('tls', 'main', settings, 'tlsAddress is set') },
    ...httpPort('playback', 'playback', settings),
    ...httpPort('api', 'API', settings),
    ...httpPort('metrics', 'metrics', settings),
    ...httpPort('pprof', 'profiling', settings),
    ...servers.flatMap((keys) => keys.listeners(settings)),
    ...features.flatMap((keys) => keys.listeners?.(settings) ?? []),
  ];
}

/** Whether two hosts have an address in common. Names are not resolved: only equal ones count. */
function overlap(a: string | undefined, b: string | undefined): boolean {
  return (
    a === undefined ||
    b === undefined ||
    a.toLowerCase() === b.toLowerCase() ||
    (isIPv4(a) && isIPv4(b) && (a === '0.0.0.0' || b === '0.0.0.0')) ||
    // `[::]` is IPv6 only.
    (isIPv6(a) && isIPv6(b) && (a === '::' || b === '::'))
  );
}
