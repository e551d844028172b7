import { isLoopbackIp } from '../../base/network/ip-address.ts';
import type { Config } from '../../config/load/load.ts';
import { portsOf } from '../../config/schema/ports.ts';
import { parseAddress } from '../../config/values/address.ts';

/** What opens pictures or settings. */
const OPENING = ['read', 'publish', 'playback', 'api'];

type AccessConfig = Pick<Config, 'isOwn' | 'authMethod' | 'authInternalUsers' | 'authHTTPExclude' | 'authJWTExclude'>;

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
