import { createHash, type KeyObject, sign, verify } from 'node:crypto';
import { join, text, u8, u16, u32, u64 } from '../../media/mp4/box/boxes.ts';
import { uint64, viewOf } from '../../media/mp4/box/walk.ts';

/** Start of everything that the key signs: its signatures are valid for nothing else. */
const DOMAIN = text('Perch recording signature v1\0');
export const DIGEST_BYTES = 32;
export const SIGNATURE_BYTES = 64;
export const ID_BYTES = 16;
export const MAX_SIGNED_TRACKS = 16;
const FLAG_LAST = 1;
const FLAG_CLOCK_SET = 2;
const NO_DIGEST = new Uint8Array(DIGEST_BYTES);

interface SignedTrack {
  /** Track id in the recording. */
  readonly id: number;
  readonly kind: 'video' | 'audio';
  /** SHA-256 of the decoder's configuration. */
  readonly configuration: Uint8Array;
}

/** What all signatures of a recording share. */
export interface SignedRecording {
  /** Ed25519, the 32 bytes of RFC 8032. */
  readonly publicKey: Uint8Array;
  /** 32 hexadecimal digits, shared by files that continue each other. */
  readonly streamId: string;
  /** Number of the file within its stream. */
  readonly segmentNumber: number;
  readonly path: string;
  /** The first one leads: groups begin at its sync samples. */
  readonly tracks: readonly SignedTrack[];
}

/** Consecutive samples of all tracks, about one group of pictures. */
export interface GroupStatement {
  /** Number of the group in its recording, from 0. */
  readonly number: number;
  /** SHA-256 of the statement of the previous group; zeros in the first group. */
  readonly previous: Uint8Array;
  /** Capture time of its start and time of the signature by the clock of the box, Unix microseconds. */
  readonly startUs: number;
  readonly signedUs: number;
  readonly durationUs: number;
  /** The recording ends with this group. */
  readonly isLast: boolean;
  /** The clock had been set when the recording began. */
  readonly isClockSet: boolean;
  /** By track: number of samples, and the SHA-256 of their SHA-256s. */
  readonly tracks: readonly { readonly count: number; readonly digest: Uint8Array }[];
}

export const sha256 = (...parts: readonly Uint8Array[]): Uint8Array => {
  const hash = createHash('sha256');
  for (const part of parts) {
    hash.update(part);
  }
  return new Uint8Array(hash.digest());
};

export const isSame = (one: Uint8Array, other: Uint8Array): boolean => Buffer.compare(one, other) === 0;

/** @param statement of the group before, or undefined if it is the first one */
export const previousOf = (statement: Uint8Array | undefined): Uint8Array =>
  statement ? sha256(statement) : NO_DIGEST;

export function writeRecording(recording: SignedRecording): Uint8Array {
  const { publicKey, streamId, segmentNumber, path, tracks } = recording;
  const name = new TextEncoder().encode(path);
  return join([
    publicKey,
    Buffer.from(streamId, 'hex'),
    u32(segmentNumber),
    u16(name.length),
    name,
    u8(tracks.length),
    ...tracks.flatMap(({ id, kind, configuration }) => [u32(id), u8(kind === 'video' ? 1 : 2), configuration]),
  ]);
}

/** undefined for bytes of another form. */
export function parseRecording(bytes: Uint8Array): SignedRecording | undefined {
  const nameAt = DIGEST_BYTES + ID_BYTES + 4 + 2;
  if (bytes.length < nameAt + 1) {
    return undefined;
  }
  const view = viewOf(bytes);
  const nameBytes = view.getUint16(nameAt - 2);
  const tracksAt = nameAt + nameBytes + 1;
  const count = nameBytes <= 1_024 && tracksAt <= bytes.length ? view.getUint8(tracksAt - 1) : 0;
  if (count === 0 || count > MAX_SIGNED_TRACKS || bytes.length !== tracksAt + count * (5 + DIGEST_BYTES)) {
    return undefined;
  }
  const tracks: SignedTrack[] = [];
  for (let at = tracksAt; at < bytes.length; at += 5 + DIGEST_BYTES) {
    const kind = view.getUint8(at + 4) === 1 ? 'video' : 'audio';
    tracks.push({ id: view.getUint32(at), kind, configuration: bytes.slice(at + 5, at + 5 + DIGEST_BYTES) });
  }
  return {
    publicKey: bytes.slice(0, DIGEST_BYTES),
    streamId: Buffer.from(bytes.subarray(DIGEST_BYTES, DIGEST_BYTES + ID_BYTES)).toString('hex'),
    segmentNumber: view.getUint32(DIGEST_BYTES + ID_BYTES),
    path: new TextDecoder().decode(bytes.subarray(nameAt, nameAt + nameBytes)),
    tracks,
  };
}

const FIXED_BYTES = 4 + DIGEST_BYTES + 8 + 8 + 8 + 1;
const TRACK_BYTES = 4 + DIGEST_BYTES;

export const statementBytes = (tracks: number): number => FIXED_BYTES + tracks * TRACK_BYTES;

export function writeStatement(statement: GroupStatement): Uint8Array {
  const { number, previous, startUs, signedUs, durationUs, isLast, isClockSet, tracks } = statement;
  return join([
    u32(number),
    previous,
    ...[startUs, durationUs, signedUs].map((us) => u64(Math.max(0, Math.round(us)))),
    u8((isLast ? FLAG_LAST : 0) | (isClockSet ? FLAG_CLOCK_SET : 0)),
    ...tracks.flatMap(({ count, digest }) => [u32(count), digest]),
  ]);
}

/** @param bytes `statementBytes` of them */
export function parseStatement(bytes: Uint8Array): GroupStatement {
  const view = viewOf(bytes);
  const timesAt = 4 + DIGEST_BYTES;
  const flags = view.getUint8(FIXED_BYTES - 1);
  const tracks: GroupStatement['tracks'][number][] = [];
  for (let at = FIXED_BYTES; at + TRACK_BYTES <= bytes.length; at += TRACK_BYTES) {
    tracks.push({ count: view.getUint32(at), digest: bytes.slice(at + 4, at + TRACK_BYTES) });
  }
  return {
    number: view.getUint32(0),
    previous: bytes.slice(4, timesAt),
    startUs: uint64(view, timesAt),
    durationUs: uint64(view, timesAt + 8),
    signedUs: uint64(view, timesAt + 16),
    isLast: (flags & FLAG_LAST) !== 0,
    isClockSet: (flags & FLAG_CLOCK_SET) !== 0,
    tracks,
  };
}

const messageOf = (recording: Uint8Array, statement: Uint8Array): Uint8Array =>
  join([DOMAIN, u32(recording.length), recording, statement]);

/** @param recording,statement as written */
export const signStatement = (recording: Uint8Array, statement: Uint8Array, key: KeyObject): Uint8Array =>
  new Uint8Array(sign(null, messageOf(recording, statement), key));

export const hasSigned = (
  recording: Uint8Array,
  statement: Uint8Array,
  signature: Uint8Array,
  key: KeyObject,
): boolean => verify(null, messageOf(recording, statement), key, signature);
