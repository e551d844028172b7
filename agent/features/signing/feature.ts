import Type from 'typebox';
import { becomeOwnerOf } from '../../../system/data-folder.ts';
import { OrNull } from '../../http/api/schema/schemas.ts';
import { readSigningKey } from '../../record/signing/signing-key.ts';
import type { Command, Feature } from '../contract.ts';
import { SIGNING } from './keys.ts';
import { RecordingSigner } from './recording-signer.ts';
import { fingerprintHere, SIGNING_KEY_FILE, signingKeyHere } from './stored-key.ts';

const commands: readonly Command[] = [
  {
    name: 'verify',
    usage: [
      'FILE [--key FINGERPRINT|PEMFILE] [--signatures FILE]',
      'compare a signed recording, or a downloaded part, with its signatures: exit code',
      '0 unchanged, 1 changed or not all signed, 2 not verifiable, 3 parts missing',
    ],
    words: ['FILE'],
    options: { key: { type: 'string' }, signatures: { type: 'string' } },
    run: async ({ words: [file = ''], text, write }) => {
      const { verifyFile } = await import('../../playback/signing/verify-file.ts');
      const { code, lines } = await verifyFile({ file, key: text('key'), signatures: text('signatures') });
      write(`${lines.join('\n')}\n`);
      return code;
    },
  },
  {
    name: 'signing-key',
    usage: ['[--data DIR]', 'show fingerprint and public key of the key that signs recordings'],
    takes: 'file',
    run: async ({ dataDir, write }) => {
      becomeOwnerOf(dataDir);
      write(`${(await signingKeyHere(dataDir)).join('\n')}\n`);
      return 0;
    },
  },
];

const facts = {
  signingKey: OrNull(
    Type.String({
      description: 'Fingerprint (SHA-256) of the key that signs recordings. Null before the first signature.',
    }),
  ),
};

export const signing: Feature = {
  name: 'signing',
  keys: SIGNING,
  commands,
  backup: [{ name: SIGNING_KEY_FILE, isWhole: (text) => readSigningKey(text) !== undefined }],
  open(host) {
    const signer = new RecordingSigner(host);
    return {
      facts: { schema: facts, read: async () => ({ signingKey: (await fingerprintHere(host.dataDir)) ?? null }) },
      indexed: () => signer.begin(host.signal),
      close: () => signer.close(),
    };
  },
};
