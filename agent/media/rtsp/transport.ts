import { PerchError } from '../../base/errors.ts';

/** One alternative of a Transport header, RFC 2326 §12.39. */
export interface Transport {
  readonly protocol: 'tcp' | 'udp';
  /** RTP/SAVP: encrypted media (RFC 3711). */
  readonly isSecure: boolean;
  readonly isMulticast: boolean;
  /** Interleaved channels of RTP and RTCP. */
  readonly interleaved?: Pair | undefined;
  readonly clientPort?: Pair | undefined;
  readonly serverPort?: Pair | undefined;
  /** Multicast only. */
  readonly port?: Pair | undefined;
  readonly ttl?: number | undefined;
  readonly source?: string | undefined;
  readonly destination?: string | undefined;
  readonly ssrc?: number | undefined;
  readonly mode?: 'play' | 'record' | undefined;
}

export type Pair = readonly [rtp: number, rtcp: number];

const SPEC = /^RTP\/(S?)AVPF?(?:\/(TCP|UDP))?$/i;
const MAX_PORT = 65_535;

/** The RTP alternatives of a request's Transport header, in order of preference. */
export function parseTransports(text: string): Transport[] {
  return text
    .split(',', 16)
    .map(parseAlternative)
    .filter((transport) => transport !== undefined);
}

/** The transport of a response. @throws PerchError badInput if it is not RTP */
export function parseTransport(text: string): Transport {
  const transport = parseTransports(text)[0];
  if (!transport) {
    throw new PerchError('badInput', `'${text.slice(0, 60)}' is not an RTP transport`);
  }
  return transport;
}

function parseAlternative(text: string): Transport | undefined {
  const words = text.split(';').map((word) => word.trim());
  // Some peers do not begin with the protocol.
  const spec = SPEC.exec(words.find((word) => SPEC.test(word)) ?? '');
  if (!spec) {
    return undefined;
  }
  const values = new Map<string, string>();
  for (const word of words) {
    const [name = '', value = ''] = word.split('=', 2);
    values.set(name.trim().toLowerCase(), value.trim().replace(/^"(.*)"$/, '$1'));
  }
  const interleaved = parsePair(values.get('interleaved'), 0, 255);
  const mode = values.get('mode')?.toLowerCase();
  return {
    // The Escam Q6 responds with plain RTP/AVP and interleaved channels.
    protocol: spec[2]?.toUpperCase() === 'TCP' || interleaved ? 'tcp' : 'udp',
    isSecure: spec[1] !== '',
    isMulticast: values.has('multicast'),
    interleaved,
    clientPort: parsePair(values.get('client_port'), 1, MAX_PORT),
    serverPort: parsePair(values.get('server_port'), 1, MAX_PORT),
    port: parsePair(values.get('port'), 1, MAX_PORT),
    ttl: parseNumber(values.get('ttl'), 10, 255),
    source: values.get('source') || undefined,
    destination: values.get('destination') || undefined,
    ssrc: parseNumber(values.get('ssrc'), 16, 0xffff_ffff),
    mode: mode === 'record' || mode === 'receive' ? 'record' : mode === 'play' ? 'play' : undefined,
  };
}

/** Parses `4-5`, or a single number for RTP, with RTCP on the next one. Port 0 counts as none: some cameras send it. */
function parsePair(text: string | undefined, min: number, max: number): Pair | undefined {
  const match = /^(\d{1,5})(?:\s*-\s*(\d{1,5}))?$/.exec(text ?? '');
  if (!match) {
    return undefined;
  }
  const rtp = Number(match[1]);
  const rtcp = match[2] === undefined ? rtp + 1 : Number(match[2]);
  return Math.min(rtp, rtcp) >= min && Math.max(rtp, rtcp) <= max ? [rtp, rtcp] : undefined;
}

function parseNumber(text: string | undefined, radix: 10 | 16, max: number): number | undefined {
  if (text === undefined || !(radix === 16 ? /^[\da-f]{1,8}$/i : /^\d{1,9}$/).test(text)) {
    return undefined;
  }
  const value = Number.parseInt(text, radix);
  return value <= max ? value : undefined;
}

export function writeTransport(transport: Transport): string {
  const profile = transport.isSecure ? 'RTP/SAVP' : 'RTP/AVP';
  const words = [transport.protocol === 'tcp' ? `${profile}/TCP` : profile];
  words.push(transport.isMulticast ? 'multicast' : 'unicast');
  const pairs = [
    ['interleaved', transport.interleaved],
    ['client_port', transport.clientPort],
    ['server_port', transport.serverPort],
    ['port', transport.port],
  ] as const;
  for (const [name, pair] of pairs) {
    if (pair) {
      words.push(`${name}=${pair[0]}-${pair[1]}`);
    }
  }
  const values = [
    ['ttl', transport.ttl],
    ['source', transport.source],
    ['destination', transport.destination],
    ['ssrc', transport.ssrc?.toString(16).toUpperCase().padStart(8, '0')],
    ['mode', transport.mode],
  ] as const;
  for (const [name, value] of values) {
    if (value !== undefined) {
      words.push(`${name}=${value}`);
    }
  }
  return words.join(';');
}
