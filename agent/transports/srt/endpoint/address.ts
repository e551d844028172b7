import { lookup } from 'node:dns/promises';
import { PerchError } from '../../../base/errors.ts';
import { canonicalIp } from '../../../base/network/ip-address.ts';
import { bareHost, splitUrl } from '../../../base/network/url-parts.ts';

const DEFAULT_PORT = 8890;
const MAX_LATENCY_MS = 60_000;
const KEY_BYTES = new Set([16, 24, 32]);
/** Default and limits of `oheadbw` as in libsrt, in percent. */
const DEFAULT_OVERHEAD = 25;
const [MIN_OVERHEAD, MAX_OVERHEAD] = [5, 100];

/** The address of a listener, `srt://`. */
interface SrtAddress {
  readonly host: string;
  readonly port: number;
  readonly streamId: string;
  readonly passphrase: string;
  readonly keyBytes: 16 | 24 | 32 | undefined;
  readonly latencyMs: number | undefined;
  /** The most bytes per second, or undefined for SRT's own limit. */
  readonly maxBandwidth: number | undefined;
}

/**
 * Names of parameters are libsrt's. `mode` is that of the other end in URLs which people copy; as in gosrt it has no effect, Perch calls. Messages do not show the URL, which holds the passphrase.
 * @param subject for messages
 * @throws PerchError badInput
 */
export function parseSrtUrl(url: string, path: string, subject = `source of path '${path}'`): SrtAddress {
  const fail = (message: string): never => {
    throw new PerchError('badInput', `${subject}: ${message}`, { path });
  };
  const parts = splitUrl(url);
  if (!parts?.host) {
    return fail('the srt:// URL is not valid');
  }
  const { host, port, rest } = parts;
  // As in FFmpeg, everything after the first ? is the query: a stream ID may contain # and ?.
  const searchParams = new URLSearchParams(rest.replace(/^[^?]*\??/, ''));
  const number = (name: string): number | undefined => {
    const text = searchParams.get(name);
    if (text !== null && !/^\d{1,9}$/.test(text)) {
      fail(`${name} of the srt:// URL is not a number`);
    }
    return text === null ? undefined : Number(text);
  };
  const passphrase = searchParams.get('passphrase') ?? '';
  const passphraseBytes = Buffer.byteLength(passphrase);
  if (passphrase !== '' && (passphraseBytes < 10 || passphraseBytes > 79)) {
    fail(`passphrase of ${passphraseBytes} characters, expected 10 to 79`);
  }
  const keyBytes = number('pbkeylen');
  if (keyBytes !== undefined && !KEY_BYTES.has(keyBytes)) {
    fail(`pbkeylen ${keyBytes}, expected 16, 24 or 32`);
  }
  const latencyMs = number('latency');
  if (latencyMs !== undefined && latencyMs > MAX_LATENCY_MS) {
    fail(`latency of ${latencyMs} ms, at most ${MAX_LATENCY_MS}`);
  }
  const overhead = number('oheadbw') ?? DEFAULT_OVERHEAD;
  if (overhead < MIN_OVERHEAD || overhead > MAX_OVERHEAD) {
    fail(`oheadbw of ${overhead} %, expected ${MIN_OVERHEAD} to ${MAX_OVERHEAD}`);
  }
  const streamId = searchParams.get('streamid') ?? '';
  if (Buffer.byteLength(streamId) > 512) {
    fail('streamid is longer than 512 bytes');
  }
  return {
    host: bareHost(host),
    port: port ?? DEFAULT_PORT,
    streamId,
    passphrase,
    keyBytes: keyBytes as SrtAddress['keyBytes'],
    latencyMs,
    maxBandwidth: maxBandwidthOf(
      searchParams.get('maxbw') === '-1' ? -1 : number('maxbw'),
      number('inputbw'),
      overhead,
    ),
  };
}

/**
 * As libsrt: `maxbw` above 0 is the limit; with 0 it is `inputbw` and its overhead for retransmissions. Without `inputbw` the limit would
 * follow the measured input; here there is none then.
 */
function maxBandwidthOf(maxbw: number | undefined, inputbw: number | undefined, overhead: number): number | undefined {
  const limit = maxbw === 0 ? ((inputbw ?? 0) * (100 + overhead)) / 100 : (maxbw ?? -1);
  return limit > 0 ? limit : undefined;
}

export async function addressOf(host: string): Promise<string> {
  const found = canonicalIp(host) ?? (await lookup(host).catch(() => undefined))?.address;
  if (found === undefined) {
    throw new PerchError('unavailable', `${host} has no address`, { isUnreachable: true });
  }
  return found;
}
