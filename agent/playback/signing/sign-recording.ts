import { randomBytes } from 'node:crypto';
import { isFetchedBoot } from '../../record/file/file-mark.ts';
import { configurationDigest } from '../../record/signing/codec-configuration.ts';
import { SampleDigests } from '../../record/signing/sample-digests.ts';
import { groupSamples, placesOf, samplesOf, tracksToSign } from '../../record/signing/sample-groups.ts';
import type { SignedGroup, SignedSection } from '../../record/signing/signatures.ts';
import {
  ID_BYTES,
  MAX_SIGNED_TRACKS,
  parseStatement,
  previousOf,
  sha256,
  signStatement,
  writeRecording,
  writeStatement,
} from '../../record/signing/signed-group.ts';
import type { SigningKey } from '../../record/signing/signing-key.ts';
import { openRecording } from '../read/range-stream.ts';
import { recordedFile } from '../read/slice.ts';
import type { Tabled } from '../read/table-cache.ts';

interface SigningOptions {
  readonly path: string;
  /** Time of the recording's first sample, in Unix microseconds. */
  readonly startUs: number;
  readonly nowUs: () => number;
  /** Called after each group. */
  readonly pace: () => Promise<void>;
}

/** Hashes the samples of a finished recording and signs each group. @throws PerchError or an error of the file system */
export async function signRecording(
  tabled: Tabled,
  key: SigningKey,
  { path, startUs, nowUs, pace }: SigningOptions,
): Promise<SignedSection> {
  const { init, mark, fileMark } = tabled.head;
  const tracks = tracksToSign(init.tracks)
    .flatMap((track) => {
      const samples = samplesOf(tabled.table, track.id);
      return samples ? [{ ...track, samples }] : [];
    })
    .slice(0, MAX_SIGNED_TRACKS);
  const recording = {
    publicKey: key.publicKey,
    streamId: mark?.streamId ?? randomBytes(ID_BYTES).toString('hex'),
    segmentNumber: mark?.segmentNumber ?? 0,
    path,
    tracks: tracks.map(({ id, kind, sampleEntry }) => ({
      id,
      kind,
      configuration: configurationDigest({ sampleEntry, kind }),
    })),
  };
  const bytes = writeRecording(recording);
  const all = groupSamples(tracks);
  const groups: SignedGroup[] = [];
  const handle = await openRecording(recordedFile(tabled));
  try {
    const hashes = new SampleDigests(handle);
    for (const [number, { startSeconds, endSeconds, ranges }] of all.entries()) {
      const signed: SignedGroup['statement']['tracks'][number][] = [];
      for (const [i, { from, to }] of ranges.entries()) {
        const { samples } = tracks[i] as (typeof tracks)[number];
        signed.push({ count: to - from, digest: sha256(await hashes.of(placesOf(samples, from, to))) });
      }
      const statement = writeStatement({
        number,
        previous: previousOf(groups.at(-1)?.bytes),
        startUs: startUs + startSeconds * 1e6,
        signedUs: nowUs(),
        durationUs: (endSeconds - startSeconds) * 1e6,
        isLast: number === all.length - 1,
        // The times of what was fetched are those of the card or recorder.
        isClockSet: fileMark?.isClockTrusted === true && !isFetchedBoot(fileMark.bootId),
        tracks: signed,
      });
      groups.push({
        bytes: statement,
        statement: parseStatement(statement),
        signature: signStatement(bytes, statement, key.privateKey),
        presence: signed.map(({ count }) => ({ first: 0, count })),
      });
      await pace();
    }
  } finally {
    await handle.close();
  }
  return { kind: 'signed', bytes, recording, groups };
}
