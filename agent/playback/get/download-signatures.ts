import { PerchError } from '../../base/errors.ts';
import { unlessFileFault } from '../../record/file/disk-fault.ts';
import { SampleDigests } from '../../record/signing/sample-digests.ts';
import { placesOf } from '../../record/signing/sample-groups.ts';
import { readSignatures, signedSectionIn } from '../../record/signing/signature-file.ts';
import {
  type Presence,
  type Section,
  type SignedGroup,
  type SignedSection,
  writeSignatureBox,
} from '../../record/signing/signatures.ts';
import type { FileCut, TrackCut } from '../read/cut.ts';
import { openRecording } from '../read/range-stream.ts';
import { recordedFile } from '../read/slice.ts';
import type { Tabled } from '../read/table-cache.ts';

/** The signatures of what a download has of each recording. */
export class DownloadSignatures {
  readonly #sections: Section[] = [];

  /** Adds the signatures of a recording. Called in the order of the download. */
  async add(cut: FileCut): Promise<void> {
    const signed = await signaturesOf(cut.tabled);
    const section = signed && (await sectionOf(cut, signed).catch(unlessUnreadable));
    if (section) {
      this.#sections.push(section);
    } else {
      const tracks = cut.tracks.map(({ track, from, to }) => ({ id: track.id, count: to - from }));
      this.#sections.push({ kind: 'unsigned', tracks });
    }
  }

  /** The last box of the file, or undefined if nothing is signed. */
  write(): Uint8Array | undefined {
    return this.#sections.some(({ kind }) => kind === 'signed') ? writeSignatureBox(this.#sections) : undefined;
  }
}

async function signaturesOf({ file, openRemote, moves }: Tabled): Promise<SignedSection | undefined> {
  if (!openRemote) {
    return moves ? moves.at(file, readSignatures) : readSignatures(file);
  }
  const handle = openRemote();
  try {
    return signedSectionIn(await handle.readSignatures?.());
  } finally {
    await handle.close();
  }
}

/** Undefined if they are not those of the recording. */
async function sectionOf(cut: FileCut, signed: SignedSection): Promise<SignedSection | undefined> {
  const tracks = signed.recording.tracks.map(({ id }) => cut.tracks.find(({ track }) => track.id === id));
  const counts = tracks.map((_, i) => signed.groups.reduce((sum, group) => sum + countOf(group, i), 0));
  const isComplete = tracks.every((track, i) => track?.samples.count === counts[i]);
  if (!isComplete || tracks.length !== cut.tracks.length) {
    return undefined;
  }
  const handle = await openRecording(recordedFile(cut.tabled));
  try {
    const hashes = new SampleDigests(handle);
    const starts = tracks.map(() => 0);
    const groups: SignedGroup[] = [];
    for (const group of signed.groups) {
      const presence: Presence[] = [];
      for (const [i, track] of tracks.entries()) {
        const start = starts[i] ?? 0;
        presence.push(await presenceIn(track as TrackCut, start, countOf(group, i), hashes));
        starts[i] = start + countOf(group, i);
      }
      if (presence.some(({ count }) => count > 0)) {
        groups.push({ ...group, presence });
      }
    }
    return { ...signed, groups };
  } finally {
    await handle.close();
  }
}

const countOf = ({ statement }: SignedGroup, track: number): number => statement.tracks[track]?.count ?? 0;

/** @param start of the group's samples in the recording */
async function presenceIn(
  { samples, from, to }: TrackCut,
  start: number,
  whole: number,
  hashes: SampleDigests,
): Promise<Presence> {
  const first = Math.min(Math.max(0, from - start), whole);
  const count = Math.max(0, Math.min(to - start, whole) - first);
  if (count === 0 || count === whole) {
    return { first: 0, count };
  }
  return { first, count, digests: await hashes.of(placesOf(samples, start, start + whole)) };
}

/** Ignores a file that cannot be read: the download ends there, too, when it is read. */
function unlessUnreadable(error: unknown): undefined {
  if (!(error instanceof PerchError)) {
    unlessFileFault(error);
  }
}
