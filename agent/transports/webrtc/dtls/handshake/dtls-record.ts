/*
 * DTLS 1.2 records, RFC 6347 §4.1:
 *
 *   type 1 | version 2 | epoch 2 | sequence number 6 | length 2 | body
 *
 * From epoch 1 on the body is encrypted (AES-128-GCM, RFC 5288 §3): nonce 8 | ciphertext | tag 16.
 */

export const ALERT = 21;
export const HANDSHAKE = 22;

export const RECORD_HEADER_BYTES = 13;
const DTLS_1_2 = 0xfefd;

export const typeOf = (record: Buffer): number => record[0] as number;
export const epochOf = (record: Buffer): number => record.readUInt16BE(3);
export const bodyOf = (record: Buffer): Buffer => record.subarray(RECORD_HEADER_BYTES);

/** Passes each complete record of a datagram as a view; ignores a truncated one. */
export function forEachRecord(datagram: Buffer, onRecord: (record: Buffer) => void): void {
  let at = 0;
  while (at + RECORD_HEADER_BYTES <= datagram.length) {
    const end = at + RECORD_HEADER_BYTES + datagram.readUInt16BE(at + 11);
    if (end > datagram.length) {
      return;
    }
    onRecord(datagram.subarray(at, end));
    at = end;
  }
}

/** @param sequenceNumber 48 bits */
export function writeRecord(type: number, epoch: number, sequenceNumber: number, body: Uint8Array): Buffer {
  const record = Buffer.alloc(RECORD_HEADER_BYTES + body.length);
  record[0] = type;
  record.writeUInt16BE(DTLS_1_2, 1);
  record.writeUInt16BE(epoch, 3);
  record.writeUIntBE(sequenceNumber, 5, 6);
  record.writeUInt16BE(body.length, 11);
  record.set(body, RECORD_HEADER_BYTES);
  return record;
}
