import { createPrivateKey, X509Certificate } from 'node:crypto';
import { join } from 'node:path';
import Type, { type Static } from 'typebox';
import { Check } from 'typebox/value';
import { explain, PerchError } from '../../base/errors.ts';
import { loadPrivate, putAside, savePrivate } from '../../base/files/durable-file.ts';
import type { Logger } from '../../base/log.ts';

/** Name of the file in the data folder. */
export const ACME_FILE = 'acme.json';

const Stored = Type.Object({
  /** PKCS #8, PEM: by it the authority knows this server. */
  accountKey: Type.String(),
  certificate: Type.Optional(
    Type.Object({
      /** Directory of the authority that issued it. */
      directory: Type.String(),
      names: Type.Array(Type.String()),
      key: Type.String(),
      /** With the chain, PEM. */
      cert: Type.String(),
    }),
  ),
  /** The pause after a failure that the authority counts, for these names at that authority. */
  wait: Type.Optional(
    Type.Object({
      directory: Type.String(),
      names: Type.Array(Type.String()),
      /** Unix milliseconds of the failure. */
      atMs: Type.Number(),
      pauseMs: Type.Number(),
      /** The part of it that the authority has asked for. */
      refusedMs: Type.Number(),
      /** In a row. */
      failures: Type.Number(),
      why: Type.String(),
      error: Type.String(),
      /** Unix milliseconds of the first failure. */
      sinceMs: Type.Number(),
    }),
  ),
});
export type StoredAcme = Static<typeof Stored>;
export type StoredCertificate = NonNullable<StoredAcme['certificate']>;

/** @returns undefined if damaged */
export function readStored(value: unknown): StoredAcme | undefined {
  if (!Check(Stored, value)) {
    return undefined;
  }
  try {
    createPrivateKey(value.accountKey);
    const { certificate } = value;
    return certificate && !new X509Certificate(certificate.cert).checkPrivateKey(createPrivateKey(certificate.key))
      ? undefined
      : value;
  } catch {
    return undefined;
  }
}

/** Account and certificate, `acme.json` of the data folder, for its owner only. */
export class AcmeFile {
  readonly #file: string;
  readonly #log: Pick<Logger, 'warn'>;

  constructor(dataDir: string, log: Pick<Logger, 'warn'>) {
    this.#file = join(dataDir, ACME_FILE);
    this.#log = log;
  }

  /** Undefined: there is none. A damaged one is renamed. @throws PerchError unavailable */
  async load(): Promise<StoredAcme | undefined> {
    try {
      const value = await loadPrivate(this.#file);
      const stored = readStored(value);
      if (value === undefined || stored) {
        return stored;
      }
    } catch (error) {
      if (!(error instanceof PerchError) || error.code !== 'badInput') {
        throw error;
      }
    }
    const aside = await putAside(this.#file);
    this.#log.warn({ file: aside }, 'account and certificate are damaged: file renamed, asking for new ones');
    return undefined;
  }

  /** @throws PerchError unavailable */
  async save(stored: StoredAcme): Promise<void> {
    try {
      await savePrivate(this.#file, stored);
    } catch (error) {
      throw new PerchError('unavailable', explain(error), { why: 'file' });
    }
  }
}
