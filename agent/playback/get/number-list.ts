const IS_LITTLE_ENDIAN = new Uint8Array(Uint32Array.of(1).buffer)[0] === 1;

export class NumberList {
  #values = new Uint32Array(1024);
  #count = 0;

  get count(): number {
    return this.#count;
  }

  push(value: number): void {
    if (this.#count === this.#values.length) {
      this.#grow(this.#count * 2);
    }
    this.#values[this.#count] = value;
    this.#count += 1;
  }

  /** Reserves room for `count` more numbers, with little spare room: a call covers the samples of an hour. */
  reserve(count: number): void {
    if (this.#count + count > this.#values.length) {
      this.#grow(Math.max(this.#count + count, this.#values.length + (this.#values.length >> 3)));
    }
  }

  pushAll(values: Uint32Array): void {
    this.reserve(values.length);
    this.#values.set(values, this.#count);
    this.#count += values.length;
  }

  /** Big-endian, in place: called once, at the end. */
  toBytes(): Uint8Array {
    const values = this.#count === this.#values.length ? this.#values : this.#values.slice(0, this.#count);
    this.#values = new Uint32Array(0);
    const bytes = Buffer.from(values.buffer);
    return IS_LITTLE_ENDIAN ? bytes.swap32() : bytes;
  }

  #grow(count: number): void {
    const values = new Uint32Array(count);
    values.set(this.#values);
    this.#values = values;
  }
}

export class RunList {
  readonly entries = new NumberList();
  #value = 0;
  #length = 0;

  push(value: number): void {
    this.pushMany(value, 1);
  }

  pushMany(value: number, count: number): void {
    if (value !== this.#value) {
      this.flush();
      this.#value = value;
    }
    this.#length += count;
  }

  flush(): void {
    if (this.#length > 0) {
      this.entries.push(this.#length);
      this.entries.push(this.#value);
      this.#length = 0;
    }
  }
}
