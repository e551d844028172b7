import { PerchError } from '../../base/errors.ts';

/**
 * MIKEY, RFC 3830, as RTSP uses it (RFC 7826 §C.1.4.1): one message of the sender, without encryption and authentication of
 * its own, because it goes through TLS. It carries one key of SRTP_AES128_CM_HMAC_SHA1_80.
 */
export interface MikeyMessage {
  /** Identifies the crypto session bundle. */
  readonly bundleId: number;
  readonly streams: readonly MikeyStream[];
  /** NTP timestamp, 64 bits. */
  readonly ntpTime: bigint;
  readonly random: Uint8Array;
  /** 16 bytes. */
  readonly key: Uint8Array;
  /** 14 bytes. */
  readonly salt: Uint8Array;
  /** Master key identifier that each packet carries (RFC 3711 §3.1); empty: none. */
  readonly mki: Uint8Array;
}

export interface MikeyStream {
  readonly ssrc: number;
  readonly rollOverCounter: number;
}

/** Table 6.1.b. */
const PAYLOAD = { last: 0, kemac: 1, time: 5, id: 6, certificate: 7, policy: 10, random: 11, extension: 21 } as const;
const VERSION = 1;
const PRE_SHARED_KEY = 0;
const MAP_SRTP = 0;
const HEADER_BYTES = 10;
const STREAM_BYTES = 9;
/** RFC 3830 §6.6: by type of timestamp, NTP-UTC, NTP and COUNTER. */
const TIME_BYTES = [8, 8, 4];
const KEY_TYPE = { tek: 2, tekWithSalt: 3 } as const;
const VALIDITY = { none: 0, spi: 1, interval: 2 } as const;
const KEY_BYTES = 16;
const SALT_BYTES = 14;
const RANDOM_BYTES = 16;
const MAX_BYTES = 4096;
const MAX_PAYLOADS = 32;

/** §6.10.1: the values that we support, by type of parameter. */
const POLICY: readonly (readonly [type: number, name: string, values: readonly number[]])[] = [
  [0, 'encryption', [1]],
  [1, 'encryption key length', [16]],
  [2, 'authentication', [1]],
  // GStreamer up to 1.22 writes the length of the tag here.
  [3, 'authentication key length', [20, 10]],
  [4, 'salt length', [14]],
  [5, 'pseudo-random function', [0]],
  [6, 'key derivation rate', [0]],
  [7, 'SRTP encryption', [1]],
  [8, 'SRTCP encryption', [1]],
  [10, 'SRTP authentication', [1]],
  [11, 'tag length', [10]],
  [12, 'prefix length', [0]],
];
/**
 * AES-CM with 128 bits, HMAC-SHA1 with a tag of 80 bits, SRTP and SRTCP encrypted and authenticated. HMAC-SHA1's key has 20 bytes
 * (RFC 3711 §5.2), but the key length is written as 10, because GStreamer takes it for the length of the tag.
 */
const OUR_POLICY = [0, 1, 1, 1, 1, KEY_BYTES, 2, 1, 1, 3, 1, 10, 7, 1, 1, 8, 1, 1, 10, 1, 1, 11, 1, 10];

/** Writes a message: header with its streams, then timestamp, random number, policy and key. */
export function writeMikey(message: MikeyMessage): Uint8Array {
  const { streams, key, salt, mki } = message;
  const bytes: number[] = [
    VERSION,
    PRE_SHARED_KEY,
    PAYLOAD.time,
    0,
    ...word(message.bundleId),
    streams.length,
    MAP_SRTP,
  ];
  for (const { ssrc, rollOverCounter } of streams) {
    bytes.push(0, ...word(ssrc), ...word(rollOverCounter));
  }
  const time = [Number(message.ntpTime >> 32n), Number(message.ntpTime & 0xffff_ffffn)];
  bytes.push(PAYLOAD.random, 0, ...time.flatMap(word));
  bytes.push(PAYLOAD.policy, message.random.length, ...message.random);
  bytes.push(PAYLOAD.kemac, 0, 0, ...half(OUR_POLICY.length), ...OUR_POLICY);
  // Key and salt as one TEK, as GStreamer and MediaMTX read them.
  const validity = mki.length === 0 ? [] : [mki.length, ...mki];
  const keyType = (KEY_TYPE.tek << 4) | (mki.length === 0 ? VALIDITY.none : VALIDITY.spi);
  const keyData = [PAYLOAD.last, keyType, ...half(KEY_BYTES + SALT_BYTES), ...key, ...salt, ...validity];
  bytes.push(PAYLOAD.last, 0, ...half(keyData.length), ...keyData, 0);
  return Uint8Array.from(bytes);
}

const half = (value: number): number[] => [(value >> 8) & 0xff, value & 0xff];
const word = (value: number): number[] => [...half(value >>> 16), ...half(value)];

/** @throws PerchError badInput, or `unsupported` for other algorithms */
export function parseMikey(bytes: Uint8Array): MikeyMessage {
  if (bytes.length > MAX_BYTES) {
    throw new PerchError('badInput', `MIKEY message of ${bytes.length} bytes, at most ${MAX_BYTES}`);
  }
  return new MikeyReader(bytes).read();
}

class MikeyReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;
  #ntpTime = 0n;
  #random: Uint8Array = new Uint8Array(RANDOM_BYTES);
  #key: Pick<MikeyMessage, 'key' | 'salt' | 'mki'> | undefined;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  read(): MikeyMessage {
    this.#need(HEADER_BYTES);
    const [version, type] = [this.#byte(), this.#byte()];
    if (version !== VERSION || type !== PRE_SHARED_KEY) {
      const expected = `version ${VERSION}, type ${PRE_SHARED_KEY}`;
      throw new PerchError('unsupported', `MIKEY version ${version}, message type ${type}, expected ${expected}`);
    }
    let payload = this.#byte();
    this.#byte();
    const bundleId = this.#word();
    const streams = this.#streams();
    for (let count = 0; payload !== PAYLOAD.last; count += 1) {
      if (count === MAX_PAYLOADS) {
        throw new PerchError('badInput', `MIKEY message of more than ${MAX_PAYLOADS} payloads`);
      }
      const next = this.#byte();
      this.#payload(payload);
      payload = next;
    }
    if (!this.#key) {
      throw new PerchError('badInput', 'MIKEY message without a key');
    }
    return { bundleId, streams, ntpTime: this.#ntpTime, random: this.#random, ...this.#key };
  }

  #streams(): MikeyStream[] {
    const count = this.#byte();
    const map = this.#byte();
    if (map !== MAP_SRTP) {
      throw new PerchError('unsupported', `MIKEY map of type ${map}, expected ${MAP_SRTP}`);
    }
    this.#need(count * STREAM_BYTES);
    return Array.from({ length: count }, () => {
      this.#byte();
      return { ssrc: this.#word(), rollOverCounter: this.#word() };
    });
  }

  #payload(type: number): void {
    switch (type) {
      case PAYLOAD.time:
        this.#time();
        return;
      case PAYLOAD.random:
        this.#random = this.#take(this.#byte());
        return;
      case PAYLOAD.policy:
        this.#policy();
        return;
      case PAYLOAD.kemac:
        this.#kemac();
        return;
      case PAYLOAD.id:
      case PAYLOAD.certificate:
      case PAYLOAD.extension:
        this.#byte();
        this.#take(this.#half());
        return;
      default:
        throw new PerchError('unsupported', `MIKEY payload ${type} is not supported`);
    }
  }

  #time(): void {
    const length = TIME_BYTES[this.#byte()];
    if (length === undefined) {
      throw new PerchError('badInput', 'MIKEY timestamp of unknown type');
    }
    const time = this.#take(length);
    this.#ntpTime = time.reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
  }

  #policy(): void {
    this.#byte();
    const protocol = this.#byte();
    const end = this.#half() + this.#at;
    this.#need(end - this.#at);
    if (protocol !== 0) {
      throw new PerchError('unsupported', `MIKEY policy of protocol ${protocol}, expected SRTP`);
    }
    while (this.#at < end) {
      const type = this.#byte();
      const value = this.#take(this.#byte());
      const known = POLICY.find(([other]) => other === type);
      if (known && !(value.length === 1 && known[2].includes(value[0] as number))) {
        const expected = 'expected AES_CM_128_HMAC_SHA1_80';
        throw new PerchError('unsupported', `SRTP with ${known[1]} ${value.join(' ').slice(0, 20)}, ${expected}`);
      }
    }
    if (this.#at !== end) {
      throw new PerchError('badInput', 'MIKEY policy exceeds its length');
    }
  }

  /** §6.2: one unencrypted key, without MAC. */
  #kemac(): void {
    const encryption = this.#byte();
    const end = this.#half() + this.#at;
    this.#need(end - this.#at + 1);
    if (encryption !== 0 || this.#bytes[end] !== 0) {
      throw new PerchError('unsupported', 'MIKEY key with encryption or MAC: TLS protects it');
    }
    this.#key = this.#keyData();
    if (this.#at !== end) {
      throw new PerchError('unsupported', 'MIKEY message with several keys');
    }
    this.#at += 1;
  }

  /** §6.13. */
  #keyData(): Pick<MikeyMessage, 'key' | 'salt' | 'mki'> {
    this.#byte();
    const kind = this.#byte();
    const [type, validity] = [kind >> 4, kind & 0xf];
    const data = this.#take(this.#half());
    const salt = type === KEY_TYPE.tekWithSalt ? this.#take(this.#half()) : data.subarray(KEY_BYTES);
    const key = data.subarray(0, type === KEY_TYPE.tekWithSalt ? data.length : KEY_BYTES);
    const isKnown = type === KEY_TYPE.tek || type === KEY_TYPE.tekWithSalt;
    if (!isKnown || key.length !== KEY_BYTES || salt.length !== SALT_BYTES) {
      throw new PerchError('unsupported', `MIKEY key of type ${type}, ${key.length} bytes and ${salt.length} of salt`);
    }
    return { key, salt, mki: this.#validity(validity) };
  }

  #validity(kind: number): Uint8Array {
    const mki = kind === VALIDITY.spi ? this.#take(this.#byte()) : new Uint8Array(0);
    if (kind === VALIDITY.interval) {
      this.#take(this.#byte());
      this.#take(this.#byte());
    } else if (kind > VALIDITY.interval || mki.length > 128) {
      throw new PerchError('unsupported', `MIKEY key of validity ${kind}, MKI of ${mki.length} bytes`);
    }
    return mki;
  }

  #byte(): number {
    return this.#take(1)[0] as number;
  }

  #half(): number {
    this.#need(2);
    const value = this.#view.getUint16(this.#at);
    this.#at += 2;
    return value;
  }

  #word(): number {
    this.#need(4);
    const value = this.#view.getUint32(this.#at);
    this.#at += 4;
    return value;
  }

  /** A view. */
  #take(length: number): Uint8Array {
    this.#need(length);
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }

  #need(length: number): void {
    if (this.#at + length > this.#bytes.length) {
      throw new PerchError('badInput', `MIKEY message ends at byte ${this.#bytes.length}, ${length} more expected`);
    }
  }
}
