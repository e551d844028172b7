import { createHash, generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto';
import type { Assertion, Registration } from '../../../agent/auth/passkeys/passkey.ts';

interface CreationOptions {
  readonly challenge: string;
  readonly rp: { readonly id: string };
}
interface RequestOptions {
  readonly challenge: string;
  readonly rpId: string;
  readonly allowCredentials: readonly { readonly id: string }[];
}

const sha256 = (data: string | Uint8Array): Buffer => createHash('sha256').update(data).digest();
const base64url = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64url');
/** CBOR (RFC 8949): `{"fmt": "none", "attStmt": {}, "authData": …}` up to the length of the data. */
const ATTESTATION = Buffer.from('a363666d74646e6f6e656761747453746d74a068617574684461746159', 'hex');
const USER_PRESENT = 0x01;
const USER_VERIFIED = 0x04;
const HAS_CREDENTIAL = 0x40;

/** A browser with a passkey (WebAuthn Level 3) whose page has this origin. */
export class SoftwareAuthenticator {
  readonly id = base64url(randomBytes(32));
  counter = 0;
  readonly #keys = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  readonly #origin: string;

  constructor(origin: string) {
    this.#origin = origin;
  }

  create({ challenge, rp }: CreationOptions): Registration {
    const id = Buffer.from(this.id, 'base64url');
    const credential = Buffer.concat([Buffer.alloc(16), uint16(id.length), id, coseKey(this.#keys.publicKey)]);
    const data = this.#authenticatorData(rp.id, HAS_CREDENTIAL, credential);
    return {
      ...{ id: this.id, rawId: this.id, type: 'public-key', clientExtensionResults: {} },
      response: {
        clientDataJSON: this.#clientData('webauthn.create', challenge),
        attestationObject: base64url(Buffer.concat([ATTESTATION, uint16(data.length), data])),
        transports: ['internal'],
      },
    };
  }

  get({ challenge, rpId }: RequestOptions): Assertion {
    this.counter += 1;
    const clientDataJSON = this.#clientData('webauthn.get', challenge);
    const data = this.#authenticatorData(rpId, 0, Buffer.alloc(0));
    const signed = Buffer.concat([data, sha256(Buffer.from(clientDataJSON, 'base64url'))]);
    return {
      ...{ id: this.id, rawId: this.id, type: 'public-key', clientExtensionResults: {} },
      response: {
        ...{ clientDataJSON, authenticatorData: base64url(data) },
        signature: base64url(sign('sha256', signed, this.#keys.privateKey)),
      },
    };
  }

  #clientData(type: string, challenge: string): string {
    return base64url(Buffer.from(JSON.stringify({ type, challenge, origin: this.#origin, crossOrigin: false })));
  }

  #authenticatorData(rpId: string, flags: number, credential: Uint8Array): Buffer {
    const counter = Buffer.alloc(4);
    counter.writeUInt32BE(this.counter);
    return Buffer.concat([sha256(rpId), Buffer.of(flags | USER_PRESENT | USER_VERIFIED), counter, credential]);
  }
}

function uint16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16BE(value);
  return bytes;
}

/** ES256 on P-256 (RFC 9053, section 2.1). */
function coseKey(key: KeyObject): Buffer {
  const { x = '', y = '' } = key.export({ format: 'jwk' });
  const [head, between] = [Buffer.from('a5010203262001215820', 'hex'), Buffer.from('225820', 'hex')];
  return Buffer.concat([head, Buffer.from(x, 'base64url'), between, Buffer.from(y, 'base64url')]);
}
