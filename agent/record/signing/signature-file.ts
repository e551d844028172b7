import { rename, unlink, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { syncFolder } from '../../base/files/durable-file.ts';
import { readRegularFile } from '../../base/files/open-regular-file.ts';
import { unlessFileFault } from '../file/disk-fault.ts';
import { RECORDING_MODE } from '../file/segment-fs.ts';
import { MAX_SIGNATURES_BYTES, parseSignatures, type SignedSection, writeSignatures } from './signatures.ts';

/** The signatures of a recording lie next to it, and are deleted with it. */
export const signatureFileOf = (recording: string): string => `${recording}.sig`;
const draftOf = (recording: string): string => `${signatureFileOf(recording)}.new`;

/** Files that are deleted with the recording. */
export const signatureFilesOf = (recording: string): readonly string[] => [
  signatureFileOf(recording),
  draftOf(recording),
];

/** After a power cut the file is complete, or not there. */
export async function saveSignatures(recording: string, section: SignedSection): Promise<void> {
  await writeFile(draftOf(recording), writeSignatures([section]), { mode: RECORDING_MODE, flush: true });
  await rename(draftOf(recording), signatureFileOf(recording));
  await syncFolder(dirname(recording));
}

/** Undefined if they are missing or damaged. */
export const readSignatures = async (recording: string): Promise<SignedSection | undefined> =>
  signedSectionIn((await readSignatureFile(recording).catch(unlessFileFault))?.bytes);

/** The file and its time, or undefined if there is none, or it is damaged or something else. @throws an error of the file system */
export async function readSignatureFile(recording: string) {
  const found = await readRegularFile(signatureFileOf(recording), MAX_SIGNATURES_BYTES);
  return signedSectionIn(found?.bytes) && found;
}

/** The section in the bytes of a signature file, or undefined if there is none, or it is damaged. */
export function signedSectionIn(bytes: Uint8Array | undefined): SignedSection | undefined {
  try {
    const { sections, isWhole } = bytes ? parseSignatures(bytes) : { sections: [], isWhole: false };
    const [section] = sections;
    return isWhole && section?.kind === 'signed' ? section : undefined;
  } catch {
    return undefined;
  }
}

export async function removeSignatures(recording: string): Promise<void> {
  for (const file of signatureFilesOf(recording)) {
    await unlink(file).catch(() => undefined);
  }
}
