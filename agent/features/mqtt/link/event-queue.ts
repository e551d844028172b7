import { mkdir, open, readFile, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { explain } from '../../../base/errors.ts';
import { replaceFile } from '../../../base/files/durable-file.ts';
import { parseJson } from '../../../base/files/parse-json.ts';
import type { Logger } from '../../../base/log.ts';
import { SerialQueue } from '../../../base/serial-queue.ts';

/** Maximum number of queued messages; beyond it the oldest are dropped. */
const MAX_QUEUED = 10_000;

interface Queued {
  readonly number: number;
  readonly text: string;
}

/**
 * Messages that the broker has not confirmed, oldest first. The file has a line for each: `+7 {…}` queued, `-7` confirmed or dropped. A message
 * that is confirmed before the next `save` is never written, so while the broker is connected nothing is written.
 */
export class EventQueue {
  readonly #file: string;
  readonly #log: Logger;
  readonly #queued = new Map<number, string>();
  /** Numbers of messages that are queued but not written yet. */
  readonly #unwritten = new Set<number>();
  /** Numbers of written messages that were confirmed or dropped since the last save. */
  #gone: number[] = [];
  #lines = 0;
  #lastNumber = 0;
  #sentUpTo = 0;
  #hasFailed = false;
  /** The file's last line is incomplete: the next save writes the whole file. */
  #isTorn = false;
  #dropped = 0;
  readonly #saves = new SerialQueue();

  /** Damaged lines are skipped. */
  static async open(file: string, log: Logger): Promise<EventQueue> {
    const queue = new EventQueue(file, log);
    await queue.#load();
    return queue;
  }

  private constructor(file: string, log: Logger) {
    this.#file = file;
    this.#log = log;
  }

  get size(): number {
    return this.#queued.size;
  }

  /** Messages dropped since the start. */
  get dropped(): number {
    return this.#dropped;
  }

  /** @param text without line breaks */
  push(text: string): void {
    this.#lastNumber += 1;
    this.#queued.set(this.#lastNumber, text);
    this.#unwritten.add(this.#lastNumber);
    for (const number of this.#queued.keys()) {
      if (this.#queued.size <= MAX_QUEUED) {
        break;
      }
      this.#dropped += 1;
      this.remove(number);
    }
  }

  /** The oldest message that was not taken since `rewind`. */
  take(): Queued | undefined {
    for (let number = this.#sentUpTo + 1; number <= this.#lastNumber; number += 1) {
      const text = this.#queued.get(number);
      if (text !== undefined) {
        this.#sentUpTo = number;
        return { number, text };
      }
    }
    return undefined;
  }

  /** Makes `take` return unconfirmed messages again. */
  rewind(): void {
    const [oldest = this.#lastNumber + 1] = this.#queued.keys();
    this.#sentUpTo = oldest - 1;
  }

  remove(number: number): void {
    if (this.#queued.delete(number) && !this.#unwritten.delete(number)) {
      this.#gone.push(number);
    }
  }

  /** Writes what has changed. A failure is logged once; the messages stay in memory. */
  save(): Promise<void> {
    return this.#saves.run(() => this.#save());
  }

  async #save(): Promise<void> {
    const [added, gone] = [[...this.#unwritten], [...this.#gone]];
    if (added.length === 0 && gone.length === 0) {
      return;
    }
    const lines = [...gone.map((number) => `-${number}\n`), ...added.map((number) => this.#lineOf(number))];
    const isNew = this.#isTorn || this.#queued.size === 0 || this.#lines + lines.length > 4 * MAX_QUEUED;
    try {
      await mkdir(dirname(this.#file), { recursive: true, mode: 0o700 });
      if (isNew) {
        await replaceFile(this.#file, [...this.#queued.keys()].map((number) => this.#lineOf(number)).join(''), 0o600);
      } else {
        await append(this.#file, lines.join(''));
      }
    } catch (error) {
      if (!this.#hasFailed) {
        this.#log.warn({ cause: explain(error) }, 'MQTT events cannot be saved');
      }
      // An append to a full disk may have written only a part.
      [this.#hasFailed, this.#isTorn] = [true, true];
      return;
    }
    [this.#hasFailed, this.#isTorn] = [false, false];
    this.#gone = this.#gone.slice(gone.length);
    for (const number of added) {
      if (!this.#unwritten.delete(number)) {
        // The message was removed while it was written.
        this.#gone.push(number);
      }
    }
    this.#lines = isNew ? this.#queued.size : this.#lines + lines.length;
  }

  #lineOf(number: number): string {
    return `+${number} ${this.#queued.get(number) ?? ''}\n`;
  }

  async #load(): Promise<void> {
    try {
      const { size } = await stat(this.#file);
      const text = size > 128 << 20 ? '' : await readFile(this.#file, 'utf8');
      this.#isTorn = text !== '' && !text.endsWith('\n');
      for (const line of text.split('\n')) {
        this.#read(line);
      }
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') {
        this.#log.warn({ cause: explain(error) }, 'queued MQTT events cannot be read');
      }
    }
  }

  #read(line: string): void {
    const [, sign, digits, text = ''] = /^([+-])(\d{1,15})(?: (.*))?$/.exec(line) ?? [];
    const number = Number(digits);
    // A power cut may truncate the last line.
    if (sign === '+' && number > this.#lastNumber && parseJson(text) !== undefined) {
      this.#queued.set(number, text);
      this.#lastNumber = number;
    } else if (sign === '-') {
      this.#queued.delete(number);
    }
    this.#lines += 1;
  }
}

async function append(file: string, text: string): Promise<void> {
  const handle = await open(file, 'a', 0o600);
  try {
    await handle.appendFile(text);
    await handle.datasync();
  } finally {
    await handle.close();
  }
}
