import { verifyAuthenticationResponse, verifyRegistrationResponse } from '@simplewebauthn/server';
import type { Assertion, PasskeyKey, Registration, RelyingParty } from './passkey.ts';

/** Loaded with the first passkey: the library and its parsers of certificates are large. @returns undefined if it is not valid */
export async function verifiedRegistration(
  response: Registration,
  challenge: string,
  { origin, host }: RelyingParty,
): Promise<PasskeyKey | undefined> {
  const { verified, registrationInfo } = await verifyRegistrationResponse({
    response: response as Parameters<typeof verifyRegistrationResponse>[0]['response'],
    expectedChallenge: challenge,
    expectedOrigin: origin,
    expectedRPID: host,
    requireUserVerification: false,
  });
  if (!verified) {
    return undefined;
  }
  const { id, publicKey, counter } = registrationInfo.credential;
  return { id, publicKey: Buffer.from(publicKey).toString('base64url'), counter };
}

/** @returns the counter of the signatures; undefined if the signature is not valid */
export async function verifiedAssertion(
  response: Assertion,
  challenge: string,
  { origin, host }: RelyingParty,
  { id, publicKey, counter }: PasskeyKey,
): Promise<number | undefined> {
  const { verified, authenticationInfo } = await verifyAuthenticationResponse({
    response: response as Parameters<typeof verifyAuthenticationResponse>[0]['response'],
    expectedChallenge: challenge,
    expectedOrigin: origin,
    expectedRPID: host,
    requireUserVerification: false,
    credential: { id, publicKey: new Uint8Array(Buffer.from(publicKey, 'base64url')), counter },
  });
  return verified ? authenticationInfo.newCounter : undefined;
}
