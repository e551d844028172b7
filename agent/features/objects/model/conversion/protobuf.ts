/** Writes messages of Protocol Buffers: fields in the order of the calls, so that equal content is equal bytes. */
export class MessageWriter {
  readonly #parts: Uint8Array[] = [];
  #bytes = 0;

  /** A varint: int32, int64, enum. */
  int(field: number, value: number | bigint): this {
    this.#varint(BigInt(field) << 3n);
    return this.#varint(BigInt.asUintN(64, BigInt(value)));
  }

  float(field: number, value: number): this {
    this.#varint((BigInt(field) << 3n) | 5n);
    const bytes = Buffer.alloc(4);
    bytes.writeFloatLE(value);
    return this.#push(bytes);
  }

  bytes(field: number, value: Uint8Array): this {
    this.#varint((BigInt(field) << 3n) | 2n);
    this.#varint(BigInt(value.length));
    return this.#push(value);
  }

  text(field: number, value: string): this {
    return this.bytes(field, Buffer.from(value));
  }

  message(field: number, fill: (message: MessageWriter) => void): this {
    const message = new MessageWriter();
    fill(message);
    return this.bytes(field, message.whole());
  }

  whole(): Uint8Array {
    return Buffer.concat(this.#parts, this.#bytes);
  }

  #varint(value: bigint): this {
    const bytes: number[] = [];
    let rest = value;
    for (; rest > 0x7fn; rest >>= 7n) {
      bytes.push(Number(rest & 0x7fn) | 0x80);
    }
    bytes.push(Number(rest));
    return this.#push(Uint8Array.from(bytes));
  }

  #push(bytes: Uint8Array): this {
    this.#parts.push(bytes);
    this.#bytes += bytes.length;
    return this;
  }
}
