import { type NetworkInterfaceInfo, networkInterfaces } from 'node:os';

export type Interfaces = Readonly<Record<string, readonly NetworkInterfaceInfo[] | undefined>>;

/**
 * The machine's interfaces. A sandbox without netlink has none: Android, or a unit of systemd whose `RestrictAddressFamilies=` lacks it.
 * @param read throws there
 */
export function systemInterfaces(read: () => Interfaces = networkInterfaces): Interfaces {
  try {
    return read();
  } catch {
    return {};
  }
}
