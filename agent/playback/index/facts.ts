import Type, { type Static } from 'typebox';
import { Check } from 'typebox/value';
import { PerchError } from '../../base/errors.ts';
import type { FileMark } from '../../record/file/file-mark.ts';
import { MAX_LOST_RANGES, playedOf } from '../../record/file/lost-ranges.ts';
import { recordFormatOf } from '../../record/file/record-path.ts';
import { readRecordingHead, signatureOf } from '../../record/file/recording-file.ts';
import { readRecordingTable } from '../../record/file/recording-table.ts';
import type { ReadableFile } from '../../record/file/segment-fs.ts';
import type { StreamMark } from '../../record/file/stream-mark.ts';
import { readTsHead } from '../../record/mpegts/ts-recording-file.ts';
import type { RangeFile } from '../../record/store/range-file.ts';
import { playedOfTs } from '../mpegts/ts-table.ts';

/** What is read of an unknown recording: its header, and its end, which repeats the header before an hour's table. */
const HEAD_BYTES = 16 << 10;
const END_BYTES = 64 << 10;

const Times = { dtsUs: Type.Number(), wallUs: Type.Integer() };
const Facts = Type.Object({
  // A longer duration is not credible.
  durationUs: Type.Integer({ minimum: 1, maximum: 100 * 86_400e6 }),
  /** Size from the start of the table at the recording's end to the end of the file; 0: it has no table. */
  tailBytes: Type.Integer({ minimum: 0 }),
  signature: Type.String({ maxLength: 1_024 }),
  lostUs: Type.Optional(
    Type.Array(Type.Tuple([Type.Integer({ minimum: 0 }), Type.Integer({ minimum: 0 })]), { maxItems: MAX_LOST_RANGES }),
  ),
  mark: Type.Optional(
    Type.Object({ streamId: Type.String({ pattern: '^[0-9a-f]{32}$' }), segmentNumber: Type.Integer(), ...Times }),
  ),
  fileMark: Type.Optional(
    Type.Object({
      firstSequence: Type.Integer(),
      bootId: Type.String({ pattern: '^[0-9a-f]{32}$' }),
      monoUs: Type.Number(),
      isClockTrusted: Type.Boolean(),
      offsetMinutes: Type.Integer(),
    }),
  ),
});

/** What must be known of a recording to list it, and to find its table, without reading it. */
export type RecordingFacts = Static<typeof Facts>;

export const writeFacts = (facts: RecordingFacts): string => JSON.stringify(facts);

/** @returns undefined for any other text, such as that of a recording that cannot be read */
export function parseFacts(text: string): RecordingFacts | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return Check(Facts, value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** Facts of a finished recording on a disk. @returns undefined if the recording is unfinished or damaged */
export async function readFacts(file: string, handle: ReadableFile): Promise<RecordingFacts | undefined> {
  const facts = recordFormatOf(file) === 'mpegts' ? await ofStream(handle) : await ofMp4(handle);
  return facts && Check(Facts, facts) ? facts : undefined;
}

/** Facts of a copy of which nothing is known. */
export async function readRangedFacts(file: string, handle: RangeFile): Promise<RecordingFacts | undefined> {
  const { size } = await handle.stat();
  const [headBytes, endBytes] = [Math.min(HEAD_BYTES, size), Math.min(END_BYTES, size)];
  await Promise.all([handle.keep(0, headBytes), handle.keep(size - endBytes, endBytes)]);
  return readFacts(file, handle);
}

async function ofMp4(handle: ReadableFile): Promise<RecordingFacts | undefined> {
  try {
    const head = await readRecordingHead(handle);
    const { durationMs, mark, fileMark, init, tail, sizeBytes } = head;
    const tailBytes = tail ? sizeBytes - tail.offset : 0;
    const { lost } = tail?.hasHoles ? await readRecordingTable(handle, head) : {};
    const played = playedOf(Math.round(durationMs * 1000), lost);
    return played && { ...played, tailBytes, signature: signatureOf(init.tracks), ...marksOf(mark, fileMark) };
  } catch (error) {
    return unlessDamaged(error);
  }
}

async function ofStream(handle: ReadableFile): Promise<RecordingFacts | undefined> {
  try {
    const head = await readTsHead(handle);
    const played = await playedOfTs(handle, head);
    return played && { ...played, tailBytes: 0, signature: 'mpegts', ...marksOf(head.mark, head.fileMark) };
  } catch (error) {
    return unlessDamaged(error);
  }
}

const marksOf = (mark: StreamMark | undefined, fileMark: FileMark | undefined) => ({
  ...(mark && { mark }),
  ...(fileMark && { fileMark }),
});

function unlessDamaged(error: unknown): undefined {
  if (!(error instanceof PerchError && error.code === 'badInput')) {
    throw error;
  }
}
