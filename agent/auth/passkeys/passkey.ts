import { isIP } from 'node:net';
import Type, { type Static } from 'typebox';
import { PerchError } from '../../base/errors.ts';

const Id = Type.String({ minLength: 1, maxLength: 1_400 });
const Data = Type.String({ minLength: 1, maxLength: 20_000 });
const Extensions = Type.Record(Type.String({ maxLength: 64 }), Type.Unknown());
const Attachment = Type.Optional(Type.Union([Type.String({ maxLength: 32 }), Type.Null()]));
const Transports = Type.Array(Type.String({ maxLength: 32 }), { maxItems: 10 });

/** `RegistrationResponseJSON` of WebAuthn Level 3, section 5.1. */
export const Registration = Type.Object({
  id: Id,
  rawId: Id,
  type: Type.Literal('public-key'),
  response: Type.Object({
    clientDataJSON: Data,
    attestationObject: Data,
    transports: Type.Optional(Transports),
  }),
  clientExtensionResults: Extensions,
  authenticatorAttachment: Attachment,
});
export type Registration = Static<typeof Registration>;

/** `AuthenticationResponseJSON` of WebAuthn Level 3, section 5.1. */
export const Assertion = Type.Object({
  id: Id,
  rawId: Id,
  type: Type.Literal('public-key'),
  response: Type.Object({
    clientDataJSON: Data,
    authenticatorData: Data,
    signature: Data,
    userHandle: Type.Optional(Type.Union([Data, Type.Null()])),
  }),
  clientExtensionResults: Extensions,
  authenticatorAttachment: Attachment,
});
export type Assertion = Static<typeof Assertion>;

export const Passkey = Type.Object({
  /** Credential ID, base64url. */
  id: Id,
  /** Public key in COSE format (RFC 9052), base64url. */
  publicKey: Type.String({ maxLength: 4_000 }),
  /** Signature counter of the authenticator; many authenticators always send 0. */
  counter: Type.Number(),
  transports: Transports,
  /** Name for people. */
  name: Type.String({ maxLength: 64 }),
  /** The relying party ID: browsers use the passkey only there. */
  host: Type.String({ maxLength: 253 }),
  /** Unix milliseconds. */
  created: Type.Number(),
  lastUsed: Type.Union([Type.Number(), Type.Null()]),
  /** That of its last login: none that was issued before is accepted any more. */
  challenge: Type.Optional(Type.String({ pattern: '^[\\w-]{72}$' })),
});
export type Passkey = Static<typeof Passkey>;
export type PasskeyKey = Pick<Passkey, 'id' | 'publicKey' | 'counter'>;

/** Origin and host of the page that uses a passkey. */
export interface RelyingParty {
  /** Such as `https://perch.local:8443`. */
  readonly origin: string;
  readonly host: string;
}

/** The assertion of a passkey, and the page that it comes from. */
export interface PasskeyProof {
  readonly response: Assertion;
  readonly relyingParty: RelyingParty;
}

/**
 * Browsers allow passkeys in secure contexts, and not at IP addresses: an origin needs a domain (WebAuthn Level 3, section 5.1.3).
 * @param origin header of the request
 */
export function relyingPartyOf(origin = ''): RelyingParty | undefined {
  const url = URL.canParse(origin) ? new URL(origin) : undefined;
  const host = url?.hostname ?? '';
  const isLocal = host === 'localhost' || host.endsWith('.localhost');
  const isSecure = url?.protocol === 'https:' || (url?.protocol === 'http:' && isLocal);
  return isSecure && host !== '' && isIP(host) === 0 && !host.startsWith('[') ? { origin, host } : undefined;
}

/** @throws PerchError badInput where browsers use no passkeys */
export function requireRelyingParty(origin: string | undefined): RelyingParty {
  const relyingParty = relyingPartyOf(origin);
  if (!relyingParty) {
    throw new PerchError('badInput', 'passkeys need https and a name: browsers allow none at an IP address', {
      why: 'noPasskeysHere',
    });
  }
  return relyingParty;
}
