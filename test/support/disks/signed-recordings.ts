import { generateKeyPairSync } from 'node:crypto';
import { TableCache } from '../../../agent/playback/read/table-cache.ts';
import { signRecording } from '../../../agent/playback/signing/sign-recording.ts';
import { verifyFile } from '../../../agent/playback/signing/verify-file.ts';
import { saveSignatures } from '../../../agent/record/signing/signature-file.ts';
import type { SignedSection } from '../../../agent/record/signing/signatures.ts';
import { readSigningKey, type SigningKey } from '../../../agent/record/signing/signing-key.ts';
import { WALL } from './recordings.ts';

export const newSigningKey = (): SigningKey =>
  readSigningKey(
    generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  ) as SigningKey;

/** Signs recordings, which begin a while after `WALL`. The signatures are next to them. */
export async function signFiles(
  files: readonly string[],
  key: SigningKey,
  { path = 'cam', startUs = WALL * 1000 } = {},
): Promise<SignedSection[]> {
  const tables = new TableCache();
  const sections: SignedSection[] = [];
  for (const file of files) {
    const tabled = await tables.of({ file });
    const begunUs = tabled.head.mark?.wallUs ?? startUs;
    const section = await signRecording(tabled, key, {
      ...{ path, startUs: begunUs },
      nowUs: () => WALL * 1000 + 7_200e6,
      pace: async () => {},
    });
    await saveSignatures(file, section);
    sections.push(section);
  }
  return sections;
}

/** What `perch verify` says, as one text. */
export async function verified(file: string, more: { readonly signatures?: string; readonly key?: string } = {}) {
  const { code, lines } = await verifyFile({ file, ...more });
  return { code, text: lines.join('\n') };
}
