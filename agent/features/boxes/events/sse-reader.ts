import { PerchError } from '../../../base/errors.ts';

/** A server-sent event. */
interface SentEvent {
  readonly type: string;
  readonly data: string;
}

/** UTF-16 units of an event. Perch's own have some hundred. */
const MAX_EVENT = 16_384;

/** Reads a stream of server-sent events (WHATWG HTML §9.2.6), whatever its chunks. */
export class SseReader {
  #rest = '';
  #type = '';
  #lastId: string | undefined;
  #data: string[] = [];
  #length = 0;

  /** The id for `Last-Event-ID`, once all events so far are processed, or undefined before the first. */
  get lastId(): string | undefined {
    return this.#lastId;
  }

  /** @throws PerchError badInput for an event that is too long */
  push(text: string): SentEvent[] {
    const lines = (this.#rest + text).split(/\r\n|\n|\r(?=[^\n])/);
    this.#rest = lines.pop() ?? '';
    this.#check(this.#rest.length);
    return lines.flatMap((line) => this.#line(line));
  }

  #line(line: string): SentEvent[] {
    if (line === '') {
      return this.#end();
    }
    const colon = line.indexOf(':');
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? '' : line.slice(line[colon + 1] === ' ' ? colon + 2 : colon + 1);
    if (field === 'event') {
      this.#type = value;
    } else if (field === 'id') {
      this.#lastId = value;
    } else if (field === 'data') {
      this.#length += value.length + 1;
      this.#data.push(value);
    }
    this.#check(line.length);
    return [];
  }

  #end(): SentEvent[] {
    const event = { type: this.#type || 'message', data: this.#data.join('\n') };
    const isEmpty = this.#data.length === 0;
    this.#type = '';
    this.#data = [];
    this.#length = 0;
    return isEmpty ? [] : [event];
  }

  #check(length: number): void {
    if (length > MAX_EVENT || this.#length > MAX_EVENT) {
      throw new PerchError('badInput', `an event is longer than ${MAX_EVENT} characters`);
    }
  }
}
