import { type LookupAddress, lookup } from 'node:dns';
import type { LookupFunction } from 'node:net';
import { canonicalIp } from './ip-address.ts';

/**
 * For sockets, which connect to the addresses that were checked: another look-up may have other ones (DNS rebinding).
 * @param allowed the addresses that may be used, of those of a name, in canonical form; throws if there are none
 */
export const checkedLookup =
  (allowed: (host: string, ips: readonly string[]) => readonly string[]): LookupFunction =>
  (host, options, done) => {
    lookup(host, { ...options, all: true }, (error, found) => {
      let left: readonly string[];
      try {
        if (error) {
          throw error;
        }
        left = allowed(host, found.map(canonicalOf));
      } catch (fault) {
        done(fault as Error, []);
        return;
      }
      fixedLookup(found.filter((one) => left.includes(canonicalOf(one))))(host, options, done);
    });
  };

/** For sockets: the addresses of a name that was looked up before. */
export const fixedLookup =
  (addresses: readonly LookupAddress[]): LookupFunction =>
  (_host, { all }, done) => {
    const [first] = addresses;
    if (all) {
      done(null, [...addresses]);
    } else {
      done(null, first?.address ?? '', first?.family);
    }
  };

const canonicalOf = ({ address }: LookupAddress): string => canonicalIp(address) ?? '';
