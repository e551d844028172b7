import { join } from 'node:path';
import Type, { type Static } from 'typebox';
import { LABEL_TYPES, type LabelType } from '../../base/event-kinds.ts';
import { StoredDocument } from '../../base/files/stored-document.ts';
import type { Logger } from '../../base/log.ts';
import { DAY_MS } from '../../base/time/units.ts';

/** A camera that has named no object for this long no longer does. */
const FORGET_MS = 30 * DAY_MS;

const Test = Type.Object({
  /** Of the model and of this version of Perch. */
  key: Type.String(),
  pictureMs: Type.Number(),
  memoryMb: Type.Union([Type.Number(), Type.Null()]),
});
type Test = Static<typeof Test>;

const State = Type.Object({
  test: Type.Optional(Test),
  /** Days of 1970 on which cameras last named objects: by path and object. */
  cameras: Type.Record(Type.String(), Type.Partial(Type.Record(Type.Enum([...LABEL_TYPES]), Type.Integer()))),
});

/** What is known of the box and of its cameras, in a file of the data folder. */
export class KnownObjects {
  readonly #document: StoredDocument<typeof State>;
  readonly #version: string;
  #state: Static<typeof State> = { cameras: {} };

  constructor(dataDir: string, version: string, log: Logger) {
    this.#document = new StoredDocument(join(dataDir, 'objects.json'), State, log);
    this.#version = version;
  }

  async begin(): Promise<void> {
    this.#state = (await this.#document.open('the box is tested again')) ?? this.#state;
  }

  /** The result for a model, or undefined: another version of Perch, or another model, is tested again. */
  testOf(model: string): Omit<Test, 'key'> | undefined {
    const { test } = this.#state;
    return test?.key === this.#keyOf(model) ? { pictureMs: test.pictureMs, memoryMb: test.memoryMb } : undefined;
  }

  keepTest({ key, ...test }: Test): void {
    this.#state = { ...this.#state, test: { key: this.#keyOf(key), ...test } };
    void this.#save();
  }

  /** The camera of a path has reported such an object. */
  noteCamera(path: string, label: LabelType, nowMs: number): boolean {
    const day = Math.floor(nowMs / DAY_MS);
    const wasNamed = this.isNamed(path, label, nowMs);
    if (this.#state.cameras[path]?.[label] === day) {
      return false;
    }
    const of = { ...this.#state.cameras[path], [label]: day };
    const others = Object.entries(this.#state.cameras).filter(([name]) => name !== path);
    // Publishers name paths.
    this.#state = { ...this.#state, cameras: Object.fromEntries([...others.slice(-999), [path, of]]) };
    void this.#save();
    return !wasNamed;
  }

  /** Whether the camera itself names such objects. */
  isNamed(path: string, label: LabelType, nowMs: number): boolean {
    const day = this.#state.cameras[path]?.[label];
    // A day to come is one of a clock that was wrong.
    return day !== undefined && day * DAY_MS <= nowMs && nowMs - day * DAY_MS < FORGET_MS;
  }

  close(): Promise<void> {
    return this.#document.close();
  }

  #save(): Promise<boolean> {
    return this.#document.trySave(() => this.#state, 'what is known of objects is not saved');
  }

  #keyOf = (model: string): string => `${model} ${this.#version}`;
}
