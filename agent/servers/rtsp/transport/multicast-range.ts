import { isIPv4 } from 'node:net';
import { PerchError } from '../../../base/errors.ts';

/** 224.0.0.0/4, RFC 5771 §3. */
const FIRST_OCTET = 224;
const LAST_OCTET = 239;

/** Allocates group addresses of a range such as `224.1.0.0/16` in turn. */
export class MulticastRange {
  readonly #text: string;
  /** First address as a number, and the number of addresses. */
  readonly #base: number;
  readonly #size: number;
  #next = 0;

  /** @throws PerchError if `text` is not a range of IPv4 multicast addresses */
  constructor(text: string) {
    const [ip = '', bits = '32', ...more] = text.split('/');
    const prefix = /^\d{1,2}$/.test(bits) ? Number(bits) : Number.NaN;
    const octets = ip.split('.').map(Number);
    const first = octets[0] ?? 0;
    if (!isIPv4(ip) || more.length > 0 || !(prefix >= 4 && prefix <= 32) || first < FIRST_OCTET || first > LAST_OCTET) {
      throw new PerchError('badInput', `multicastIPRange '${text.slice(0, 40)}' is not a range such as 224.1.0.0/16`);
    }
    this.#text = text;
    this.#size = 2 ** (32 - prefix);
    const address = octets.reduce((sum, octet) => sum * 256 + octet, 0);
    this.#base = address - (address % this.#size);
  }

  /**
   * A free address; released ones are reused as late as possible.
   * @throws PerchError `exhausted`
   */
  take(used: Pick<ReadonlySet<string>, 'has' | 'size'>): string {
    const tries = Math.min(this.#size, used.size + 1);
    for (let tried = 0; tried < tries; tried += 1) {
      const group = this.#at(this.#next);
      this.#next = (this.#next + 1) % this.#size;
      if (!used.has(group)) {
        return group;
      }
    }
    throw new PerchError('exhausted', `all ${this.#size} group addresses of multicastIPRange ${this.#text} are in use`);
  }

  #at(index: number): string {
    const address = this.#base + index;
    return [24, 16, 8, 0].map((shift) => (address >>> shift) & 0xff).join('.');
  }
}
