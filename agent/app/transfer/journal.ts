import { readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import Type, { type Static } from 'typebox';
import { Check } from 'typebox/value';
import { savePrivate, syncFolder } from '../../base/files/durable-file.ts';
import { codeOf } from '../../record/file/disk-fault.ts';
import type { LeftFile } from '../import/left-file.ts';

const MAX_BYTES = 1 << 20;

const LeftOut = Type.Object({
  file: Type.String(),
  why: Type.Unsafe<LeftFile['why']>(Type.String()),
  reason: Type.String(),
});
const Stored = Type.Object({
  version: Type.Literal(1),
  kind: Type.Enum(['move', 'import', 'fetch']),
  box: Type.Optional(Type.String()),
  sinceUs: Type.Optional(Type.Number()),
  untilUs: Type.Optional(Type.Number()),
  maxBytesPerSecond: Type.Optional(Type.Integer()),
  from: Type.Optional(Type.String()),
  items: Type.Optional(Type.Array(Type.Object({ group: Type.String(), path: Type.String() }))),
  isPaused: Type.Boolean(),
  startedMs: Type.Number(),
  doneFiles: Type.Integer(),
  doneBytes: Type.Integer(),
  present: Type.Optional(Type.Integer()),
  leftOut: Type.Optional(Type.Object({ count: Type.Integer(), items: Type.Array(LeftOut) })),
  memory: Type.Record(Type.String(), Type.Unknown()),
});
/** A transfer that is not over. */
export type StoredTransfer = Static<typeof Stored>;

/** Remembers a transfer over restarts and power cuts. */
export class TransferJournal {
  readonly #file: string;
  #saving: Promise<void> = Promise.resolve();

  constructor(file: string) {
    this.#file = file;
  }

  /** undefined: none, or damaged, which loses nothing: it is started again by hand. */
  load(onFault: (error: unknown) => void): StoredTransfer | undefined {
    try {
      const text = readFileSync(this.#file, 'utf8');
      const found: unknown = text.length > MAX_BYTES ? undefined : JSON.parse(text);
      if (Check(Stored, found)) {
        return found;
      }
      throw new Error('it has another form');
    } catch (error) {
      if (codeOf(error) !== 'ENOENT') {
        onFault(error);
      }
      return undefined;
    }
  }

  save(transfer: StoredTransfer): Promise<void> {
    return this.#next(() => savePrivate(this.#file, transfer));
  }

  remove(): Promise<void> {
    return this.#next(async () => {
      await rm(this.#file, { force: true });
      await syncFolder(dirname(this.#file));
    });
  }

  #next(work: () => Promise<void>): Promise<void> {
    this.#saving = this.#saving.catch(() => {}).then(work);
    return this.#saving;
  }
}
