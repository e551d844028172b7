import { type NetworkInterfaceInfo, networkInterfaces } from 'node:os';
import { networkOf } from '../../onvif/discovery/interfaces.ts';

type Interfaces = Readonly<Record<string, readonly NetworkInterfaceInfo[] | undefined>>;

/**
 * Whether a device was found in the network that the camera was in. Who is in another one (of guests, say) has no business with a camera's
 * login. When none of this machine's networks has the old address any more, as behind a new router, all count.
 * @param foundFrom address of this machine that it was found from
 */
export function isInNetworkOf(
  oldHost: string,
  foundFrom: string,
  interfaces: Interfaces = networkInterfaces(),
): boolean {
  const [, zone] = oldHost.split('%');
  const names = Object.entries(interfaces).flatMap(([name, addresses = []]) => {
    const networks = addresses.flatMap(({ family, address, cidr }) =>
      family === 'IPv4' && cidr ? [{ address, prefixBits: Number(cidr.split('/')[1]) }] : [],
    );
    return name === zone || networkOf(oldHost, networks) ? [name] : [];
  });
  return (
    names.length === 0 || names.some((name) => interfaces[name]?.some(({ address }) => address === foundFrom) === true)
  );
}
