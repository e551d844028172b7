import { splitUrl } from '../../../base/network/url-parts.ts';
import type { Fault } from '../common/key-rules.ts';

/** A source over UDP without its port. The groups of a pattern may have one. */
export function portFaults(source: string, schemes: readonly string[]): Fault[] {
  const { scheme = '', host, port } = { ...splitUrl(source) };
  const lacksPort = schemes.includes(scheme) && port === undefined && !source.includes('$');
  return lacksPort ? [{ key: 'source', message: `the port is missing, such as ${scheme}://${host}:1234` }] : [];
}
