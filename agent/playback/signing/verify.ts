import { PerchError } from '../../base/errors.ts';
import { configurationDigest } from '../../record/signing/codec-configuration.ts';
import { SampleDigests } from '../../record/signing/sample-digests.ts';
import type { Presence, Section, SignedGroup, SignedSection } from '../../record/signing/signatures.ts';
import {
  DIGEST_BYTES,
  type GroupStatement,
  hasSigned,
  isSame,
  previousOf,
  type SignedRecording,
  sha256,
} from '../../record/signing/signed-group.ts';
import { fingerprintOf, publicKeyOf } from '../../record/signing/signing-key.ts';
import type { MediaFile, MediaSample, MediaTrack } from './media-samples.ts';

const MAX_NAMED = 20;
/** Two recordings closer together continue each other. */
const MAX_JOINED_US = 1_000_000;

/** A stretch without a cut, all of it verified. Times by the clock of the box. */
export interface VerifiedSpan {
  readonly path: string;
  readonly fingerprint: string;
  readonly fromUs: number;
  toUs: number;
  groups: number;
  samples: number;
  firstSignedUs: number;
  lastSignedUs: number;
  isClockSet: boolean;
}

type FaultKind =
  /** Samples or the decoder's configuration differ from the signed ones. */
  | 'changed'
  /** Signed samples are not in the file, though its signatures say so. */
  | 'missing'
  | 'signature'
  /** Not the expected one. */
  | 'key'
  | 'order'
  | 'path'
  | 'unsigned';

export interface Fault {
  readonly kind: FaultKind;
  readonly text: string;
  /** By the clock of the box. */
  readonly atUs?: number | undefined;
  /** Where it is in the file. */
  readonly seconds?: number | undefined;
}

export interface Verification {
  readonly spans: readonly VerifiedSpan[];
  /** Between spans of the same recording, or of one recording and the next. */
  readonly cuts: readonly { readonly fromUs: number; readonly toUs: number }[];
  /** The first ones. */
  readonly faults: readonly Fault[];
  readonly faultCount: number;
  /** Tracks that were signed and are not in the file. */
  readonly leftOut: readonly string[];
}

/**
 * Compares the samples of a file with its signatures, in order.
 * @param fingerprint of the key that must have signed all, or undefined for any
 */
export async function verifyMedia(
  media: MediaFile,
  sections: readonly Section[],
  fingerprint?: string,
): Promise<Verification> {
  const verifier = new Verifier(media, fingerprint);
  for (const section of sections) {
    if (section.kind === 'signed') {
      await verifier.signed(section);
    } else {
      await verifier.unsigned(section.tracks);
    }
  }
  return verifier.finish();
}

interface Before {
  readonly recording: SignedRecording;
  readonly group: SignedGroup;
  /** By track of the recording. */
  readonly tracks: readonly { readonly wasSeen: boolean; readonly isComplete: boolean }[];
}

class Verifier {
  readonly #media: MediaFile;
  readonly #hashes: SampleDigests;
  readonly #wanted: string | undefined;
  readonly #spans: VerifiedSpan[] = [];
  readonly #cuts: { fromUs: number; toUs: number }[] = [];
  readonly #faults: Fault[] = [];
  #faultCount = 0;
  readonly #leftOut = new Set<string>();
  readonly #reported = new Set<string>();
  /** Tracks of the file with signed samples. */
  readonly #used = new Set<MediaTrack>();
  #before: Before | undefined;
  /** The next verified group begins a span. */
  #isBroken = true;

  constructor(media: MediaFile, fingerprint: string | undefined) {
    this.#media = media;
    this.#hashes = new SampleDigests(media.handle);
    this.#wanted = fingerprint;
  }

  async signed({ bytes, recording, groups }: SignedSection): Promise<void> {
    const key = publicKeyOf(recording.publicKey);
    const fingerprint = fingerprintOf(recording.publicKey);
    if (this.#wanted !== undefined && fingerprint !== this.#wanted) {
      this.#faultOnce('key', `signed with another key: ${fingerprint}`);
    }
    const path = this.#before?.recording.path ?? recording.path;
    if (path !== recording.path) {
      this.#faultOnce('path', `parts of other cameras: '${path}' and '${recording.path}'`);
    }
    const tracks = this.#tracksOf(recording);
    for (const group of groups) {
      const { startUs } = group.statement;
      const faults = this.#faultCount;
      if (!hasSigned(bytes, group.bytes, group.signature, key)) {
        this.#fault({ kind: 'signature', text: 'a signature is not valid', atUs: startUs });
      }
      const isContinued = this.#follow(recording, group);
      const samples = await this.#compare(group, tracks);
      this.#note(recording, group, { fingerprint, samples, isContinued, isGood: faults === this.#faultCount });
    }
  }

  async unsigned(tracks: readonly { readonly id: number; readonly count: number }[]): Promise<void> {
    for (const { id, count } of tracks) {
      const track = this.#media.tracks.find((one) => one.id === id);
      let seconds: number | undefined;
      let samples = 0;
      for (let sample = await this.#take(track, count); sample; sample = await this.#take(track, count - samples)) {
        seconds ??= sample.seconds;
        samples += 1;
      }
      if (samples > 0) {
        this.#fault({ kind: 'unsigned', text: `${samples} samples of track ${id} were not signed`, seconds });
      }
    }
    this.#isBroken = true;
  }

  async finish(): Promise<Verification> {
    for (const track of this.#media.tracks) {
      let count = 0;
      let seconds: number | undefined;
      for (let sample = await track.next(); sample; sample = await track.next()) {
        seconds ??= sample.seconds;
        count += 1;
      }
      if (count > 0) {
        const what = this.#used.has(track) ? `the last ${count} samples` : `all ${count} samples`;
        this.#fault({ kind: 'unsigned', text: `${what} of track ${track.id} (${track.kind}) are not signed`, seconds });
      }
    }
    return {
      spans: this.#spans,
      cuts: this.#cuts,
      faults: this.#faults,
      faultCount: this.#faultCount,
      leftOut: [...this.#leftOut],
    };
  }

  async #take(track: MediaTrack | undefined, left: number): Promise<MediaSample | undefined> {
    return left > 0 ? track?.next() : undefined;
  }

  /** The file's track for each of the recording: the one with its configuration, or else with its id. */
  #tracksOf(recording: SignedRecording): (MediaTrack | undefined)[] {
    const free = new Set(this.#media.tracks);
    return recording.tracks.map((signed) => {
      const ofKind = [...free].filter(({ kind }) => kind === signed.kind);
      const same = ofKind.filter((track) => isSame(configurationDigest(track), signed.configuration));
      const found =
        same.find(({ id }) => id === signed.id) ?? same[0] ?? ofKind.find(({ id }) => id === signed.id) ?? ofKind[0];
      if (!found) {
        this.#leftOut.add(signed.kind === 'video' ? 'pictures' : 'sound');
        return undefined;
      }
      if (same.length === 0) {
        this.#faultOnce(
          'changed',
          `the decoder's configuration of track ${found.id} (${found.kind}) is not the signed one`,
        );
      }
      free.delete(found);
      this.#used.add(found);
      return found;
    });
  }

  /** @returns the group continues the one before it */
  #follow(recording: SignedRecording, { statement }: SignedGroup): boolean {
    const before = this.#before;
    if (!before) {
      return false;
    }
    const last = before.group.statement;
    const { startUs: atUs, number } = statement;
    const isSameStream = before.recording.streamId === recording.streamId;
    const step = recording.segmentNumber - before.recording.segmentNumber;
    if (isSameStream && (step < 0 || (step === 0 && number <= last.number))) {
      this.#fault({ kind: 'order', text: 'a part stands behind a later one, or twice', atUs });
      return false;
    }
    if (isSameStream && step === 0 && number === last.number + 1) {
      if (!isSame(statement.previous, previousOf(before.group.bytes))) {
        this.#fault({ kind: 'order', text: 'a part does not continue the one before it', atUs });
      }
      return true;
    }
    const isNext = isSameStream && step === 1 && last.isLast && number === 0;
    return isNext || (!isSameStream && last.isLast && number === 0 && isNear(last, statement));
  }

  /** @returns how many samples were compared */
  async #compare(group: SignedGroup, tracks: readonly (MediaTrack | undefined)[]): Promise<number> {
    let samples = 0;
    for (const [i, presence] of group.presence.entries()) {
      const track = tracks[i];
      if (track && presence.count > 0) {
        samples += await this.#compareTrack(group.statement, i, presence, track);
      }
    }
    return samples;
  }

  async #compareTrack(
    { startUs: atUs, tracks }: GroupStatement,
    i: number,
    { first, count, digests }: Presence,
    track: MediaTrack,
  ): Promise<number> {
    const samples: MediaSample[] = [];
    for (
      let sample = await this.#take(track, count);
      sample;
      sample = await this.#take(track, count - samples.length)
    ) {
      samples.push(sample);
    }
    const seconds = samples[0]?.seconds;
    const what = track.kind === 'video' ? 'pictures' : 'sound';
    const found = samples.length < count ? undefined : await this.#digestsOf(samples);
    if (!found) {
      this.#fault({ kind: 'missing', text: `${what}: signed samples are missing`, atUs, seconds });
      return 0;
    }
    if (!isSame(sha256(digests ?? found), tracks[i]?.digest ?? sha256())) {
      this.#fault({ kind: 'changed', text: `${what} differ from the signed ones`, atUs, seconds });
    } else if (digests) {
      const differing = samples.findIndex((_, k) => !isSame(digestAt(found, k), digestAt(digests, first + k)));
      if (differing >= 0) {
        const at = samples[differing]?.seconds;
        this.#fault({ kind: 'changed', text: `${what} differ from the signed ones`, atUs, seconds: at });
      }
    }
    return samples.length;
  }

  async #digestsOf(samples: readonly MediaSample[]): Promise<Uint8Array | undefined> {
    try {
      return await this.#hashes.of(samples);
    } catch (error) {
      if (error instanceof PerchError) {
        return undefined;
      }
      throw error;
    }
  }

  #note(
    recording: SignedRecording,
    group: SignedGroup,
    found: { fingerprint: string; samples: number; isContinued: boolean; isGood: boolean },
  ): void {
    const { statement, presence } = group;
    const before = this.#before;
    const isSameRecording = found.isContinued && statement.number > 0;
    const tracks = presence.map(({ first, count }, i) => {
      const last = isSameRecording ? before?.tracks[i] : undefined;
      const whole = statement.tracks[i]?.count ?? 0;
      const isCut = whole > 0 && count > 0 && last?.wasSeen === true && (!last.isComplete || first > 0);
      const isComplete = whole === 0 ? (last?.isComplete ?? true) : count > 0 && first + count === whole;
      return { isCut, wasSeen: count > 0 || last?.wasSeen === true, isComplete };
    });
    const isCut = before !== undefined && (!found.isContinued || tracks.some((one) => one.isCut));
    this.#before = { recording, group, tracks };
    if (!found.isGood) {
      this.#isBroken = true;
      return;
    }
    const { startUs, durationUs, signedUs, isClockSet } = statement;
    if (isCut && before) {
      const last = before.group.statement;
      this.#cuts.push({ fromUs: last.startUs + last.durationUs, toUs: startUs });
    }
    const span = this.#spans.at(-1);
    if (!span || isCut || this.#isBroken || span.fingerprint !== found.fingerprint) {
      this.#isBroken = false;
      const { path } = recording;
      this.#spans.push({
        path,
        fingerprint: found.fingerprint,
        fromUs: startUs,
        toUs: startUs + durationUs,
        groups: 1,
        samples: found.samples,
        firstSignedUs: signedUs,
        lastSignedUs: signedUs,
        isClockSet,
      });
      return;
    }
    span.toUs = startUs + durationUs;
    span.groups += 1;
    span.samples += found.samples;
    span.firstSignedUs = Math.min(span.firstSignedUs, signedUs);
    span.lastSignedUs = Math.max(span.lastSignedUs, signedUs);
    span.isClockSet &&= isClockSet;
  }

  #faultOnce(kind: FaultKind, text: string): void {
    if (!this.#reported.has(text) && this.#reported.size < MAX_NAMED) {
      this.#reported.add(text);
      this.#fault({ kind, text });
    }
  }

  #fault(fault: Fault): void {
    this.#faultCount += 1;
    if (this.#faults.length < MAX_NAMED) {
      this.#faults.push(fault);
    }
  }
}

const digestAt = (digests: Uint8Array, i: number): Uint8Array =>
  digests.subarray(i * DIGEST_BYTES, (i + 1) * DIGEST_BYTES);

const isNear = (last: GroupStatement, next: GroupStatement): boolean =>
  Math.abs(next.startUs - last.startUs - last.durationUs) <= MAX_JOINED_US;
