import { StringDecoder } from 'node:string_decoder';
import type { Clock } from '../base/clock.ts';
import { redact } from '../base/log.ts';

/** Burst, then lines per second: a program that complains about every frame must not fill the log. */
const BURST_LINES = 100;
const LINES_PER_SECOND = 5;
const CUT_URL = /[a-z][a-z0-9+.-]*:\/\/\S*$/i;

interface LineSink {
  line(text: string): void;
  /** Called with the number of dropped lines. */
  leftOut(lines: number): void;
}

/** A program's output as log lines, limited in length and rate, without passwords of URLs. */
export class ProgramOutput {
  readonly #sink: LineSink;
  readonly #clock: Pick<Clock, 'monoMs'>;
  readonly #decoder = new StringDecoder('utf8');
  #rest = '';
  #isCut = false;
  #hasReturned = false;
  #credit = BURST_LINES;
  #creditMs: number;
  #leftOut = 0;

  constructor(sink: LineSink, clock: Pick<Clock, 'monoMs'>) {
    this.#sink = sink;
    this.#clock = clock;
    this.#creditMs = clock.monoMs();
  }

  push(chunk: Buffer): void {
    const pieces = this.#decoder.write(chunk).split('\n');
    const last = pieces.pop() ?? '';
    for (const piece of pieces) {
      this.#add(piece);
      this.#endLine();
    }
    this.#add(last);
  }

  end(): void {
    this.#add(this.#decoder.end());
    this.#endLine();
    if (this.#leftOut > 0) {
      this.#sink.leftOut(this.#leftOut);
      this.#leftOut = 0;
    }
  }

  #add(piece: string): void {
    // A carriage return overwrites the line, as progress displays do: only the last text counts.
    const text = piece.endsWith('\r') ? piece.slice(0, -1) : piece;
    const start = text.lastIndexOf('\r') + 1;
    if (start > 0 || (this.#hasReturned && text !== '')) {
      this.#rest = '';
      this.#isCut = false;
    }
    this.#hasReturned = text.length < piece.length;
    // Longer lines are cut.
    const room = 1_000 - this.#rest.length;
    this.#isCut ||= text.length - start > room;
    this.#rest += text.slice(start, start + room);
  }

  #endLine(): void {
    const isCut = this.#isCut;
    // A truncated URL may end in a part of a password that `redact` does not recognise.
    const text = (isCut ? this.#rest.replace(CUT_URL, '') : this.#rest).trimEnd();
    this.#rest = '';
    this.#isCut = false;
    this.#hasReturned = false;
    if (text === '') {
      return;
    }
    if (!this.#mayTell()) {
      this.#leftOut += 1;
      return;
    }
    if (this.#leftOut > 0) {
      this.#sink.leftOut(this.#leftOut);
      this.#leftOut = 0;
    }
    this.#sink.line(`${redact(text)}${isCut ? '…' : ''}`);
  }

  #mayTell(): boolean {
    const nowMs = this.#clock.monoMs();
    this.#credit = Math.min(BURST_LINES, this.#credit + ((nowMs - this.#creditMs) / 1_000) * LINES_PER_SECOND);
    this.#creditMs = nowMs;
    if (this.#credit < 1) {
      return false;
    }
    this.#credit -= 1;
    return true;
  }
}
