import { PerchError } from '../../../../base/errors.ts';

/*
 * DTLS handshake messages, RFC 6347 §4.2.2:
 *
 *   type 1 | length 3 | message number 2 | fragment offset 3 | fragment length 3 | fragment
 *
 * A message may come in several records, in any order and more than once. The caller gets whole messages in order.
 */

export const CLIENT_HELLO = 1;
export const SERVER_HELLO = 2;
export const HELLO_VERIFY_REQUEST = 3;
export const CERTIFICATE = 11;
export const SERVER_KEY_EXCHANGE = 12;
export const CERTIFICATE_REQUEST = 13;
export const SERVER_HELLO_DONE = 14;
export const CERTIFICATE_VERIFY = 15;
export const CLIENT_KEY_EXCHANGE = 16;
export const FINISHED = 20;

export const MESSAGE_HEADER_BYTES = 12;
/** A hello with a post-quantum key has 2 kB, a certificate chain 4 kB. */
const MAX_MESSAGE_BYTES = 16_384;
/** How far ahead of the next message others are kept: the messages of one flight. */
const MAX_AHEAD = 8;

export interface HandshakeMessage {
  readonly type: number;
  readonly number: number;
  /** Body of the message, a copy. */
  readonly body: Buffer;
}

interface Fragment {
  readonly offset: number;
  readonly bytes: Buffer;
}

interface Pending {
  readonly type: number;
  readonly length: number;
  readonly fragments: Fragment[];
  bytes: number;
}

/** Reassembles a peer's messages. Keeps at most what was received; the caller bounds that. */
export class HandshakeMessages {
  #next = 0;
  readonly #pending = new Map<number, Pending>();
  #last: HandshakeMessage | undefined;

  /**
   * Reads a record's body and passes complete messages. A repeated ClientHello is passed again: our answer was lost.
   * @throws PerchError badInput
   */
  receive(body: Buffer, onMessage: (message: HandshakeMessage) => void): void {
    let at = 0;
    while (at < body.length) {
      const end =
        at + MESSAGE_HEADER_BYTES + (at + MESSAGE_HEADER_BYTES <= body.length ? body.readUIntBE(at + 9, 3) : 0);
      if (end > body.length) {
        throw new PerchError('badInput', `handshake fragment ends at byte ${end} of ${body.length}`);
      }
      this.#add(body.subarray(at, end), onMessage);
      at = end;
    }
  }

  #add(fragment: Buffer, onMessage: (message: HandshakeMessage) => void): void {
    const type = fragment[0] as number;
    const length = fragment.readUIntBE(1, 3);
    const number = fragment.readUInt16BE(4);
    const offset = fragment.readUIntBE(6, 3);
    const bytes = fragment.subarray(MESSAGE_HEADER_BYTES);
    if (length > MAX_MESSAGE_BYTES || offset + bytes.length > length) {
      const where = `${offset} to ${offset + bytes.length} of ${length}`;
      throw new PerchError('badInput', `handshake fragment from ${where} bytes, expected ${MAX_MESSAGE_BYTES} at most`);
    }
    if (number < this.#next) {
      const last = this.#last;
      if (last?.number === number && last.type === CLIENT_HELLO && offset + bytes.length === length) {
        onMessage(last);
      }
      return;
    }
    if (number >= this.#next + MAX_AHEAD) {
      return;
    }
    const pending = this.#pending.get(number) ?? { type, length, fragments: [], bytes: 0 };
    if (pending.type !== type || pending.length !== length) {
      throw new PerchError(
        'badInput',
        `handshake message ${number} is of type ${type} and was of type ${pending.type}`,
      );
    }
    this.#pending.set(number, pending);
    pending.fragments.push({ offset, bytes: Buffer.from(bytes) });
    pending.bytes += bytes.length;
    this.#deliver(onMessage);
  }

  #deliver(onMessage: (message: HandshakeMessage) => void): void {
    for (;;) {
      const number = this.#next;
      const pending = this.#pending.get(number);
      const body = pending && assemble(pending);
      if (!pending || !body) {
        return;
      }
      this.#pending.delete(number);
      this.#next = number + 1;
      this.#last = { type: pending.type, number, body };
      onMessage(this.#last);
    }
  }
}

/** @returns undefined if the message is incomplete */
function assemble({ length, fragments, bytes }: Pending): Buffer | undefined {
  if (bytes < length) {
    return undefined;
  }
  const body = Buffer.alloc(length);
  let end = 0;
  for (const { offset, bytes: part } of fragments.sort((a, b) => a.offset - b.offset)) {
    if (offset > end) {
      return undefined;
    }
    body.set(part, offset);
    end = Math.max(end, offset + part.length);
  }
  return end === length ? body : undefined;
}

/** The message in one fragment, as in the transcript (RFC 6347 §4.2.6) and as werift expects it. */
export function writeMessage({ type, number, body }: HandshakeMessage): Buffer {
  const message = Buffer.alloc(MESSAGE_HEADER_BYTES + body.length);
  message[0] = type;
  message.writeUIntBE(body.length, 1, 3);
  message.writeUInt16BE(number, 4);
  message.writeUIntBE(body.length, 9, 3);
  message.set(body, MESSAGE_HEADER_BYTES);
  return message;
}
