import type { FileHandle } from 'node:fs/promises';
import { PerchError } from '../../base/errors.ts';
import { openRegularFile } from '../../base/files/open-regular-file.ts';
import { playedOf } from '../../record/file/lost-ranges.ts';
import { recordFormatOf } from '../../record/file/record-path.ts';
import { type RecordingHead, readRecordingHead, signatureOf } from '../../record/file/recording-file.ts';
import { readRecordingTable } from '../../record/file/recording-table.ts';
import { type PartChain, WholeParts } from '../../record/file/whole-parts.ts';
import { readTsHead } from '../../record/mpegts/ts-recording-file.ts';
import { BUSY_MS } from '../../record/recovery/recovery-plan.ts';
import { playedOfTs } from '../mpegts/ts-table.ts';
import type { SegmentInfo } from './segment-row.ts';

interface InfoOptions {
  /** This process is writing the file. */
  readonly isBeingWritten: boolean;
  readonly known?: PartChain | undefined;
}

export interface ReadInfo {
  readonly info: SegmentInfo;
  /** undefined if the header has the duration. */
  readonly chain: PartChain | undefined;
}

/**
 * Reads a recording's header and, if that lacks the duration, its complete parts from where `known` ended.
 * @returns undefined for a file that was just created
 * @throws PerchError if it is not a recording or has no complete part
 */
export async function readSegmentInfo(file: string, options: InfoOptions): Promise<ReadInfo | undefined> {
  const handle = await openRegularFile(file, 'no links');
  try {
    if (recordFormatOf(file) === 'mpegts') {
      return { info: await readTsInfo(handle, options.isBeingWritten), chain: undefined };
    }
    return await readMp4Info(handle, options);
  } catch (error) {
    if (error instanceof PerchError && options.isBeingWritten) {
      return undefined;
    }
    throw error;
  } finally {
    await handle.close();
  }
}

async function readMp4Info(handle: FileHandle, { isBeingWritten, known }: InfoOptions): Promise<ReadInfo | undefined> {
  const head = await readRecordingHead(handle);
  const { sizeBytes, mtimeMs, isFinished, durationMs, mark, fileMark, init, tail } = head;
  const info = { sizeBytes, mtimeMs, isFinished, mark, fileMark, signature: signatureOf(init.tracks) };
  if (isFinished && durationMs > 0) {
    return { info: await playedPart(handle, head, info, durationMs * 1000, tail?.hasHoles), chain: undefined };
  }
  const parts = new WholeParts(handle, head, { isBeingWritten, chain: known });
  while (await parts.next()) {}
  const { chain } = parts;
  if (chain.count === 0 && !isFinished) {
    if (!fileMark && Date.now() - mtimeMs < BUSY_MS) {
      return undefined;
    }
    throw new PerchError('badInput', `recording of ${sizeBytes} bytes: ${parts.fault}`);
  }
  // Longer durations in a file are not credible.
  const endUs = Math.min(chain.endSeconds, 100 * 86_400) * 1e6;
  return { info: await playedPart(handle, head, info, endUs, chain.holes.length > 0), chain };
}

/** @throws PerchError if no part can be decoded */
async function playedPart(
  handle: FileHandle,
  head: RecordingHead,
  info: Omit<SegmentInfo, 'durationUs' | 'lostUs'>,
  endUs: number,
  hasHoles = false,
): Promise<SegmentInfo> {
  const { lost } = hasHoles ? await readRecordingTable(handle, head) : {};
  const played = playedOf(Math.round(endUs), lost);
  if (!played) {
    throw new PerchError('badInput', `recording of ${info.sizeBytes} bytes: no part has a key frame`);
  }
  return { ...info, ...played };
}

/** Files of other programs do not show whether they grow. @throws PerchError if it is not a recording */
async function readTsInfo(handle: FileHandle, isBeingWritten: boolean): Promise<SegmentInfo> {
  const head = await readTsHead(handle);
  const { hasPackets, isFinished, mark, fileMark, sizeBytes, mtimeMs } = head;
  if (!hasPackets) {
    throw new PerchError('badInput', `recording of ${sizeBytes} bytes does not begin with an MPEG-TS packet`);
  }
  const isKnown = isFinished || fileMark === undefined;
  const played = await playedOfTs(handle, head, isBeingWritten);
  if (!played) {
    throw new PerchError('badInput', `recording of ${sizeBytes} bytes: nothing in it plays`);
  }
  return { sizeBytes, mtimeMs, isFinished: isKnown, ...played, mark, fileMark, signature: 'mpegts' };
}
