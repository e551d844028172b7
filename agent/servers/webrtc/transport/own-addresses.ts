import { type NetworkInterfaceInfo, networkInterfaces } from 'node:os';

/** RFC 4291 §2.5.6: a browser cannot know on which of its links a link-local address is. */
const LINK_LOCAL = /^fe[89ab]/i;

/** What this machine is reached at, now. @param names of interfaces; empty: all */
export function ownAddresses(names: readonly string[] = []): NetworkInterfaceInfo[] {
  return Object.entries(networkInterfaces())
    .filter(([name]) => names.length === 0 || names.includes(name))
    .flatMap(([, infos]) => infos ?? [])
    .filter((info) => !LINK_LOCAL.test(info.address));
}
