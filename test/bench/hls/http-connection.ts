import { connect, type Socket } from 'node:net';

export interface Answer {
  readonly status: number;
  readonly head: string;
  readonly body: Buffer;
}

/** With the end of what comes before it (RFC 9112 §7.1). */
const LAST_CHUNK = Buffer.from('\r\n0\r\n\r\n');

/** The bytes of all chunks. */
function joined(body: Buffer): Buffer {
  const parts: Buffer[] = [];
  for (let at = 0; ; ) {
    const end = body.indexOf('\r\n', at);
    const size = Number.parseInt(body.toString('latin1', at, end), 16);
    if (!(size > 0)) {
      return Buffer.concat(parts);
    }
    parts.push(body.subarray(end + 2, end + 2 + size));
    at = end + 2 + size + 2;
  }
}

/** One kept connection that costs as little as can be: one request at a time, answers with Content-Length or in chunks. */
export class HttpConnection {
  readonly #socket: Socket;
  #chunks: Buffer[] = [];
  #bytes = 0;
  /** Size of the whole answer in bytes, with its head; undefined while the head has not arrived; NaN: in chunks. */
  #wanted: number | undefined;
  #headBytes = 0;
  #before: Promise<unknown> = Promise.resolve();
  #onAnswer: ((answer: Answer) => void) | undefined;

  constructor(port: number) {
    this.#socket = connect({ host: '127.0.0.1', port, noDelay: true });
    this.#socket.on('data', (chunk: Buffer) => this.#take(chunk));
    this.#socket.on('close', () => this.#fail('closed'));
    this.#socket.on('error', (error) => this.#fail(error.message));
  }

  /** @param request its head with the empty line */
  ask(request: string, onAnswer: (answer: Answer) => void): void {
    this.#onAnswer = onAnswer;
    this.#socket.write(request, 'latin1');
  }

  /** One request at a time: a request waits for the previous one. */
  next(request: string): Promise<Answer> {
    const answer = this.#before.then(() => new Promise<Answer>((resolve) => this.ask(request, resolve)));
    this.#before = answer;
    return answer;
  }

  close(): void {
    this.#onAnswer = undefined;
    this.#socket.destroy();
  }

  #take(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
    if (this.#wanted === undefined) {
      const all = this.#chunks.length === 1 ? chunk : Buffer.concat(this.#chunks);
      const end = all.indexOf('\r\n\r\n');
      if (end < 0) {
        return;
      }
      const head = all.toString('latin1', 0, end);
      this.#headBytes = end + 4;
      this.#wanted = this.#headBytes + Number(/content-length: (\d+)/i.exec(head)?.[1] ?? Number.NaN);
    }
    const isChunked = Number.isNaN(this.#wanted);
    if (isChunked ? this.#endsInLastChunk(chunk) : this.#bytes >= this.#wanted) {
      const all = this.#chunks.length === 1 ? chunk : Buffer.concat(this.#chunks);
      const head = all.toString('latin1', 0, this.#headBytes);
      const body = all.subarray(this.#headBytes);
      const answer = { status: Number(head.slice(9, 12)), head, body: isChunked ? joined(body) : body };
      const onAnswer = this.#onAnswer;
      this.#chunks = [];
      this.#bytes = 0;
      this.#wanted = undefined;
      this.#onAnswer = undefined;
      onAnswer?.(answer);
    }
  }

  #endsInLastChunk(chunk: Buffer): boolean {
    const all = chunk.length < LAST_CHUNK.length ? Buffer.concat(this.#chunks) : chunk;
    return all.subarray(-LAST_CHUNK.length).equals(LAST_CHUNK);
  }

  #fail(reason: string): void {
    const onAnswer = this.#onAnswer;
    this.#onAnswer = undefined;
    onAnswer?.({ status: 0, head: reason, body: Buffer.alloc(0) });
  }
}
