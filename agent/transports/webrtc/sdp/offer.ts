import { PerchError } from '../../../base/errors.ts';
import type { RtpFormat } from '../../../media/payload/depacketizer.ts';

/** The limit is far above a browser's offer (a hundred formats, 300 lines). */
const MAX_LINES = 4_000;
const MAX_SECTIONS = 32;
/** The most formats of all sections together: an offer of some kilobytes could expand to a megabyte of formats. */
const MAX_FORMATS = 1_000;
/** The longest a=fmtp of one format; parameter sets may take a kilobyte. */
const MAX_FMTP_CHARACTERS = 4_000;
/** The limit of a user fragment, RFC 8839 §5.4. */
const MAX_WORD_CHARACTERS = 256;

const STRONG_HASHES = ['sha-256', 'sha-384', 'sha-512'];

export interface Fingerprint {
  /** Name of the hash function in lower case, such as `sha-256`. */
  readonly hash: string;
  /** Upper-case hexadecimal with colons, RFC 8122 §5. */
  readonly value: string;
}

export interface OfferSection {
  /** `audio`, `video`, `application` or another word. */
  readonly kind: string;
  readonly protocol: string;
  /** The formats of the m-line, repeated when the section is rejected. */
  readonly formatWords: readonly string[];
  readonly mid: string;
  /**
   * Why the section is unusable whatever its codecs, as a predicate of "its video", without commas, or undefined if usable.
   */
  readonly rejectReason: string | undefined;
  readonly receives: boolean;
  readonly sends: boolean;
  /** Whether the section offers simulcast (RFC 8853). Encodings that the answer does not accept are not sent. */
  readonly isSimulcast: boolean;
  /** The longest packet that the peer wants, ms: the lesser of `a=ptime` and `a=maxptime` (RFC 8866 §6.4). */
  readonly maxPacketMs: number;
  /** Whether the browser supports reduced-size RTCP, RFC 5506. */
  readonly hasReducedSize: boolean;
  /** Formats in the browser's order of preference. */
  readonly formats: readonly RtpFormat[];
  /** `payload type + space + feedback` of `a=rtcp-fb`; `*` for all. */
  readonly feedback: ReadonlySet<string>;
}

/** Values of a=setup, RFC 8842 §5.2. */
const SETUPS = ['actpass', 'active', 'passive'] as const;
type Setup = (typeof SETUPS)[number];

/** The parts of a browser's offer (RFC 8829) that are used here. */
export interface Offer {
  readonly sections: readonly OfferSection[];
  /** The mids of `a=group:BUNDLE`. */
  readonly bundle: readonly string[];
  /** ICE user fragment of the first section that has one. */
  readonly ufrag: string;
  /** User fragments of all sections: some clients have separate ones until an answer bundles the sections. */
  readonly ufrags: readonly string[];
  /** ICE password that belongs to `ufrag`; '' without one. */
  readonly password: string;
  readonly fingerprints: readonly Fingerprint[];
  readonly setup: Setup;
}

/** The part of an offer that lives as long as its session; the rest may be large. */
export interface RemoteSide extends Pick<Offer, 'ufrag' | 'ufrags' | 'password' | 'fingerprints' | 'setup'> {
  readonly mids: readonly string[];
}

export function remoteSideOf({ ufrag, ufrags, password, fingerprints, setup, sections }: Offer): RemoteSide {
  return { ufrag, ufrags, password, fingerprints, setup, mids: sections.map(({ mid }) => mid) };
}

interface Draft {
  readonly kind: string;
  readonly port: string;
  readonly protocol: string;
  readonly formatWords: readonly string[];
  readonly attributes: Attributes;
}

type Attributes = Map<string, string[]>;

/** @throws PerchError if no session can be built on the offer, with what is missing */
export function parseOffer(text: string): Offer {
  const lines = text.split(/\r\n|\n|\r/);
  if (!lines[0]?.startsWith('v=')) {
    throw new PerchError('badInput', 'the offer is not a session description: it does not begin with v=');
  }
  if (lines.length > MAX_LINES) {
    throw new PerchError('badInput', `offer of ${lines.length} lines, at most ${MAX_LINES} allowed`);
  }
  const session = new Map<string, string[]>();
  const drafts: Draft[] = [];
  for (const line of lines) {
    readLine(line.trim(), session, drafts);
  }
  if (drafts.length === 0) {
    throw new PerchError('badInput', 'the offer has no media');
  }
  const formatCount = drafts.reduce((sum, { formatWords }) => sum + formatWords.length, 0);
  if (formatCount > MAX_FORMATS) {
    throw new PerchError('badInput', `offer of ${formatCount} formats, at most ${MAX_FORMATS} allowed`);
  }
  // Credentials stand at session level or in each section; bundled sections share them (RFC 8843 §7).
  const transport = (name: string): string[] =>
    [...drafts.map((draft) => draft.attributes), session].flatMap((attributes) => attributes.get(name) ?? []);
  const ufrags = [...new Set(transport('ice-ufrag'))].slice(0, MAX_SECTIONS);
  const ufrag = ufrags[0];
  const fingerprints = transport('fingerprint').slice(0, 8).map(parseFingerprint);
  if (!ufrag) {
    throw new PerchError('badInput', 'the offer has no a=ice-ufrag');
  }
  for (const one of ufrags) {
    requireWord('a=ice-ufrag', one);
  }
  const password = transport('ice-pwd')[0] ?? '';
  if (password !== '') {
    requireWord('a=ice-pwd', password);
  }
  requireStrong(fingerprints);
  const bundle = (session.get('group') ?? []).find((group) => group.startsWith('BUNDLE'));
  const offer = {
    sections: drafts.map((draft, i) => sectionOf(draft, session, i)),
    bundle: bundle?.split(/\s+/).slice(1) ?? [],
    ufrag,
    ufrags,
    password,
    fingerprints,
    setup: parseSetup(transport('setup')[0]),
  };
  // V8 substrings keep their whole text alive.
  return structuredClone(offer);
}

function readLine(line: string, session: Map<string, string[]>, drafts: Draft[]): void {
  if (line.startsWith('m=')) {
    if (drafts.length === MAX_SECTIONS) {
      throw new PerchError('badInput', `offer with more than ${MAX_SECTIONS} media sections`);
    }
    const [kind = '', port = '', protocol = '', ...formatWords] = line.slice(2).split(/\s+/, 4 + MAX_FORMATS);
    if (!/^[\w-]+$/.test(kind) || !/^\d+$/.test(port) || formatWords.length === 0) {
      throw new PerchError('badInput', `'${line.slice(0, 80)}' is not a media line`);
    }
    drafts.push({ kind: kind.toLowerCase(), port, protocol, formatWords, attributes: new Map() });
    return;
  }
  if (!line.startsWith('a=')) {
    return;
  }
  const colon = line.indexOf(':');
  const name = (colon < 0 ? line.slice(2) : line.slice(2, colon)).toLowerCase();
  const attributes = drafts.at(-1)?.attributes ?? session;
  const values = attributes.get(name) ?? [];
  attributes.set(name, values);
  values.push(colon < 0 ? '' : line.slice(colon + 1).trim());
}

function sectionOf(draft: Draft, session: Attributes, index: number): OfferSection {
  const { attributes } = draft;
  const direction = directionOf(attributes) ?? directionOf(session) ?? 'sendrecv';
  const maps = byPayloadType(attributes.get('rtpmap') ?? []);
  const fmtps = byPayloadType(attributes.get('fmtp') ?? []);
  const mid = attributes.get('mid')?.[0] ?? String(index);
  requireWord('a=mid', mid);
  return {
    kind: draft.kind,
    protocol: draft.protocol,
    formatWords: draft.formatWords,
    mid,
    rejectReason: rejectReason(draft, session),
    receives: direction !== 'sendonly' && direction !== 'inactive',
    sends: direction !== 'recvonly' && direction !== 'inactive',
    isSimulcast: attributes.has('simulcast') || (attributes.get('rid')?.length ?? 0) > 1,
    // Each number stands for one format (RFC 8866 §5.14), even if repeated.
    formats: [...new Set(draft.formatWords)].flatMap((word) => formatOf(word, maps, fmtps)),
    maxPacketMs: Math.min(
      ...['ptime', 'maxptime'].map((name) => Number(attributes.get(name)?.[0]) || Number.POSITIVE_INFINITY),
    ),
    hasReducedSize: attributes.has('rtcp-rsize'),
    feedback: new Set(attributes.get('rtcp-fb') ?? []),
  };
}

/** Profiles with DTLS-SRTP and their older spellings (RFC 8829 §5.1.2). */
const SECURE_PROFILE = /^(?:(?:UDP\/TLS|TCP\/DTLS)\/)?RTP\/SAVPF?$/i;

function rejectReason({ kind, port, protocol, attributes }: Draft, session: Attributes): string | undefined {
  // Port 0 disables the section (RFC 3264 §6) unless it is bundled.
  if (port === '0' && !attributes.has('bundle-only')) {
    return 'has port 0';
  }
  if (kind !== 'video' && kind !== 'audio') {
    return undefined;
  }
  if (!SECURE_PROFILE.test(protocol)) {
    return `has the profile ${protocol.slice(0, 40).replace(/[^\w/.-]/g, '?')} instead of UDP/TLS/RTP/SAVPF`;
  }
  // There is one port for all: RFC 8858 §3 lets the answer require it.
  return attributes.has('rtcp-mux') || session.has('rtcp-mux') ? undefined : 'has no a=rtcp-mux';
}

/** Limits words that live as long as the session. */
function requireWord(name: string, word: string): void {
  if (word.length > MAX_WORD_CHARACTERS) {
    throw new PerchError('badInput', `${name} of ${word.length} characters, at most ${MAX_WORD_CHARACTERS} allowed`);
  }
}

const DIRECTIONS = ['sendrecv', 'recvonly', 'sendonly', 'inactive'] as const;

function directionOf(attributes: ReadonlyMap<string, string[]>): (typeof DIRECTIONS)[number] | undefined {
  return DIRECTIONS.find((word) => attributes.has(word));
}

/** RFC 3551 §6: G.711 needs no rtpmap. */
const STATIC_MAPS: Record<number, string> = { 0: 'PCMU/8000', 8: 'PCMA/8000', 9: 'G722/8000' };

function formatOf(word: string, maps: Map<number, string>, fmtps: Map<number, string>): RtpFormat[] {
  const payloadType = /^\d{1,3}$/.test(word) ? Number(word) : -1;
  const map = /^([\w.+-]+)\/(\d{1,6})(?:\/(\d{1,2}))?$/.exec(maps.get(payloadType) ?? STATIC_MAPS[payloadType] ?? '');
  if (payloadType < 0 || payloadType > 127 || !map) {
    return [];
  }
  const fmtp = new Map<string, string>();
  const parameters = fmtps.get(payloadType) ?? '';
  if (parameters.length > MAX_FMTP_CHARACTERS) {
    const limit = `at most ${MAX_FMTP_CHARACTERS} allowed`;
    throw new PerchError('badInput', `a=fmtp of ${parameters.length} characters, ${limit}`);
  }
  // The longest in use (H265 with parameter sets) has a dozen.
  for (const part of parameters.split(';', 16)) {
    const equals = part.indexOf('=');
    const key = part
      .slice(0, equals < 0 ? undefined : equals)
      .trim()
      .toLowerCase();
    if (key !== '') {
      fmtp.set(key, part.slice(equals + 1).trim());
    }
  }
  const encoding = (map[1] ?? '').toUpperCase();
  return [{ payloadType, encoding, clockRate: Number(map[2]), channels: Number(map[3] ?? 1), fmtp }];
}

/** Maps payload types to the rest of the value: `96 H264/90000` → 96: `H264/90000`. */
function byPayloadType(values: readonly string[]): Map<number, string> {
  const map = new Map<number, string>();
  for (const value of values) {
    const match = /^(\d{1,3})\s+(.+)$/.exec(value);
    if (match?.[2] !== undefined) {
      map.set(Number(match[1]), match[2]);
    }
  }
  return map;
}

/** @param word undefined for the default, actpass */
function parseSetup(word: string | undefined): Setup {
  const setup = SETUPS.find((known) => known === (word ?? 'actpass'));
  if (!setup) {
    throw new PerchError('badInput', `a=setup:${word?.slice(0, 40)} is none of ${SETUPS.join(', ')}`);
  }
  return setup;
}

/** Rejects an offer without a fingerprint of a strong hash. SHA-1 can be forged (RFC 8122 §5). */
function requireStrong(fingerprints: readonly Fingerprint[]): void {
  if (fingerprints.length === 0) {
    throw new PerchError('badInput', 'the offer has no a=fingerprint');
  }
  if (!fingerprints.some(({ hash }) => STRONG_HASHES.includes(hash))) {
    const hashes = [...new Set(fingerprints.map(({ hash }) => hash))].join(', ');
    throw new PerchError('badInput', `the offer has fingerprints of ${hashes} only, one of sha-256 is needed`);
  }
}

function parseFingerprint(text: string): Fingerprint {
  const [hash = '', value = ''] = text.split(/\s+/);
  if (!/^[\w-]{1,40}$/.test(hash) || !/^[0-9a-f]{2}(:[0-9a-f]{2}){15,63}$/i.test(value)) {
    throw new PerchError('badInput', `'${text.slice(0, 80)}' is not a fingerprint`);
  }
  return { hash: hash.toLowerCase(), value: value.toUpperCase() };
}

/** Why the browser receives nothing in a section, as a predicate of "its video", or undefined if it does. */
export function cannotReceiveReason({ rejectReason, receives, sends }: OfferSection): string | undefined {
  return rejectReason ?? (receives ? undefined : sends ? 'is sendonly' : 'is inactive');
}

/** Why the browser sends nothing in a section, likewise. */
export function cannotSendReason({ rejectReason, receives, sends }: OfferSection): string | undefined {
  return rejectReason ?? (sends ? undefined : receives ? 'is recvonly' : 'is inactive');
}

/** `: its video is sendonly, its audio has port 0`; empty without reasons. */
export function reasonsOf(
  { sections }: Pick<Offer, 'sections'>,
  why: (section: OfferSection) => string | undefined,
): string {
  const media = sections.filter(({ kind }) => kind === 'video' || kind === 'audio');
  const reasons = media.flatMap((section) => {
    const reason = why(section);
    return reason === undefined ? [] : [`its ${section.kind} ${reason}`];
  });
  return reasons.length === 0 ? '' : `: ${[...new Set(reasons)].join(', ')}`;
}

/** The retransmission format of a format, RFC 4588 §8. */
export function rtxOf(section: OfferSection, { payloadType }: RtpFormat): RtpFormat | undefined {
  return section.formats.find(
    ({ encoding, fmtp }) => encoding === 'RTX' && Number(fmtp.get('apt') ?? -1) === payloadType,
  );
}

/** Whether the browser supports this feedback (RFC 4585 §4.2) for a format. */
export function hasFeedback(section: OfferSection, { payloadType }: RtpFormat, feedback: string): boolean {
  return section.feedback.has(`${payloadType} ${feedback}`) || section.feedback.has(`* ${feedback}`);
}
